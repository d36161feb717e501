/** The session module: bytes in, tagged bytes out, read into objects here. See `crates/e2ee-session-wasm`. */
import { Door, initSync } from "../../../wasm/session.js";
import { Code } from "../../codes.ts";
import { Refusal } from "../../worker/refusal.ts";
import { type Trust, TRUST_NUMBER, type Why } from "../members.ts";
import { type AgreedPolicy, policyBytes, readPolicy, type RoomPolicy } from "../policy.ts";
import type { Happened, Listed, Presented } from "../protocol.ts";

/** What happens to a session. */
export const enum What {
  Head = 1,
  Log = 2,
  Conflict = 3,
  Knock = 4,
  Message = 5,
  Gone = 6,
  Rotate = 7,
  Remove = 8,
  Leave = 9,
  Verdict = 10,
  Wake = 11,
  TooOld = 12,
  Participants = 13,
  Policy = 14,
  Rejoin = 15,
  Compare = 16,
  Same = 17,
}

/** What a session wants done. */
export type Output =
  | { readonly t: "append"; readonly expect: number; readonly entry: Uint8Array<ArrayBuffer> }
  | { readonly t: "read"; readonly after: number }
  | { readonly t: "knock"; readonly package: Uint8Array<ArrayBuffer> }
  | { readonly t: "send"; readonly message: Uint8Array<ArrayBuffer> }
  | { readonly t: "wake"; readonly at: number }
  | { readonly t: "decide"; readonly question: number; readonly why: Why; readonly who: readonly Presented[] }
  | { readonly t: "open"; readonly epoch: number; readonly own: number; readonly suite: number; readonly members: readonly Listed[] }
  | { readonly t: "seal-with"; readonly epoch: number; readonly index: number }
  | { readonly t: "hush" }
  | { readonly t: "forget"; readonly epoch: number }
  | { readonly t: "code"; readonly code: string }
  | { readonly t: "emoji"; readonly numbers: readonly number[] }
  | { readonly t: "event"; readonly event: Happened }
  | { readonly t: "withdraw"; readonly question: number }
  | { readonly t: "bar"; readonly before: number; readonly index: number }
  /** `null`: with something in it that this version does not know. */
  | { readonly t: "policy"; readonly policy: AgreedPolicy | null }
  | { readonly t: "outside"; readonly participants: readonly string[] };

const SECRET_LENGTH = 32;
const TRUST: readonly Trust[] = ["unverified", "verified", "refused"];
const WHY: readonly Why[] = ["knocks", "entered", "inside"];
const SIMPLE = { 1: "joined", 2: "removed", 4: "fork", 6: "left", 7: "waiting", 9: "log-lost", 10: "left-behind", 11: "no-secret", 14: "other-suite" } as const;

/** The module is of another build. */
const NO_SUITE = 23;

/** Error numbers of the module, as codes. */
const ERRORS: Readonly<Record<number, Code>> = {
  1: Code.SessionOver,
  2: Code.NoSuchQuestion,
  3: Code.NoSuchMember,
  4: Code.BadMessage,
  11: Code.BadMessage,
  12: Code.WrongEpoch,
  13: Code.NotAuthentic,
  14: Code.NotAuthentic,
  15: Code.NotAuthentic,
  16: Code.SessionOver,
  17: Code.BadName,
  18: Code.BadMessage,
  19: Code.NotAuthentic,
  20: Code.NotAuthentic,
  21: Code.BadKey,
  22: Code.UnsupportedSuite,
  23: Code.UnsupportedSuite,
};

/** One session in the module. */
export class SessionModule {
  readonly #door: Door;
  readonly #memory: WebAssembly.Memory;

  /** Everything random comes from a seed drawn here. */
  constructor(module: WebAssembly.Module, { room, participant, policy, suite }: { readonly room: string; readonly participant: string; readonly policy: RoomPolicy; readonly suite: number }) {
    this.#memory = initSync({ module }).memory;
    const seed = crypto.getRandomValues(new Uint8Array(SECRET_LENGTH));
    try {
      this.#door = new Door(room, participant, policyBytes(policy), suite, seed);
    } catch (error) {
      if (typeof error !== "number") throw error;
      throw new Refusal(codeOf(error), error === NO_SUITE ? "this module does not speak the agreement: it needs session-pq.wasm" : "");
    } finally {
      seed.fill(0);
    }
  }

  /** The own public key, which a proof commits to. */
  get key(): Uint8Array<ArrayBuffer> {
    return this.#door.key() as Uint8Array<ArrayBuffer>;
  }

  /** How this participant is shown, and what proves it; and the room's secret, which is wiped. */
  introduce(name: string, proof: Uint8Array, secret: Uint8Array | null): void {
    const error = this.#door.introduce(name, proof) || (secret === null ? 0 : this.#door.share_secret(secret));
    if (error !== 0) throw new Refusal(codeOf(error));
  }

