/** The engine that holds the WebAssembly core: one `Media`, a lane per direction of a track. */
import { initSync, Media } from "../../wasm/media.js";
import { CODE, E2eeError, nameOf } from "../errors.ts";
import { type Direction, KIND_NUMBER, type TrackKind } from "../kinds.ts";
import { type EncodedFrame, type Engine, type Lane, PASS, type Status, TURBO } from "./engine.ts";
import { TURBO_MIN_BYTES, TurboKeys, turboSuite } from "./turbo.ts";

/** A result is `address * 2^21 + length`; see `e2ee-wasm`. */
const LENGTH_SPAN = 2 ** 21;
const ENTROPY_BYTES = 32;

/** What engines are made from. */
export interface EngineSetup {
  readonly call: string;
  readonly participant: string;
  readonly suite: number;
  readonly padding: boolean;
}

/** See {@link Engine}. */
export class WasmEngine implements Engine {
  readonly name = "wasm";
  readonly media: Media;
  readonly turbo: boolean;
  readonly #memory: WebAssembly.Memory;
  readonly #indices = new Map<string, number>();
  readonly #lanes = new Set<WasmLane>();
  #view: Uint8Array<ArrayBuffer>;

  constructor(module: WebAssembly.Module, setup: EngineSetup) {
    this.#memory = initSync({ module }).memory;
    this.#view = new Uint8Array(this.#memory.buffer as ArrayBuffer);
    this.media = guarded("make the media module", () => new Media(setup.call, setup.participant, setup.suite));
    this.turbo = turboSuite(setup.suite);
    // Speech at a variable bit rate shows in frame sizes; see `E2eeOptions.padding`.
    if (setup.padding) for (const kind of ["audio", "screen-audio"] as const) this.media.pad(KIND_NUMBER[kind], 64);
  }

