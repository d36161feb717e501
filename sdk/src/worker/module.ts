/**
 * The media module's memory and letter box. Its interface is numbers only (see `crates/e2ee-wasm`): names and keys
 * go through the inbox, frames through the buffers of their lanes.
 */
import type { InitOutput as Door } from "../../wasm/media.js";
import { CODE, E2eeError, nameOf } from "../errors.ts";
import type { TrackKind } from "../kinds.ts";
import { announce, INCARNATION_LENGTH, readAnnouncement } from "./announcement.ts";

/** A result is `address * 2^21 + length`. */
const LENGTH_SPAN = 2 ** 21;
const INBOX_LENGTH = 2048;
const ENTROPY_LENGTH = 32;
const KINDS: readonly TrackKind[] = ["audio", "video", "screen-audio", "screen-video", "data"];

/** What a module is started with. */
export interface EngineSetup {
  readonly call: string;
  readonly participant: string;
  readonly suite: number;
  readonly padding: boolean;
}

/** The length of a place. */
export function lengthOf(place: number): number {
  return place % LENGTH_SPAN;
}

/** The address of a place. */
export function addressOf(place: number): number {
  return (place - (place % LENGTH_SPAN)) / LENGTH_SPAN;
}

/** One instance of the module. */
export class MediaModule {
  /** The module's functions, all of numbers. */
  readonly door: Door;
  readonly #suite: number;
  readonly #inbox: number;
  #view: Uint8Array<ArrayBuffer>;

  constructor(module: WebAssembly.Module, setup: EngineSetup) {
    this.door = instantiate(module);
    this.#view = new Uint8Array(this.door.memory.buffer as ArrayBuffer);
    this.#inbox = this.door.inbox();
    this.#suite = setup.suite;
    const [call, who] = this.#put(setup.call, setup.participant);
    checked("start", this.door.start(call, who, setup.suite));
  }

  /** The memory; the view is made anew only after the memory grew. */
  bytes(): Uint8Array<ArrayBuffer> {
    if (this.#view.byteLength === 0) this.#view = new Uint8Array(this.door.memory.buffer as ArrayBuffer);
    return this.#view;
  }

  announcement(): string {
    if (this.door.incarnation() === 0) return "";
    const incarnation = this.bytes().slice(this.#inbox, this.#inbox + INCARNATION_LENGTH);
    return announce({ suite: this.#suite, incarnation });
  }

  setRoomSecret(stretched: Uint8Array): void {
    const [length] = this.#put(stretched, entropy());
    checked("set the room's secret", this.door.set_room_secret(length));
  }

  setSenderKey(baseKey: Uint8Array): void {
    const [length] = this.#put(baseKey, entropy());
    checked("set the own key", this.door.set_sender_secret(length));
  }

  /** Gives the participant's index. */
  setReceiverKey(participant: string, baseKey: Uint8Array): number {
    const [who, length] = this.#put(participant, baseKey);
    return checked("set a key", this.door.set_participant_secret(who, length));
  }

  /** Gives the participant's index. */
  addParticipant(participant: string, announcement: string): number {
    const { suite, incarnation } = readAnnouncement(announcement);
    const [who] = this.#put(participant, incarnation);
    return checked("add a participant", this.door.add_participant(who, suite));
  }

  removeParticipant(participant: string): void {
    const [who] = this.#put(participant);
    checked("remove a participant", this.door.remove_participant(who));
  }

  rotate(): number {
    this.#put(entropy());
    return checked("rotate", this.door.rotate());
  }

  ratchet(): number {
    return checked("ratchet", this.door.ratchet());
  }

  /** Where keys stand; participants by index. The order of figures is told in `crates/e2ee-wasm/src/report.rs`. */
  report(): { sender: object | null; participants: object[] } {
    const place = checked("report", this.door.report());
    const figures = new Float64Array(this.bytes().slice(addressOf(place), addressOf(place) + lengthOf(place)).buffer);
    let at = 0;
    const next = (): number => figures[at++] ?? 0;
    const key = (): object => {
      const [generation, step, print] = [next(), next(), next()];
      return { generation, step, fingerprint: print.toString(16).padStart(8, "0") };
    };
    const known = next() === 1;
    const own = { ...key(), sealed: Object.fromEntries(KINDS.map((kind) => [kind, next()])) };
    const participants = Array.from({ length: next() }, () => ({
      present: next() === 1,
      announced: next() === 1,
      opened: next(),
      repeated: next(),
      noKey: next(),
      rejected: next(),
      malformed: next(),
      keys: Array.from({ length: next() }, () => ({ ...key(), proven: next() === 1 })),
    }));
    return { sender: known ? own : null, participants };
  }

  memoryBytes(): number {
    return this.door.memory.buffer.byteLength;
  }

  /** Writes pieces one after the other into the inbox; gives their lengths. */
  #put(...pieces: (string | Uint8Array)[]): [number, number] {
    const all = pieces.map((piece) => (typeof piece === "string" ? new TextEncoder().encode(piece) : piece));
    const total = all.reduce((sum, piece) => sum + piece.length, 0);
    if (total > INBOX_LENGTH) throw new E2eeError("BadOption", `names and keys of ${total} bytes are too long`);
    let at = this.#inbox;
    for (const piece of all) {
      this.bytes().set(piece, at);
      at += piece.length;
    }
    return [all[0]?.length ?? 0, all[1]?.length ?? 0];
  }
}

/**
 * The interface is numbers only, so it needs nothing of the glue that wasm-bindgen writes; what the module imports is
 * never called but in a panic, and then it ends there.
 */
function instantiate(module: WebAssembly.Module): Door {
  const imports: Record<string, Record<string, () => void>> = {};
  for (const { module: from, name } of WebAssembly.Module.imports(module)) (imports[from] ??= {})[name] = () => undefined;
  return new WebAssembly.Instance(module, imports).exports as unknown as Door;
}

/** A result that is not an error, or the error as one that says what was attempted. */
function checked(what: string, result: number): number {
  if (result >= 0) return result;
  const name = nameOf(-result);
  throw new E2eeError(name, `could not ${what}: ${REASONS[-result] ?? name}`);
}

function entropy(): Uint8Array {
  return crypto.getRandomValues(new Uint8Array(ENTROPY_LENGTH));
}

const REASONS: Readonly<Record<number, string>> = {
  [CODE.BadOption]: "call and participant must be 1 to 512 bytes, and the suite one of the registry's",
  [CODE.BadAnnouncement]: "the announcement names a cipher suite that this version does not know",
  [CODE.BadKey]: "a key must have 16 to 256 bytes",
  [CODE.TooManyAnnouncements]: "this participant announced itself too often",
  [CODE.NoSenderKey]: "no key was set for this sender",
  [CODE.StepsUsedUp]: "no ratchet step is left in this generation: rotate",
  [CODE.Worn]: "the key has sealed as many frames as it may",
};
