/** The engine that holds the WebAssembly core: a lane for each direction of a track. */
import { Code } from "../codes.ts";
import { type Direction, KIND_NUMBER, type TrackKind } from "../kinds.ts";
import { type EncodedFrame, type Engine, type Lane, PASS, type Status, TURBO } from "./engine.ts";
import { addressOf, Ask, type EngineSetup, lengthOf, MediaModule } from "./module.ts";
import { TURBO_IDLE_MIN_BYTES, TURBO_MIN_BYTES, TurboKeys, turboSuite } from "./turbo.ts";

/** Speech at a variable bit rate shows in the sizes of audio frames; see `E2eeOptions.padding`. */
const PAD_AUDIO_TO = 64;
/** Tag length of the suites that WebCrypto runs. */
const TAG_LENGTH = 16;

/** The index of nobody. */
const NOBODY = 2 ** 32 - 1;

/** See {@link Engine}. */
export class WasmEngine implements Engine {
  readonly name = "wasm";
  readonly module: MediaModule;
  /** WebCrypto has the cipher suite. */
  turbo: boolean;
  readonly #indices = new Map<string, number>();
  readonly #lanes = new Set<WasmLane>();

  constructor(module: WebAssembly.Module, setup: EngineSetup) {
    this.module = new MediaModule(module, setup);
    this.turbo = turboSuite(setup.suite);
    if (setup.padding) for (const kind of ["audio", "screen-audio"] as const) this.module.ask(Ask.Pad, KIND_NUMBER[kind], PAD_AUDIO_TO);
  }

  announcement(): string {
    return this.module.announcement();
  }

  setRoomSecret(stretched: Uint8Array): void {
    this.module.setRoomSecret(stretched);
    stretched.fill(0);
  }

  setSenderKey(baseKey: Uint8Array): void {
    this.module.setSenderKey(baseKey);
    baseKey.fill(0);
  }

  setReceiverKey(participant: string, baseKey: Uint8Array): void {
    this.know(participant, this.module.setReceiverKey(participant, baseKey));
    baseKey.fill(0);
  }

  addParticipant(participant: string, announcement: string): void {
    this.know(participant, this.module.addParticipant(participant, announcement));
  }

  removeParticipant(participant: string): void {
    this.module.removeParticipant(participant);
  }

  rotate(): number {
    return this.module.rotate();
  }

  ratchet(): number {
    return this.module.ratchet();
  }

  tick(nowMs: number): void {
    this.module.ask(Ask.Tick, nowMs % 2 ** 32, nowMs / 2 ** 32);
  }

