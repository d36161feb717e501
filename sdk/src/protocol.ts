/**
 * The messages between page and worker. Secrets go in, never out: no message of {@link FromWorker} can hold a key.
 */
import type { CompatAnswer, CompatAsk, CompatOptions } from "./compat.ts";
import type { Direction, TrackKind, TrackState } from "./kinds.ts";

/** Where the media module comes from. A `Response` is read on the page, as it cannot be posted. */
export type PostableWasm = string | ArrayBuffer | WebAssembly.Module;

/** Which engine seals and opens: the WebAssembly core, or WebCrypto alone where WebAssembly is refused. */
export type EngineName = "wasm" | "webcrypto";

/** Test only: see `E2eeOptions.diagnostics`. */
export interface Diagnostics {
  /** Where the worker reports plaintext windows of the frames it seals. */
  readonly plaintextUrl?: string;
}

/** One direction of one track. */
export interface TrackSetup {
  readonly track: number;
  readonly direction: Direction;
  readonly kind: TrackKind;
  /** Whose frames these are; `null` while a receiver is not assigned. */
  readonly participant: string | null;
}

/** Options of the `RTCRtpScriptTransform`, seen by the worker in `rtctransform`. */
export interface TransformOptions {
  readonly frameseal: TrackSetup;
}

/** What the page asks of the worker. Those with `id` are answered by `done` or `failed`. */
export type ToWorker =
  | {
      readonly t: "init";
      readonly id: number;
      readonly call: string;
      readonly participant: string;
      readonly suite: number;
      readonly engine: EngineName | "auto";
      readonly wasm: PostableWasm | null;
      readonly padding: boolean;
      readonly diagnostics: Diagnostics | null;
      readonly compat: CompatOptions | null;
      /** Where a session's keys come from; see `session/port.ts`. */
      readonly session: MessagePort | null;
    }
  | { readonly t: "room-secret"; readonly id: number; readonly secret: Uint8Array }
  | { readonly t: "sender-key"; readonly id: number; readonly baseKey: Uint8Array }
  | {
      readonly t: "receiver-key";
      readonly id: number;
      readonly participant: string;
      readonly baseKey: Uint8Array;
    }
  | { readonly t: "add"; readonly id: number; readonly participant: string; readonly announcement: string }
  | { readonly t: "remove"; readonly id: number; readonly participant: string }
  | { readonly t: "rotate"; readonly id: number }
  | { readonly t: "ratchet"; readonly id: number }
  | { readonly t: "seal-data"; readonly id: number; readonly data: Uint8Array<ArrayBuffer> }
  | { readonly t: "open-data"; readonly id: number; readonly participant: string; readonly data: Uint8Array<ArrayBuffer> }
  | { readonly t: "compat"; readonly id: number; readonly ask: CompatAsk }
  | { readonly t: "tally"; readonly id: number }
  | { readonly t: "report"; readonly id: number }
  | { readonly t: "track"; readonly setup: TrackSetup }
  | { readonly t: "codecs"; readonly track: number; readonly mimeTypes: Readonly<Record<number, string>> }
  | { readonly t: "drop-track"; readonly track: number }
  | {
      readonly t: "streams";
      readonly setup: TrackSetup;
      readonly readable: ReadableStream;
      readonly writable: WritableStream;
    }
  | { readonly t: "close" };

/** Requests that are answered. */
export type Request = Extract<ToWorker, { readonly id: number }>;

/** A request before the client numbers it. */
export type Ask = Request extends infer R ? (R extends Request ? Omit<R, "id"> : never) : never;

/** What the answer to each request holds. */
export interface Answers {
  init: { readonly engine: EngineName; readonly announcement: string; readonly wasmError: string | null };
  "room-secret": Announced;
  "sender-key": Announced;
  "receiver-key": null;
  add: null;
  remove: null;
  rotate: { readonly generation: number } & Announced;
  ratchet: { readonly step: number };
  "seal-data": Uint8Array<ArrayBuffer>;
  "open-data": Uint8Array<ArrayBuffer>;
  compat: CompatAnswer;
  tally: readonly Tally[];
  report: WorkerReport;
}

/** The own announcement after a change of keys. */
export interface Announced {
  readonly announcement: string;
}

/** What the worker counted on one track; the watchdog compares it with `getStats`. */
export interface Tally {
  readonly track: number;
  /** Frames that the transform was given. */
  readonly seen: number;
  /** Frames that it handed on. */
  readonly passed: number;
  /** Bytes that it handed on. */
  readonly bytes: number;
}

/** Cost of sealing or opening one frame, milliseconds, in the worker. Bound by the clock's resolution. */
export interface Timing {
  readonly count: number;
  readonly mean: number;
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

/** One track's figures. */
export interface TrackFigures {
  readonly track: number;
  readonly direction: Direction;
  readonly kind: TrackKind;
  readonly participant: string | null;
  readonly state: TrackState;
  readonly seen: number;
  readonly passed: number;
  readonly empty: number;
  /** Frames whose cipher ran in WebCrypto. */
  readonly turbo: number;
  /** Frames not handed on, by error code; in a report of the page, by name. */
  readonly dropped: Readonly<Record<string, number>>;
  readonly codec: string | null;
  readonly timing: Timing;
}

/** What the worker adds to a report. No key, no secret: fingerprints and counters. */
export interface WorkerReport {
  readonly engine: EngineName;
  readonly turboMinBytes: number;
  readonly wasmBytes: number | null;
  readonly clockResolutionMs: number;
  /** The engine's own report (JSON of the core): generations, steps, fingerprints. */
  readonly keys: unknown;
  readonly tracks: readonly TrackFigures[];
}

/** What the worker tells the page. */
export type FromWorker =
  | { readonly t: "done"; readonly id: number; readonly value: Answers[keyof Answers] }
  | { readonly t: "failed"; readonly id: number; readonly code: number; readonly message: string }
  | { readonly t: "pulse" }
  | { readonly t: "attached"; readonly track: number }
  | { readonly t: "flowing"; readonly track: number }
  | {
      readonly t: "state";
      readonly track: number;
      readonly state: TrackState;
      readonly previous: TrackState;
      readonly code: number;
    }
  | { readonly t: "level"; readonly track: number; readonly code: number; readonly count: number }
  | {
      readonly t: "key-report";
      readonly what: "missing" | "failing" | "worn";
      readonly participant: string | null;
    }
  | { readonly t: "want-key-frame"; readonly track: number };

/** Compile-time proof that a union was handled in full. */
export function unreachable(value: never): never {
  throw new Error(`unhandled: ${JSON.stringify(value)}`);
}
