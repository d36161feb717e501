/** The WebAssembly module: numbers only, see `crates/e2ee-wasm/src/jitsi.rs`. */
import { Code } from "../../codes.ts";
import bytes from "../../../wasm/jitsi.wasm";

const enum Ask {
  Person = 0,
  SetKey = 1,
  Clear = 2,
  Tick = 3,
  Lane = 4,
  Bind = 5,
  Close = 6,
  Reserve = 7,
  FinishSeal = 8,
  AcceptOpen = 9,
  PlanClear = 10,
  IvAt = 11,
  PlanKey = 12,
  PlanEpoch = 13,
  LendKey = 14,
  DropKey = 15,
  Tally = 16,
}

const LENGTH_SPAN = 2 ** 21;
const IV_LENGTH = 12;
const ENTROPY_LENGTH = 8;
const INBOX_LENGTH = 2048;
/** In the first argument of `SetKey`. */
const EXTERNAL = 0x1_0000;
const RING = 16;
/** In a frame's description. */
export const HAS_SSRC = 0x1_0000;

interface Door {
  readonly memory: WebAssembly.Memory;
  inbox(): number;
  ask(what: number, a: number, b: number, c: number): number;
  seal(lane: number, meta: number, length: number, ssrc: number, timestamp: number): number;
  open(lane: number, meta: number, length: number): number;
  plan_seal(lane: number, meta: number, length: number, ssrc: number, timestamp: number): number;
  plan_open(lane: number, meta: number, length: number): number;
}

/** A number below 0 is `-Code`. */
export class JitsiModule {
  readonly #door: Door;
  readonly #inbox: number;
  #view: Uint8Array<ArrayBuffer>;

  constructor() {
    const module = new WebAssembly.Module(bytes);
    const imports: Record<string, Record<string, () => void>> = {};
    // What it imports is never called but in a panic, and then it ends there.
    for (const { module: from, name } of WebAssembly.Module.imports(module)) (imports[from] ??= {})[name] = () => undefined;
    this.#door = new WebAssembly.Instance(module, imports).exports as unknown as Door;
    this.#view = new Uint8Array(this.#door.memory.buffer as ArrayBuffer);
    this.#inbox = this.#door.inbox();
  }

  /** A key ring for a participant; gives its number. */
  person(identity: string): number {
    const name = new TextEncoder().encode(identity);
    this.#put(name, crypto.getRandomValues(new Uint8Array(ENTROPY_LENGTH)));
    return this.#checked(this.#door.ask(Ask.Person, name.length, 0, 0));
  }

  /** A participant's media key; seals with it from now on. */
  setKey(person: number, index: number, material: Uint8Array): void {
    this.#put(material);
    this.#checked(this.#door.ask(Ask.SetKey, person, index % RING, material.length));
  }

  /** An AES key that the application manages; without bytes: one that only WebCrypto has. */
  setExternalKey(person: number, index: number, aes: Uint8Array): void {
    this.#put(aes);
    this.#checked(this.#door.ask(Ask.SetKey, person + EXTERNAL, index % RING, aes.length));
  }

  /** Drops every key of a participant. */
  clear(person: number): void {
    this.#door.ask(Ask.Clear, person, 0, 0);
  }

  tick(nowMs: number): void {
    this.#door.ask(Ask.Tick, nowMs % 2 ** 32, nowMs / 2 ** 32, 0);
  }

  lane(): number {
    return this.#checked(this.#door.ask(Ask.Lane, 0, 0, 0));
  }

  bind(lane: number, person: number): void {
    this.#door.ask(Ask.Bind, lane, person, 0);
  }

  close(lane: number): void {
    this.#door.ask(Ask.Close, lane, 0, 0);
  }

  /** Makes room in a lane: the place to write to, its length the largest that fits. */
  reserve(lane: number, length: number): number {
    return this.#door.ask(Ask.Reserve, lane, length, 0);
  }

  write(at: number, data: Uint8Array): void {
    this.#bytes().set(data, at);
  }

  seal(lane: number, meta: number, length: number, ssrc: number, timestamp: number): number {
    return this.#door.seal(lane, meta, length, ssrc, timestamp);
  }

  open(lane: number, meta: number, length: number): number {
    return this.#door.open(lane, meta, length);
  }

  planSeal(lane: number, meta: number, length: number, ssrc: number, timestamp: number): number {
    return this.#door.plan_seal(lane, meta, length, ssrc, timestamp);
  }

  planOpen(lane: number, meta: number, length: number): number {
    return this.#door.plan_open(lane, meta, length);
  }

  /** Which key a plan needs: two numbers that name it. The first, modulo 256, is its slot. */
  planKey(lane: number): readonly [number, number] {
    return [this.#door.ask(Ask.PlanKey, lane, 0, 0), this.#door.ask(Ask.PlanEpoch, lane, 0, 0)];
  }

  /** The AES key of a plan, copied out; `null` when it is gone or never was here. */
  borrowKey(lane: number): Uint8Array | null {
    const place = this.#door.ask(Ask.LendKey, lane, 0, 0);
    if (place < 0 || lengthOf(place) === 0) return null;
    const key = this.take(place);
    this.#door.ask(Ask.DropKey, lane, 0, 0);
    return key;
  }

  /** Parts of the plan that stands at `place`: views into the memory, for WebCrypto, which copies them at once. */
  parts(lane: number, place: number): { iv: Uint8Array<ArrayBuffer>; additionalData: Uint8Array<ArrayBuffer>; body: number; end: number } {
    const at = addressOf(place);
    const body = at + this.#door.ask(Ask.PlanClear, lane, 0, 0);
    const iv = this.#door.ask(Ask.IvAt, lane, 0, 0);
    return { iv: this.view(iv, iv + IV_LENGTH), additionalData: this.view(at, body), body, end: at + lengthOf(place) };
  }

  finishSeal(lane: number): number {
    return this.#door.ask(Ask.FinishSeal, lane, 0, 0);
  }

  acceptOpen(lane: number): number {
    return this.#door.ask(Ask.AcceptOpen, lane, 0, 0);
  }

  /** Frames of a participant that were opened, repeated, without a key, rejected, malformed, sealed. */
  tally(person: number): number[] {
    return [0, 1, 2, 3, 4, 5].map((which) => this.#door.ask(Ask.Tally, person, which, 0));
  }

  view(from: number, to: number): Uint8Array<ArrayBuffer> {
    return this.#bytes().subarray(from, to);
  }

  /** A copy of what stands at a place. */
  take(place: number): Uint8Array<ArrayBuffer> {
    const at = addressOf(place);
    return new Uint8Array(this.#bytes().subarray(at, at + lengthOf(place)));
  }

  #bytes(): Uint8Array<ArrayBuffer> {
    if (this.#view.byteLength === 0) this.#view = new Uint8Array(this.#door.memory.buffer as ArrayBuffer);
    return this.#view;
  }

  #put(...pieces: Uint8Array[]): void {
    let at = this.#inbox;
    for (const piece of pieces) {
      if (at + piece.length > this.#inbox + INBOX_LENGTH) throw new ModuleError(Code.BadOption);
      this.#bytes().set(piece, at);
      at += piece.length;
    }
  }

  #checked(result: number): number {
    if (result < 0) throw new ModuleError(-result);
    return result;
  }
}

/** The module refused something. */
export class ModuleError extends Error {
  override readonly name = "ModuleError";
  constructor(readonly code: number) {
    super(`refused with code ${code}`);
  }
}

export function addressOf(place: number): number {
  return Math.floor(place / LENGTH_SPAN);
}

export function lengthOf(place: number): number {
  return place % LENGTH_SPAN;
}