  /** Takes what happened. Throws a `Refusal`; nothing changed then. */
  take(what: What, now: number, number = 0, bytes: Uint8Array = new Uint8Array()): void {
    const error = this.#door.handle(what, number, bytes, now);
    if (error !== 0) throw new Refusal(codeOf(error));
  }

  /** The next thing to be done. */
  poll(): Output | null {
    const bytes = this.#door.poll();
    return bytes === undefined ? null : read(new Reader(bytes as Uint8Array<ArrayBuffer>));
  }

  /** A copy of an epoch's secret, for a media worker; `null`: it is not kept. */
  secret(epoch: number): Uint8Array<ArrayBuffer> | null {
    const at = this.#door.secret_at(epoch) >>> 0;
    return at === 0 ? null : new Uint8Array(this.#memory.buffer as ArrayBuffer, at, SECRET_LENGTH).slice();
  }

  get wasmBytes(): number {
    return this.#memory.buffer.byteLength;
  }

  /** Wipes every key. Nothing is to be asked for afterwards. */
  close(): void {
    this.#door.close();
  }
}

/** The byte of each verdict. */
export function trustBytes(trust: readonly Trust[]): Uint8Array {
  return Uint8Array.from(trust, (one) => TRUST_NUMBER[one] ?? TRUST_NUMBER.refused);
}

function codeOf(error: number): Code {
  return ERRORS[error] ?? Code.Internal;
}

class Reader {
  readonly #bytes: Uint8Array<ArrayBuffer>;
  readonly #view: DataView;
  #at = 0;

  constructor(bytes: Uint8Array<ArrayBuffer>) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get done(): boolean {
    return this.#at >= this.#bytes.length;
  }

  byte(): number {
    return this.#view.getUint8(this.#at++);
  }

  int(): number {
    this.#at += 4;
    return this.#view.getUint32(this.#at - 4);
  }

  long(): number {
    return this.int() * 2 ** 32 + this.int();
  }

  pair(): number {
    this.#at += 2;
    return this.#view.getUint16(this.#at - 2);
  }

  short(): Uint8Array<ArrayBuffer> {
    const length = this.pair();
    this.#at += length;
    return this.#bytes.slice(this.#at - length, this.#at);
  }

  rest(): Uint8Array<ArrayBuffer> {
    return this.#bytes.slice(this.#at);
  }

  text(bytes = this.rest()): string {
    return new TextDecoder().decode(bytes);
  }
}

function who(from: Reader): Presented {
  return { participant: from.text(from.short()), name: from.text(from.short()), key: from.short(), proof: from.short() };
}

function all(from: Reader): Presented[] {
  const found: Presented[] = [];
  while (!from.done) found.push(who(from));
  return found;
}

function read(from: Reader): Output {
  const tag = from.byte();
  switch (tag) {
    case 1:
      return { t: "append", expect: from.long(), entry: from.rest() };
    case 2:
      return { t: "read", after: from.long() };
    case 3:
      return { t: "knock", package: from.rest() };
    case 4:
      return { t: "send", message: from.rest() };
    case 5:
      return { t: "wake", at: from.long() };
    case 6:
      return { t: "decide", question: from.int(), why: WHY[from.byte()] ?? "inside", who: all(from) };
    case 7: {
      const [epoch, own, suite] = [from.long(), from.int(), from.pair()];
      const member = (): Listed => {
        const [index, trust, heard] = [from.int(), TRUST[from.byte()] ?? "refused", from.byte() === 1];
        return { index, trust, heard, ...who(from) };
      };
      return { t: "open", epoch, own, suite, members: Array.from({ length: from.int() }, member) };
    }
    case 8:
      return { t: "seal-with", epoch: from.long(), index: from.int() };
    case 9:
      return { t: "hush" };
    case 10:
      return { t: "forget", epoch: from.long() };
    case 11:
      return { t: "code", code: from.text() };
    case 12:
      return { t: "event", event: event(from) };
    case 13:
      return { t: "withdraw", question: from.int() };
    case 14:
      return { t: "bar", before: from.long(), index: from.int() };
    case 15:
      return { t: "policy", policy: readPolicy(from.byte(), from.byte(), from.pair(), from.byte() === 1) };
    case 16: {
      const participants: string[] = [];
      while (!from.done) participants.push(from.text(from.short()));
      return { t: "outside", participants };
    }
    case 17:
      return { t: "emoji", numbers: [...from.rest()] };
    default:
      throw new Error(`the session module said ${tag}`);
  }
}

function event(from: Reader): Happened {
  const number = from.byte();
  if (number in SIMPLE) return { what: SIMPLE[number as keyof typeof SIMPLE] };
  if (number === 3) return { what: "refused", who: all(from) };
  if (number === 12) return { what: "diverged", who: all(from) };
  if (number === 13) return { what: "cheated", who: all(from) };
  if (number === 15) return { what: "uncompared", who: all(from) };
  if (number === 8) return { what: "barred", who: all(from) };
  if (number === 5) return { what: "dropped", code: codeOf(from.byte()), times: from.int() };
  return { what: "other", text: from.text() };
}
