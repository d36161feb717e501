/** What lib-jitsi-meet hands over as an externally managed key, and the secret that follows from it. */

/** Keys of a session: what the page hands over in place of a key. */
export interface SessionKeys {
  /** The channel over which the session's worker tells them; see `session/channel.ts`. */
  readonly channel: string;
  readonly room: string;
  readonly participant: string;
}

/** A secret for everybody, and the suite that its strength asks for. */
export interface SharedSecret {
  readonly secret: Uint8Array<ArrayBuffer>;
  /** The number in the SFrame registry. */
  readonly suite: number;
}

/** What was given, told apart. `none`: there is no key any more. */
export type Given =
  | { readonly t: "none" }
  | { readonly t: "session"; readonly keys: SessionKeys }
  | { readonly t: "key"; readonly key: CryptoKey }
  | { readonly t: "raw"; readonly bytes: Uint8Array<ArrayBuffer> }
  | { readonly t: "other" };

const AES_128_GCM = 4;
const AES_256_GCM = 5;
/** Of twelve bytes. */
const IV = "frameseal 01";
const INFO = "Frameseal 1 Jitsi";
const SECRET_LENGTH = 32;

/** Bare, or in an object as some versions of lib-jitsi-meet hand it over. */
export function readGiven(given: unknown): Given {
  if (given === null || given === undefined || given === false) return { t: "none" };
  if (given instanceof CryptoKey) return { t: "key", key: given };
  if (given instanceof ArrayBuffer) return { t: "raw", bytes: new Uint8Array(given) };
  if (given instanceof Uint8Array) return { t: "raw", bytes: given as Uint8Array<ArrayBuffer> };
  if (typeof given !== "object") return { t: "other" };
  if ("encryptionKey" in given) return readGiven(given.encryptionKey);
  const keys = "frameseal" in given ? (given.frameseal as Partial<SessionKeys> | null) : null;
  const named = (name: unknown): name is string => typeof name === "string" && name !== "";
  if (!named(keys?.channel) || !named(keys.room) || !named(keys.participant)) return { t: "other" };
  return { t: "session", keys: { channel: keys.channel, room: keys.room, participant: keys.participant } };
}

/**
 * The secret of a key that cannot be exported. Of a key for AES-GCM it is 32 bytes of its keystream under an IV that nothing
 * else uses: AES is a pseudorandom function, and this key does nothing else in a call of this format. Of one for HKDF it is
 * derived. `null`: neither.
 */
export async function secretOf(key: CryptoKey): Promise<SharedSecret | null> {
  const text = new TextEncoder();
  const { name, length } = key.algorithm as AesKeyAlgorithm;
  if (name === "AES-GCM" && key.usages.includes("encrypt") && (length === 128 || length === 256)) {
    const stream = await crypto.subtle.encrypt({ name, iv: text.encode(IV) }, key, new Uint8Array(SECRET_LENGTH));
    return { secret: new Uint8Array(stream.slice(0, SECRET_LENGTH)), suite: length === 128 ? AES_128_GCM : AES_256_GCM };
  }
  if (name === "HKDF" && key.usages.includes("deriveBits")) {
    const params = { name, hash: "SHA-256", salt: new Uint8Array(), info: text.encode(INFO) };
    return { secret: new Uint8Array(await crypto.subtle.deriveBits(params, key, SECRET_LENGTH * 8)), suite: AES_128_GCM };
  }
  return null;
}

/** Bytes count as the key for AES-GCM that they are. They are wiped. */
export async function keyOf(bytes: Uint8Array<ArrayBuffer>): Promise<CryptoKey | null> {
  try {
    if (bytes.length !== 16 && bytes.length !== 32) return null;
    return await crypto.subtle.importKey("raw", bytes, "AES-GCM", false, ["encrypt"]);
  } finally {
    bytes.fill(0);
  }
}
