/** The report for a support desk: everything one needs to know why a tile is grey, and nothing one must not. */
import type { CipherSuite, TrackState } from "./kinds.ts";
import type { EngineName, TrackFigures } from "./protocol.ts";
import type { SessionReport } from "./session/types.ts";
import type { TransformPath } from "./support.ts";

/** One change of state or error, kept for the report. */
export interface LogEntry {
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly what: string;
  readonly track?: number;
  readonly code?: number;
}

/** What `getReport()` gives: JSON, without keys and secrets. Keys are named by fingerprints. */
export interface E2eeReport {
  /** Version of this report's form. */
  readonly version: 1;
  readonly at: string;
  readonly participant: string;
  /** Of what is sent; in a session, what its members agreed on. */
  readonly suite: CipherSuite;
  /** The session that keys come from, if there is one. */
  readonly session: SessionReport | null;
  readonly engine: EngineName;
  /** Why WebAssembly is not used, in the browser's words. */
  readonly wasmError: string | null;
  readonly transform: TransformPath;
  readonly userAgent: string;
  readonly announcement: string;
  /** Frames from this size on have their cipher run in WebCrypto, bytes. */
  readonly turboMinBytes: number;
  /** Memory of the media module, bytes. */
  readonly wasmBytes: number | null;
  /** Resolution of the clock behind `timing`, milliseconds. */
  readonly clockResolutionMs: number;
  /** Generations, steps and fingerprints, the own and of each participant. */
  readonly keys: unknown;
  readonly tracks: readonly (TrackFigures & { readonly mid: string | null; readonly hold: string | null })[];
  readonly connections: readonly { readonly connectionState: string; readonly tracks: number }[];
  /** The newest entries, oldest first. */
  readonly log: readonly LogEntry[];
}

const LOG_LENGTH = 200;

/** The newest entries of what happened. */
export class Log {
  readonly #entries: LogEntry[] = [];

  add(entry: Omit<LogEntry, "at">): void {
    if (this.#entries.length >= LOG_LENGTH) this.#entries.shift();
    this.#entries.push({ at: Date.now(), ...entry });
  }

  get entries(): readonly LogEntry[] {
    return [...this.#entries];
  }
}

/** A state change as a line of the log. */
export function stateLine(previous: TrackState, state: TrackState): string {
  return `state ${previous} -> ${state}`;
}