  /** The module's memory; the view is made anew only after the memory grew. */
  bytes(): Uint8Array<ArrayBuffer> {
    if (this.#view.byteLength === 0) this.#view = new Uint8Array(this.#memory.buffer as ArrayBuffer);
    return this.#view;
  }

  announcement(): string {
    return this.media.announcement();
  }

  setRoomSecret(stretched: Uint8Array): void {
    guarded("set the room secret", () => this.media.set_room_secret(stretched, entropy()));
    stretched.fill(0);
  }

  setSenderKey(baseKey: Uint8Array): void {
    guarded("set the own key", () => this.media.set_sender_secret(baseKey, entropy()));
    baseKey.fill(0);
  }

  setReceiverKey(participant: string, baseKey: Uint8Array): void {
    this.#know(participant, guarded("set a key", () => this.media.set_participant_secret(participant, baseKey)));
    baseKey.fill(0);
  }

  addParticipant(participant: string, announcement: string): void {
    this.#know(participant, guarded("add a participant", () => this.media.add_participant(participant, announcement)));
  }

  removeParticipant(participant: string): void {
    this.media.remove_participant(participant);
  }

  rotate(): number {
    return guarded("rotate", () => this.media.rotate(entropy()));
  }

  ratchet(): number {
    return guarded("ratchet", () => this.media.ratchet());
  }

  tick(nowMs: number): void {
    this.media.tick(nowMs);
  }

  lane(direction: Direction, kind: TrackKind, participant: string | null): Lane {
    const lane = new WasmLane(this, direction === "send", kind, participant, () => this.#lanes.delete(lane));
    this.#lanes.add(lane);
    return lane;
  }

  indexOf(participant: string | null): number {
    return participant === null ? -1 : (this.#indices.get(participant) ?? -1);
  }

  report(): unknown {
    const report = JSON.parse(this.media.report()) as { participants: Record<string, unknown>[] };
    for (const [id, index] of this.#indices) {
      const entry = report.participants[index];
      if (entry !== undefined) report.participants[index] = { id, ...entry };
    }
    return report;
  }

  memoryBytes(): number {
    return this.#memory.buffer.byteLength;
  }

  #know(participant: string, index: number): void {
    if (this.#indices.get(participant) === index) return;
    this.#indices.set(participant, index);
    for (const lane of this.#lanes) lane.learned(participant, index);
  }
}

class WasmLane implements Lane {
  readonly #engine: WasmEngine;
  readonly #media: Media;
  readonly #seals: boolean;
  readonly #id: number;
  readonly #keys: TurboKeys;
  readonly #gone: () => void;
  #kind: TrackKind;
  #participant: string | null;
  /** Index of the participant; -1 while unknown: then nothing opens. */
  #person: number;
  /** Where frames are written, and the largest that fits. */
  #at = 0;
  #room = 0;

  constructor(engine: WasmEngine, seals: boolean, kind: TrackKind, participant: string | null, gone: () => void) {
    this.#engine = engine;
    this.#media = engine.media;
    this.#seals = seals;
    this.#kind = kind;
    this.#participant = participant;
    this.#person = seals ? 0 : engine.indexOf(participant);
    this.#id = engine.media.lane(KIND_NUMBER[kind], Math.max(0, this.#person));
    this.#keys = new TurboKeys(seals ? "encrypt" : "decrypt");
    this.#gone = gone;
  }

  run(frame: EncodedFrame, rule: number): Status | Promise<Status> {
    if (this.#person < 0) return -CODE.UnknownKey;
    const data = frame.data;
    const length = data.byteLength;
    if (length > this.#room && !this.#reserve(length)) return -CODE.Refused;
    this.#engine.bytes().set(new Uint8Array(data), this.#at);
    if (length >= TURBO_MIN_BYTES && this.#engine.turbo) return this.#turbo(frame, rule, length);
    return this.#inWasm(frame, rule, length, PASS);
  }

  bind(kind: TrackKind, participant: string | null): void {
    this.#kind = kind;
    this.#participant = participant;
    if (!this.#seals) this.#person = this.#engine.indexOf(participant);
    this.#media.bind(this.#id, KIND_NUMBER[kind], Math.max(0, this.#person));
  }

  /** A participant became known under this index. */
  learned(participant: string, index: number): void {
    if (this.#seals || participant !== this.#participant) return;
    this.#person = index;
    this.#media.bind(this.#id, KIND_NUMBER[this.#kind], index);
  }

  close(): void {
    this.#media.close(this.#id);
    this.#person = -1;
    this.#gone();
  }

  #inWasm(frame: EncodedFrame, rule: number, length: number, status: Status): Status {
    const result = this.#seals
      ? this.#media.seal(this.#id, rule, length)
      : this.#media.open(this.#id, rule, length);
    return this.#give(frame, result, status);
  }

  /** Puts the result into the frame: the one copy out. */
  #give(frame: EncodedFrame, result: number, status: Status): Status {
    if (result < 0) return result;
    const length = result % LENGTH_SPAN;
    const at = (result - length) / LENGTH_SPAN;
    frame.data = this.#engine.bytes().buffer.slice(at, at + length);
    return status;
  }

  #reserve(length: number): boolean {
    const result = this.#media.reserve(this.#id, length);
    if (result < 0) return false;
    this.#room = result % LENGTH_SPAN;
    this.#at = (result - this.#room) / LENGTH_SPAN;
    return true;
  }

  /** Lays the frame out in the core and runs the cipher in WebCrypto. */
  #turbo(frame: EncodedFrame, rule: number, length: number): Status | Promise<Status> {
    const media = this.#media;
    const id = this.#id;
    const plan = this.#seals ? media.plan_seal(id, rule, length) : media.plan_open(id, rule, length);
    // `Stale`: this key has not opened a frame yet, and only the core may accept the first.
    if (plan === -CODE.StaleOpen) return this.#again(frame, rule, length);
    if (plan < 0) return plan;
    const kid = media.plan_kid(id);
    const epoch = media.plan_epoch(id);
    const key = this.#keys.find(kid, epoch);
    if (key !== null) return this.#execute(frame, rule, length, plan, key);
    const bytes = this.#borrowKey();
    if (bytes !== null) this.#keys.learn(kid, epoch, bytes);
    return this.#again(frame, rule, length);
  }

  async #execute(frame: EncodedFrame, rule: number, length: number, plan: number, key: CryptoKey): Promise<Status> {
    const media = this.#media;
    const id = this.#id;
    const planned = plan % LENGTH_SPAN;
    const at = (plan - planned) / LENGTH_SPAN;
    const memory = this.#engine.bytes();
    const body = at + media.plan_aad(id);
    const nonce = media.nonce_at(id);
    const params = {
      name: "AES-GCM",
      iv: memory.subarray(nonce, nonce + 12),
      additionalData: memory.subarray(at, body),
    };
    try {
      if (this.#seals) {
        // The last 16 bytes are room for the tag.
        const sealed = await crypto.subtle.encrypt(params, key, memory.subarray(body, at + planned - 16));
        this.#engine.bytes().set(new Uint8Array(sealed), body);
        return this.#give(frame, media.finish_seal(id), TURBO);
      }
      const opened = await crypto.subtle.decrypt(params, key, memory.subarray(body, at + planned));
      this.#engine.bytes().set(new Uint8Array(opened), body);
      return this.#give(frame, media.accept_open(id), TURBO);
    } catch {
      // The core alone knows windows, ratchets and error words.
      return this.#again(frame, rule, length);
    }
  }

  /** From the start, in the core: `frame.data` is still what came. */
  #again(frame: EncodedFrame, rule: number, length: number): Status {
    this.#engine.bytes().set(new Uint8Array(frame.data), this.#at);
    return this.#inWasm(frame, rule, length, PASS);
  }

  /** The AEAD key of the plan, copied out once per KID. Base keys never leave the core. */
  #borrowKey(): Uint8Array | null {
    const at = this.#media.lend_key(this.#id);
    if (at === 0) return null;
    const key = this.#engine.bytes().slice(at, at + this.#media.key_len(this.#id));
    this.#media.drop_key(this.#id);
    return key;
  }
}

function entropy(): Uint8Array {
  return crypto.getRandomValues(new Uint8Array(ENTROPY_BYTES));
}

/** The core throws numbers; here they become errors that say what was attempted. */
function guarded<T>(what: string, run: () => T): T {
  try {
    return run();
  } catch (error) {
    if (typeof error !== "number") throw error;
    const name = nameOf(error);
    throw new E2eeError(name, `could not ${what}: ${REASONS[name] ?? name}`);
  }
}

const REASONS: Readonly<Record<string, string>> = {
  BadOption: "call and participant must be 1 to 512 bytes, and the suite one of the registry's",
  BadAnnouncement: "the announcement is not of the form fs1-ssss-iiii..., or of a newer version",
  BadKey: "a key must have 16 to 256 bytes",
  NoSenderKey: "no key was set for this sender",
  StepsUsedUp: "no ratchet step is left in this generation: rotate",
  Worn: "the key has sealed as many frames as it may",
};
