/** The options of `createE2EE`, and what they are checked for. */
import { E2eeError } from "./errors.ts";
import type { CompatOptions } from "./compat.ts";
import { type CipherSuite, DEFAULT_SUITE, SUITE_NUMBER } from "./kinds.ts";
import type { Ask, Diagnostics, PostableWasm } from "./protocol.ts";
import type { Session } from "./session/session.ts";

/** Where the keys of a call come from. */
export type Keys =
  | {
      /**
       * One secret that everybody in the call shares: text (a link, a passphrase) or bytes. It is stretched in the
       * worker (PBKDF2, 600 000 rounds), and every sender's keys are derived from it and from an incarnation that is
       * drawn anew on every page load, so no two senders ever use the same key.
       */
      readonly secret: string | Uint8Array;
    }
  | {
      /**
       * A secret of this participant's own, 16 to 256 random bytes, that the application's key agreement hands to the
       * others, who set it with `setKey(participant, baseKey)`. It is not stretched. The same incarnation applies, so
       * using it again after a reload is safe.
       */
      readonly baseKey: Uint8Array;
    };

/** Options of `createE2EE`. */
export interface E2eeOptions extends BaseOptions {
  /** Name of the call, 1 to 512 bytes of UTF-8; the same for everybody. Keys are bound to it. */
  readonly call: string;
  /** This participant's id, 1 to 512 bytes of UTF-8, as the others will name it in `addParticipant`. */
  readonly participant: string;
  /** Keys; they may also be set later, and until then nothing is sent. */
  readonly keys?: Keys;
  /**
   * A session of `frameseal/session` in the same room, as the same participant: keys come from its members, in place of
   * `keys`, announcements and `rotate()`. A session needs WebAssembly.
   */
  readonly session?: Session;
}

/** What can be chosen whatever the call. */
export interface BaseOptions {
  /** Cipher suite that this participant seals with. Default: `AES_128_GCM_SHA256_128`. In a session its policy says. */
  readonly suite?: CipherSuite;
  /**
   * Media is sent encrypted or not at all. There is no other mode; the option says so where it is read.
   */
  readonly required?: true;
  /** A worker that the page made from `frameseal/worker` (trusted types, bundlers). One worker serves one call. */
  readonly worker?: Worker;
  /** Where `frameseal/worker` is served. Default: beside this module. */
  readonly workerUrl?: string | URL;
  /** The media module (with a session: `media-session.wasm`): where it is served, or itself. Default: beside the worker. */
  readonly wasm?: string | URL | Response | ArrayBuffer | ArrayBufferView | WebAssembly.Module;
  /** `auto` (default): WebAssembly, and WebCrypto alone where the page's policy refuses WebAssembly. */
  readonly engine?: "auto" | "wasm" | "webcrypto";
  /** How transforms are attached; default: what the browser does best. For tests. */
  readonly transform?: "auto" | "script" | "streams";
  /**
   * Fills audio frames up to a multiple of 64 bytes, so that their sizes do not follow speech. Costs up to 25 kbit/s
   * a stream. Default: off.
   */
  readonly padding?: boolean;
  /**
   * **Test only, off by default.** Makes the worker report pieces of plaintext, so that a test can ask a server
   * whether it saw them. Never set this where people talk.
   */
  readonly diagnostics?: Diagnostics;
}

/** Options checked, in the form that the worker takes. */
export async function initRequest(options: E2eeOptions, compat: CompatOptions | null = null, session: MessagePort | null = null): Promise<Extract<Ask, { readonly t: "init" }>> {
  checkName("call", options.call);
  checkName("participant", options.participant);
  const suite = SUITE_NUMBER[options.suite ?? DEFAULT_SUITE] as number | undefined;
  if (suite === undefined) throw new E2eeError("BadOption", `suite: unknown cipher suite ${String(options.suite)}`);
  return {
    t: "init",
    call: options.call,
    participant: options.participant,
    suite,
    engine: options.engine ?? "auto",
    wasm: await postable(options.wasm),
    padding: options.padding ?? false,
    diagnostics: options.diagnostics ?? null,
    compat,
    session,
  };
}

/** A session is of one room and one participant. */
export function checkSession({ call, participant, keys, session }: E2eeOptions): void {
  if (session === undefined) return;
  if (keys !== undefined) throw new E2eeError("BadOption", "keys: they come from the session; leave one of the two out");
  if (session.room !== call || session.participant !== participant) {
    throw new E2eeError("BadOption", `session: it is of ${session.participant} in ${session.room}, not of ${participant} in ${call}`);
  }
}

/** Names are bounded as in the core. */
export function checkName(what: string, name: unknown): asserts name is string {
  const length = typeof name === "string" ? new TextEncoder().encode(name).length : 0;
  if (length < 1 || length > 512) throw new E2eeError("BadOption", `${what}: want a string of 1 to 512 bytes, got ${length}`);
}

/** A copy of secret bytes for the worker, so that the caller's stay theirs. */
export function secretBytes(secret: string | Uint8Array): Uint8Array {
  const bytes = typeof secret === "string" ? new TextEncoder().encode(secret) : new Uint8Array(secret);
  if (bytes.length === 0) throw new E2eeError("BadKey", "the room secret is empty");
  return bytes;
}

async function postable(wasm: E2eeOptions["wasm"]): Promise<PostableWasm | null> {
  if (wasm === undefined) return null;
  if (typeof wasm === "string" || wasm instanceof URL) return new URL(wasm, globalThis.location?.href).href;
  if (wasm instanceof Response) {
    if (!wasm.ok) throw new E2eeError("WasmFailed", `wasm: the response says ${wasm.status} ${wasm.statusText}`);
    return wasm.arrayBuffer();
  }
  if (ArrayBuffer.isView(wasm)) {
    return new Uint8Array(wasm.buffer, wasm.byteOffset, wasm.byteLength).slice().buffer;
  }
  return wasm;
}
