/** The WebAssembly module: numbers only, see `crates/e2ee-wasm/src/livekit.rs`. */
import { Code } from "../../codes.ts";
import bytes from "../../../wasm/livekit.wasm";

const enum Ask {
  Start = 0,
  Person = 1,
  SetKey = 2,
  Injected = 3,
  Derived = 4,
  Wipe = 5,
  Stepped = 6,
  Tick = 7,
  Lane = 8,
  Bind = 9,
  Close = 10,
  Reserve = 11,
  SealData = 12,
  OpenData = 13,
  Current = 14,
  FinishSeal = 15,
  AcceptOpen = 16,
  PlanClear = 17,
  IvAt = 18,
  PlanKey = 19,
  PlanEpoch = 20,
  LendKey = 21,
  DropKey = 22,
}

const LENGTH_SPAN = 2 ** 21;
const IV_LENGTH = 12;
const KEY_LENGTH = 32;
const ENTROPY_LENGTH = 8;
const INBOX_LENGTH = 2048;
/** In the first argument of `SetKey`. */
const PBKDF2 = 0x1_0000;
const SELECT = 0x2_0000;
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

/** How keys come from what is set. */
export type Kdf = "HKDF" | "PBKDF2";

/** A number below 0 is `-Code`. */
export class LivekitModule {
  readonly #door: Door;
  readonly #inbox: number;
  #view: Uint8Array<ArrayBuffer>;

  constructor(options: { readonly bits: number; readonly ring: number; readonly window: number }) {
    const module = new WebAssembly.Module(bytes);
    const imports: Record<string, Record<string, () => void>> = {};
    // What it imports is never called but in a panic, and then it ends there.
    for (const { module: from, name } of WebAssembly.Module.imports(module)) (imports[from] ??= {})[name] = () => undefined;
    this.#door = new WebAssembly.Instance(module, imports).exports as unknown as Door;
    this.#view = new Uint8Array(this.#door.memory.buffer as ArrayBuffer);
    this.#inbox = this.#door.inbox();
    this.#checked(this.#door.ask(Ask.Start, options.bits, options.ring, options.window));
  }

  /** A key ring for a participant; gives its number. */
  person(identity: string): number {
    const name = new TextEncoder().encode(identity);
    this.#put(name, crypto.getRandomValues(new Uint8Array(ENTROPY_LENGTH)));
    return this.#checked(this.#door.ask(Ask.Person, name.length, 0, 0));
  }

  setKey(person: number, index: number, kdf: Kdf, derived: Uint8Array, salt: Uint8Array, select: boolean): number {
    this.#put(derived, salt);
    const flags = person + (kdf === "PBKDF2" ? PBKDF2 : 0) + (select ? SELECT : 0);
    return this.#checked(this.#door.ask(Ask.SetKey, flags, index, salt.length));
  }

  /** The derived key of a slot, and the material that it came from where that was a step; `null` without a key. */
  derived(person: number, index: number): { derived: Uint8Array<ArrayBuffer>; material: Uint8Array<ArrayBuffer> | null } | null {
    const length = this.#door.ask(Ask.Derived, person, index, 0);
    if (length <= 0) return null;
    const both = this.#bytes().slice(this.#inbox, this.#inbox + length);
    this.#door.ask(Ask.Wipe, 0, 0, 0);
    return { derived: both.slice(0, KEY_LENGTH), material: length > KEY_LENGTH ? both.slice(KEY_LENGTH) : null };
  }

  allowInjected(trailer: Uint8Array): void {
    this.#put(trailer);
    this.#checked(this.#door.ask(Ask.Injected, trailer.length, 0, 0));
  }

  /** A slot that a frame of this participant has moved forward, or -1. */
  stepped(person: number): number {
    return this.#door.ask(Ask.Stepped, person, 0, 0);
  }

  tick(nowMs: number): void {
    this.#door.ask(Ask.Tick, nowMs % 2 ** 32, nowMs / 2 ** 32, 0);
  }

  current(person: number): number {
    return this.#door.ask(Ask.Current, person, 0, 0);
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

  /** Which key a plan needs: two numbers that name it. */
  planKey(lane: number): readonly [number, number] {
    return [this.#door.ask(Ask.PlanKey, lane, 0, 0), this.#door.ask(Ask.PlanEpoch, lane, 0, 0)];
  }

  /** The AES key of a plan, copied out; `null` when it is gone. */
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

  view(from: number, to: number): Uint8Array<ArrayBuffer> {
    return this.#bytes().subarray(from, to);
  }

  /** Seals data written into a lane. */
  sealData(lane: number, length: number): { payload: Uint8Array<ArrayBuffer>; iv: Uint8Array<ArrayBuffer>; keyIndex: number } | number {
    const place = this.#door.ask(Ask.SealData, lane, length, performance.now());
    if (place < 0) return place;
    const view = this.#bytes();
    return {
      payload: this.take(place),
      iv: view.slice(this.#inbox, this.#inbox + IV_LENGTH),
      keyIndex: view[this.#inbox + IV_LENGTH] ?? 0,
    };
  }

  /** Opens data written into a lane. */
  openData(lane: number, length: number, iv: Uint8Array, keyIndex: number): Uint8Array<ArrayBuffer> | number {
    if (iv.length !== IV_LENGTH) return -Code.Trailer;
    this.#put(iv);
    const place = this.#door.ask(Ask.OpenData, lane, length, keyIndex);
    return place < 0 ? place : this.take(place);
  }

  /** A copy of what stands at a place. */
  take(place: number): Uint8Array<ArrayBuffer> {
    const at = Math.floor(place / LENGTH_SPAN);
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
  return Math.floor(place % LENGTH_SPAN);
}

/** Whether an opened frame was made by the server. */
export function isInjected(place: number): boolean {
  return place % 1 !== 0;
}
