/**
 * The messages between page and session worker. Keys are in none of them: they go from worker to worker, over the ports
 * that the page hands on.
 */
import type { PostableWasm } from "../protocol.ts";
import type { Trust, Why } from "./members.ts";
import type { AgreedPolicy, RoomPolicy } from "./policy.ts";

/** Somebody as it presents itself. */
export interface Presented {
  readonly participant: string;
  readonly name: string;
  /** Public key of its signatures; the page keeps it as hexadecimal digits. */
  readonly key: Uint8Array<ArrayBuffer>;
  readonly proof: Uint8Array<ArrayBuffer>;
}

/** A member of an epoch. */
export interface Listed extends Presented {
  readonly index: number;
  readonly trust: Trust;
  /** Whether it speaks for its participant: of several that claim one, one does at most. */
  readonly heard: boolean;
}

/** What comes from outside; `number` and `bytes` as each needs it. */
export type Heard = "head" | "entry" | "conflict" | "knock" | "message" | "gone" | "too-old" | "participants" | "rejoin";

/** What the page says. Those with `id` are answered by `done` or `failed`. */
export type ToSession =
  | {
      readonly t: "init";
      readonly id: number;
      readonly room: string;
      readonly participant: string;
      readonly policy: RoomPolicy;
      /** The number of the MLS suite. */
      readonly suite: number;
      readonly wasm: PostableWasm | null;
    }
  | { readonly t: "introduce"; readonly id: number; readonly name: string; readonly proof: Uint8Array; readonly secret: Uint8Array | null }
  | { readonly t: "policy"; readonly id: number; readonly policy: RoomPolicy }
  | { readonly t: "rotate"; readonly id: number }
  | { readonly t: "remove"; readonly id: number; readonly index: number; readonly key: Uint8Array }
  | { readonly t: "compare"; readonly id: number }
  | { readonly t: "same"; readonly id: number; readonly epoch: number }
  | { readonly t: "leave"; readonly id: number }
  | { readonly t: "report"; readonly id: number }
  | { readonly t: "verdict"; readonly id: number; readonly question: number; readonly trust: readonly Trust[] }
  | { readonly t: "heard"; readonly what: Heard; readonly number: number; readonly bytes: Uint8Array }
  /** A media worker's end. */
  | { readonly t: "port"; readonly port: MessagePort }
  /** The same where nobody can hand it a port; see `channel.ts`. */
  | { readonly t: "channel"; readonly name: string }
  | { readonly t: "close" };

/** Requests that are answered. */
export type SessionRequest = Extract<ToSession, { readonly id: number }>;

/** A request before it is numbered. */
export type SessionAsk = SessionRequest extends infer R ? (R extends SessionRequest ? Omit<R, "id"> : never) : never;

/** Something that happened to the group. */
export type Happened =
  | { readonly what: "joined" | "waiting" | "removed" | "fork" | "left" | "log-lost" | "left-behind" | "no-secret" | "other-suite" }
  | { readonly what: "refused" | "barred" | "diverged" | "cheated" | "uncompared"; readonly who: readonly Presented[] }
  | { readonly what: "dropped"; readonly code: number; readonly times: number }
  | { readonly what: "other"; readonly text: string };

/** What the session worker says. */
export type FromSession =
  /** To `init`: the own public key. */
  | { readonly t: "done"; readonly id: number; readonly value: WorkerFigures | Uint8Array<ArrayBuffer> | null }
  | { readonly t: "failed"; readonly id: number; readonly code: number; readonly message: string }
  | { readonly t: "append"; readonly expect: number; readonly entry: Uint8Array<ArrayBuffer> }
  | { readonly t: "read"; readonly after: number }
  | { readonly t: "knock"; readonly package: Uint8Array<ArrayBuffer> }
  | { readonly t: "send"; readonly message: Uint8Array<ArrayBuffer> }
  | { readonly t: "decide"; readonly question: number; readonly why: Why; readonly who: readonly Presented[] }
  | { readonly t: "withdraw"; readonly question: number }
  | { readonly t: "policy"; readonly policy: AgreedPolicy }
  | { readonly t: "outside"; readonly participants: readonly string[] }
  | { readonly t: "members"; readonly epoch: number; readonly own: number; readonly members: readonly Listed[] }
  | { readonly t: "sealing"; readonly epoch: number | null }
  | { readonly t: "code"; readonly code: string }
  | { readonly t: "emoji"; readonly numbers: readonly number[] }
  | { readonly t: "happened"; readonly event: Happened }
  /** Something from outside could not be used, or a media worker did not take a message; nothing else changed. */
  | { readonly t: "trouble"; readonly code: number; readonly message: string };

/** Figures for a report. */
export interface WorkerFigures {
  /** Memory of the session module, bytes. */
  readonly wasmBytes: number;
  /** Epochs whose keys are kept. */
  readonly epochs: readonly number[];
  /** Media workers that get the keys. */
  readonly ports: number;
}
