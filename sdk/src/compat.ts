/** What page and worker say to each other of LiveKit's format, beside Frameseal's own. */

/** Which format frames are sealed in. */
export type Format = "sframe" | "livekit";

/**
 * Which formats a room uses.
 *
 * - `sframe`: Frameseal's own alone (RFC 9605, keys of each sender's own). Who does not speak it sees and hears nothing.
 * - `livekit`: LiveKit's alone, for rooms with stock clients.
 * - `auto`: Frameseal's as long as everybody in the room speaks it, LiveKit's while somebody does not. Both are opened.
 */
export type FormatPolicy = Format | "auto";

/** How keys are derived from what was set; as livekit-client does it. */
export type Kdf = "HKDF" | "PBKDF2";

/** Settings of LiveKit's format: they must be those of the other clients. */
export interface LivekitFormatOptions {
  /** Bits of the AES keys. Default: 128, as every client has. */
  readonly keyBits?: 128 | 256;
  /** Slots of the key ring, 1 to 256. Default: 16. */
  readonly ringSize?: number;
  /** How many steps ahead a sender may ratchet. Default: 8. */
  readonly ratchetWindow?: number;
  /** Default: `LKFrameEncryptionKey`. */
  readonly ratchetSalt?: string;
}

/** What the worker needs at its start. */
export interface CompatOptions extends Required<LivekitFormatOptions> {
  readonly policy: "livekit" | "auto";
}

/** What the page asks. */
export type CompatAsk =
  | { readonly what: "key"; readonly participant: string | null; readonly index: number; readonly kdf: Kdf; readonly secret: Uint8Array<ArrayBuffer> }
  | { readonly what: "send"; readonly format: Format }
  /** Of a call with a session in place of LiveKit's format: it is gone, so seal nothing. */
  | { readonly what: "hush" }
  | { readonly what: "injected"; readonly trailer: Uint8Array }
  | { readonly what: "seal"; readonly data: Uint8Array }
  | { readonly what: "open"; readonly participant: string; readonly data: Uint8Array; readonly iv: Uint8Array; readonly keyIndex: number };

/** A sealed message. */
export interface SealedData {
  readonly payload: Uint8Array<ArrayBuffer>;
  readonly iv: Uint8Array<ArrayBuffer>;
  readonly keyIndex: number;
}

/** What the answers hold: nothing, a sealed message, an opened one. */
export type CompatAnswer = SealedData | Uint8Array<ArrayBuffer> | null;
