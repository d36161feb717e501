/** Where the keys of a LiveKit room come from. */
import { E2eeError } from "../errors.ts";
import type { Kdf } from "../compat.ts";

/** One secret of the whole room. Every participant gets keys of its own from it. */
export type RoomKeys =
  /** Words that people say or type. Their strength is the strength of the room. */
  | { readonly passphrase: string }
  /** The secret of a link, 48 hexadecimal digits (192 bits): see {@link newLinkSecret}. */
  | { readonly link: string }
  /** 16 to 256 random bytes that the application hands to everybody. */
  | { readonly raw: Uint8Array };

const LINK_BYTES = 24;
const RAW_LENGTH = { least: 16, most: 256 } as const;

/** A new secret for a link, to stand behind the `#` of an address, which browsers do not send to any server. */
export function newLinkSecret(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(LINK_BYTES));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** The secret in the fragment of an address (`location.hash`), or `null` when it holds none. */
export function linkSecretOf(hash: string): string | null {
  const found = hash.replace(/^#/, "");
  return isLinkSecret(found) ? found : null;
}

function isLinkSecret(text: unknown): text is string {
  return typeof text === "string" && /^[0-9a-f]{48}$/.test(text);
}

/** The bytes of a room's secret, or what is wrong with it. */
export function roomSecret(keys: RoomKeys): string | Uint8Array {
  if ("passphrase" in keys) {
    if (typeof keys.passphrase !== "string") throw new E2eeError("BadKey", `passphrase: want text; bytes go in as "raw"`);
    if (keys.passphrase === "") throw new E2eeError("BadKey", "passphrase: it is empty");
    return keys.passphrase;
  }
  if ("link" in keys) {
    if (!isLinkSecret(keys.link)) throw new E2eeError("BadKey", "link: want 48 hexadecimal digits in small letters, as newLinkSecret() makes them");
    return keys.link;
  }
  const { raw } = keys;
  if (!(raw instanceof Uint8Array)) throw new E2eeError("BadKey", `raw: want a Uint8Array; words go in as "passphrase"`);
  if (raw.length < RAW_LENGTH.least || raw.length > RAW_LENGTH.most) {
    throw new E2eeError("BadKey", `raw: want ${RAW_LENGTH.least} to ${RAW_LENGTH.most} bytes, got ${raw.length}`);
  }
  return raw;
}

/** The same for LiveKit's format, as livekit-client derives: from text by PBKDF2, from bytes by HKDF. */
export function livekitSecret(keys: RoomKeys): { kdf: Kdf; secret: Uint8Array<ArrayBuffer> } {
  const secret = roomSecret(keys);
  return typeof secret === "string"
    ? { kdf: "PBKDF2", secret: new TextEncoder().encode(secret) }
    : { kdf: "HKDF", secret: new Uint8Array(secret) };
}
