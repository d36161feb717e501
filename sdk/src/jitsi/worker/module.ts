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
  LendKey = 8,
  DropKey = 9,
  Tally = 10,
}

const LENGTH_SPAN = 2 ** 21;
export const IV_LENGTH = 12;
/** IV, its length, slot. */
export const TRAILER_LENGTH = IV_LENGTH + 2;
const ENTROPY_LENGTH = 8;
const INBOX_LENGTH = 2048;
/** In the first argument of `SetKey`. */
const EXTERNAL = 0x1_0000;
/** Slots of a key ring. */
export const RING = 16;
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
  accept_open(lane: number, meta: number, length: number, kid: number, a: number, b: number, c: number, d: number): number;
}

/** A number below 0 is `-Code`. */
export class JitsiModule {
  readonly #door: Door;
  readonly #inbox: number;
  #view: Uint8Array<ArrayBuffer>;
  #trailer: Uint8Array<ArrayBuffer>;
  #iv: Uint8Array<ArrayBuffer>;

  constructor() {
    const module = new WebAssembly.Module(bytes);
    const imports: Record<string, Record<string, () => void>> = {};
    // What it imports is never called but in a panic, and then it ends there.
    for (const { module: from, name } of WebAssembly.Module.imports(module)) (imports[from] ??= {})[name] = () => undefined;
    this.#door = new WebAssembly.Instance(module, imports).exports as unknown as Door;
    this.#view = new Uint8Array(this.#door.memory.buffer as ArrayBuffer);
    this.#inbox = this.#door.inbox();
    this.#trailer = this.#view.subarray(this.#inbox, this.#inbox + TRAILER_LENGTH);
    this.#iv = this.#view.subarray(this.#inbox, this.#inbox + IV_LENGTH);
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

  /** Seals in place what was written into a lane. */
  seal(lane: number, meta: number, length: number, ssrc: number, timestamp: number): number {
    return this.#door.seal(lane, meta, length, ssrc, timestamp);
  }

  /** Opens in place what was written into a lane. */
  open(lane: number, meta: number, length: number): number {
    return this.#door.open(lane, meta, length);
  }

  /**
   * Spends an IV for WebCrypto; {@link trailer} is then the frame's, until the module is called again. Gives the number of
   * the key: the last four bits are its slot.
   */
  planSeal(lane: number, meta: number, length: number, ssrc: number, timestamp: number): number {
    return this.#door.plan_seal(lane, meta, length, ssrc, timestamp);
  }

  /** Whether WebCrypto may open this frame; gives what `planSeal` does. */
  planOpen(lane: number, meta: number, data: ArrayBuffer): number {
    this.#show(data);
    return this.#door.plan_open(lane, meta, data.byteLength);
  }

  /**
   * WebCrypto found the tag right of a frame of `length` bytes, under the key of this number. The frame's trailer is in `a`
   * to `d`, little-endian.
   */
  acceptOpen(lane: number, meta: number, length: number, kid: number, a: number, b: number, c: number, d: number): number {
    return this.#door.accept_open(lane, meta, length, kid, a, b, c, d);
  }

  /** IV, its length and slot of the frame that is planned. A view: what it shows changes. */
  get trailer(): Uint8Array<ArrayBuffer> {
    this.#bytes();
    return this.#trailer;
  }

  /** The IV in {@link trailer}. */
  get iv(): Uint8Array<ArrayBuffer> {
    this.#bytes();
    return this.#iv;
  }

  /** The AES key of a plan, copied out; `null` when it is gone or never was here. */
  borrowKey(lane: number): Uint8Array | null {
    const place = this.#door.ask(Ask.LendKey, lane, 0, 0);
    if (place < 0 || lengthOf(place) === 0) return null;
    const at = addressOf(place);
    const key = this.#bytes().slice(at, at + lengthOf(place));
    this.#door.ask(Ask.DropKey, lane, 0, 0);
    return key;
  }

  /** Frames of a participant that were opened, repeated, without a key, rejected, malformed, sealed. */
  tally(person: number): number[] {
    return [0, 1, 2, 3, 4, 5].map((which) => this.#door.ask(Ask.Tally, person, which, 0));
  }

  /** A copy of `length` bytes at an address. */
  take(at: number, length: number): ArrayBuffer {
    return new Uint8Array(this.#bytes().subarray(at, at + length)).buffer;
  }

  /** Puts a frame's trailer where the module reads it. */
  #show(data: ArrayBuffer): void {
    const trailer = new Uint8Array(data, data.byteLength - TRAILER_LENGTH);
    const view = this.#bytes();
    for (let at = 0; at < TRAILER_LENGTH; at++) view[this.#inbox + at] = trailer[at] as number;
  }

  #bytes(): Uint8Array<ArrayBuffer> {
    if (this.#view.byteLength === 0) {
      // The memory grew.
      this.#view = new Uint8Array(this.#door.memory.buffer as ArrayBuffer);
      this.#trailer = this.#view.subarray(this.#inbox, this.#inbox + TRAILER_LENGTH);
      this.#iv = this.#view.subarray(this.#inbox, this.#inbox + IV_LENGTH);
    }
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