  lane(direction: Direction, kind: TrackKind, participant: string | null): Lane {
    const lane = new WasmLane(this, direction === "send", kind, participant, () => this.#lanes.delete(lane));
    this.#lanes.add(lane);
    return lane;
  }

  indexOf(participant: string | null): number {
    return participant === null ? NOBODY : (this.#indices.get(participant) ?? NOBODY);
  }

  report(): unknown {
    const { sender, participants } = this.module.report();
    return { sender, participants: [...this.#indices].map(([id, index]) => ({ id, ...participants[index] })) };
  }

  memoryBytes(): number {
    return this.module.memoryBytes();
  }

  /** A participant has this index in the module. */
  know(participant: string, index: number): void {
    if (this.#indices.get(participant) === index) return;
    this.#indices.set(participant, index);
    for (const lane of this.#lanes) lane.learned(participant, index);
  }
}

class WasmLane implements Lane {
  readonly #engine: WasmEngine;
  readonly #module: MediaModule;
  readonly #seals: boolean;
  readonly #id: number;
  readonly #keys: TurboKeys;
  readonly #gone: () => void;
  #kind: TrackKind;
  #participant: string | null;
  /** Index of the participant; {@link NOBODY} while unknown: then nothing opens. */
  #person: number;
  /** Its memory in the module is somebody else's: nothing more is read or written there, whatever is under way. */
  #closed = false;
  /** Where frames are written, and the largest that fits. */
  #at = 0;
  #room = 0;

  constructor(engine: WasmEngine, seals: boolean, kind: TrackKind, participant: string | null, gone: () => void) {
    this.#engine = engine;
    this.#module = engine.module;
    this.#seals = seals;
    this.#kind = kind;
    this.#participant = participant;
    this.#person = seals ? 0 : engine.indexOf(participant);
    this.#id = this.#module.ask(Ask.Lane, KIND_NUMBER[kind], this.#person);
    this.#keys = new TurboKeys(seals ? "encrypt" : "decrypt");
    this.#gone = gone;
  }

  run(frame: EncodedFrame, rule: number, busy: boolean): Status | Promise<Status> {
    if (this.#closed) return -Code.Refused;
    const data = frame.data;
    const length = data.byteLength;
    if (length > this.#room && !this.#reserve(length)) return -Code.Refused;
    this.#module.bytes().set(new Uint8Array(data), this.#at);
    if (length >= (busy ? TURBO_MIN_BYTES : TURBO_IDLE_MIN_BYTES) && this.#engine.turbo) return this.#turbo(frame, rule, length);
    return this.#inWasm(frame, rule, length, PASS);
  }

  bind(kind: TrackKind, participant: string | null): void {
    this.#kind = kind;
    this.#participant = participant;
    if (!this.#seals) this.#person = this.#engine.indexOf(participant);
    this.#module.ask(Ask.Bind, this.#id, KIND_NUMBER[kind], this.#person);
  }

  /** A participant became known under this index. */
  learned(participant: string, index: number): void {
    if (this.#seals || participant !== this.#participant) return;
    this.#person = index;
    this.#module.ask(Ask.Bind, this.#id, KIND_NUMBER[this.#kind], index);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#module.ask(Ask.Close, this.#id);
    this.#person = NOBODY;
    this.#gone();
  }

  #inWasm(frame: EncodedFrame, rule: number, length: number, status: Status): Status {
    const result = this.#module.ask(this.#seals ? Ask.Seal : Ask.Open, this.#id, rule, length);
    return this.#give(frame, result, status);
  }

  /** Puts the result into the frame: the one copy out. */
  #give(frame: EncodedFrame, result: number, status: Status): Status {
    if (result < 0) return result;
    const at = addressOf(result);
    // Not `slice`, which clears the new buffer before it fills it.
    frame.data = new Uint8Array(this.#module.bytes().subarray(at, at + lengthOf(result))).buffer;
    return status;
  }

  #reserve(length: number): boolean {
    const result = this.#module.ask(Ask.Reserve, this.#id, length);
    if (result < 0) return false;
    this.#room = lengthOf(result);
    this.#at = addressOf(result);
    return true;
  }

  /** Lays the frame out in the core and runs the cipher in WebCrypto. */
  #turbo(frame: EncodedFrame, rule: number, length: number): Status | Promise<Status> {
    const id = this.#id;
    const plan = this.#module.ask(this.#seals ? Ask.PlanSeal : Ask.PlanOpen, id, rule, length);
    // `Stale`: this key has not opened a frame yet, and only the core may accept the first.
    if (plan === -Code.StaleOpen) return this.#again(frame, rule, length);
    if (plan < 0) return plan;
    const kid = this.#module.ask(Ask.PlanKid, id);
    const epoch = this.#module.ask(Ask.PlanEpoch, id);
    const key = this.#keys.find(kid, epoch);
    if (key !== null) return this.#execute(frame, rule, length, plan, key);
    const bytes = this.#borrowKey();
    if (bytes !== null) this.#keys.learn(kid, epoch, bytes);
    return this.#again(frame, rule, length);
  }

  async #execute(frame: EncodedFrame, rule: number, length: number, plan: number, key: CryptoKey): Promise<Status> {
    const id = this.#id;
    const at = addressOf(plan);
    const end = at + lengthOf(plan);
    const memory = this.#module.bytes();
    const body = at + this.#module.ask(Ask.PlanAad, id);
    const nonce = this.#module.ask(Ask.NonceAt, id);
    const params = {
      name: "AES-GCM",
      iv: memory.subarray(nonce, nonce + 12),
      additionalData: memory.subarray(at, body),
    };
    try {
      if (this.#seals) {
        // The last 16 bytes are room for the tag.
        const sealed = await crypto.subtle.encrypt(params, key, memory.subarray(body, end - TAG_LENGTH));
        if (this.#closed) return -Code.Refused;
        this.#module.bytes().set(new Uint8Array(sealed), body);
        return this.#give(frame, this.#module.ask(Ask.FinishSeal, id), TURBO);
      }
      const opened = await crypto.subtle.decrypt(params, key, memory.subarray(body, end));
      if (this.#closed) return -Code.Refused;
      this.#module.bytes().set(new Uint8Array(opened), body);
      return this.#give(frame, this.#module.ask(Ask.AcceptOpen, id), TURBO);
    } catch {
      // The core alone knows windows, ratchets and error words.
      return this.#again(frame, rule, length);
    }
  }

  /** From the start, in the core: `frame.data` is still what came. */
  #again(frame: EncodedFrame, rule: number, length: number): Status {
    if (this.#closed) return -Code.Refused;
    this.#module.bytes().set(new Uint8Array(frame.data), this.#at);
    return this.#inWasm(frame, rule, length, PASS);
  }

  /** The AEAD key of the plan, copied out once per KID. Base keys never leave the core. */
  #borrowKey(): Uint8Array | null {
    const place = this.#module.ask(Ask.LendKey, this.#id);
    const length = lengthOf(place);
    if (place < 0 || length === 0) return null;
    const key = this.#module.bytes().slice(addressOf(place), addressOf(place) + length);
    this.#module.ask(Ask.DropKey, this.#id);
    return key;
  }
}
