/** What seals and opens: the same door whether WebAssembly or WebCrypto alone stands behind it. */
import type { Direction, TrackKind } from "../kinds.ts";
import type { CompatAnswer, CompatAsk } from "../compat.ts";
import type { EngineName } from "../protocol.ts";

/** The part of an encoded frame that is used here; Chromium, Firefox and tests all have it. */
export interface EncodedFrame {
  data: ArrayBuffer;
  /** `key`, `delta` or `empty` on video, absent on audio. */
  readonly type?: string | undefined;
  getMetadata(): { readonly mimeType?: string | undefined; readonly payloadType?: number | undefined };
}

/**
 * The status of one frame, a number so that a frame makes no garbage:
 * {@link PASS} hand it on, {@link TURBO} hand it on (its cipher ran in WebCrypto), negative: drop it, for the error
 * code `-status`.
 */
export type Status = number;

export const PASS = 0;
export const TURBO = 1;

/** One direction of one track inside an engine. It is used by one frame at a time. */
export interface Lane {
  /**
   * Seals or opens `frame` in place (`frame.data` is replaced). Never throws for what a frame holds.
   * Synchronous whenever it can be.
   *
   * @param rule Codec rule number.
   * @param busy Frames come one on the heels of the other, so throughput counts more than the latency of this one.
   */
  run(frame: EncodedFrame, rule: number, busy: boolean): Status | Promise<Status>;
  /** Moves the lane to another kind or participant. */
  bind(kind: TrackKind, participant: string | null): void;
  /** Frees what it holds. */
  close(): void;
}

/** Keys of everybody, and the lanes that use them. Methods throw `Refusal`. */
export interface Engine {
  readonly name: EngineName;
  /** Public text that the others need to open what this participant seals. */
  announcement(): string;
  /** 32 stretched bytes; the own and every announced participant's keys derive from them. */
  setRoomSecret(stretched: Uint8Array): void | Promise<void>;
  /** A secret of this sender's own, in place of the room's. */
  setSenderKey(baseKey: Uint8Array): void | Promise<void>;
  setReceiverKey(participant: string, baseKey: Uint8Array): void | Promise<void>;
  addParticipant(participant: string, announcement: string): void | Promise<void>;
  removeParticipant(participant: string): void;
  /** A new generation; returns its number. */
  rotate(): number | Promise<number>;
  /** One step forward; returns the step. */
  ratchet(): number | Promise<number>;
  /** The page's clock, milliseconds: retires old keys. */
  tick(nowMs: number): void;
  lane(direction: Direction, kind: TrackKind, participant: string | null): Lane;
  /** JSON-able figures without any key. */
  report(): unknown;
  /** Size of the WebAssembly memory, bytes, or `null`. */
  memoryBytes(): number | null;
  /** Another format beside the own one, where the page asked for it. */
  compat?(ask: CompatAsk): Promise<CompatAnswer>;
}
