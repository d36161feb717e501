/**
 * The media module's memory and letter box. Its interface is numbers only (see `crates/e2ee-wasm`): names and keys
 * go through the inbox, frames through the buffers of their lanes.
 */
import type { InitOutput as Door } from "../../wasm/media.js";
import { Code } from "../codes.ts";
import type { TrackKind } from "../kinds.ts";
import { announce, INCARNATION_LENGTH, readAnnouncement } from "./announcement.ts";
import { Refusal } from "./refusal.ts";

/** What the door is asked for; `crates/e2ee-wasm/src/door.rs` says what each takes and gives. */
export const enum Ask {
  Start = 0,
  Incarnation = 1,
  Report = 2,
  SetRoomSecret = 3,
  SetSenderSecret = 4,
  SetParticipantSecret = 5,
  AddParticipant = 6,
  RemoveParticipant = 7,
  Rotate = 8,
  Ratchet = 9,
  Pad = 10,
  Tick = 11,
  Lane = 12,
  Bind = 13,
  Close = 14,
  Reserve = 15,
  Seal = 16,
  Open = 17,
  PlanSeal = 18,
  FinishSeal = 19,
  PlanOpen = 20,
  AcceptOpen = 21,
  PlanAad = 22,
  NonceAt = 23,
  PlanKid = 24,
  PlanEpoch = 25,
  LendKey = 26,
  DropKey = 27,
}

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
  /** The module's one door: numbers in, a number out. */
  readonly ask: (what: Ask, a?: number, b?: number, c?: number) => number;
  readonly #memory: WebAssembly.Memory;
  readonly #suite: number;
  readonly #inbox: number;
  #view: Uint8Array<ArrayBuffer>;

  constructor(module: WebAssembly.Module, setup: EngineSetup) {
    const door = instantiate(module);
    // All four, or the engine would adapt the call each time.
    this.ask = (what, a = 0, b = 0, c = 0) => door.ask(what, a, b, c);
    this.#memory = door.memory;
    this.#view = new Uint8Array(this.#memory.buffer as ArrayBuffer);
    this.#inbox = door.inbox();
    this.#suite = setup.suite;
    const [call, who] = this.put(setup.call, setup.participant);
    checked(this.ask(Ask.Start, call, who, setup.suite));
  }

  /** The memory; the view is made anew only after the memory grew. */
  bytes(): Uint8Array<ArrayBuffer> {
    if (this.#view.byteLength === 0) this.#view = new Uint8Array(this.#memory.buffer as ArrayBuffer);
    return this.#view;
  }

  announcement(): string {
    if (this.ask(Ask.Incarnation) === 0) return "";
    const incarnation = this.bytes().slice(this.#inbox, this.#inbox + INCARNATION_LENGTH);
    return announce({ suite: this.#suite, incarnation });
  }

  setRoomSecret(stretched: Uint8Array): void {
    const [length] = this.put(stretched, entropy());
    checked(this.ask(Ask.SetRoomSecret, length));
  }

  setSenderKey(baseKey: Uint8Array): void {
    const [length] = this.put(baseKey, entropy());
    checked(this.ask(Ask.SetSenderSecret, length));
  }

  /** Gives the participant's index. */
  setReceiverKey(participant: string, baseKey: Uint8Array): number {
    const [who, length] = this.put(participant, baseKey);
    return checked(this.ask(Ask.SetParticipantSecret, who, length));
  }

  /** Gives the participant's index. */
  addParticipant(participant: string, announcement: string): number {
    const { suite, incarnation } = readAnnouncement(announcement);
    const [who] = this.put(participant, incarnation);
    return checked(this.ask(Ask.AddParticipant, who, suite));
  }

  removeParticipant(participant: string): void {
    const [who] = this.put(participant);
    checked(this.ask(Ask.RemoveParticipant, who));
  }

  rotate(): number {
    this.put(entropy());
    return checked(this.ask(Ask.Rotate));
  }

  ratchet(): number {
    return checked(this.ask(Ask.Ratchet));
  }

  /** Where keys stand; participants by index. The order of figures is told in `crates/e2ee-wasm/src/report.rs`. */
  report(): { sender: object | null; participants: object[] } {
    const place = checked(this.ask(Ask.Report));
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
    return this.#memory.buffer.byteLength;
  }

  /** Writes pieces one after the other into the inbox; gives their lengths. */
  put(...pieces: (string | Uint8Array)[]): [number, number] {
    const all = pieces.map((piece) => (typeof piece === "string" ? new TextEncoder().encode(piece) : piece));
    const total = all.reduce((sum, piece) => sum + piece.length, 0);
    if (total > INBOX_LENGTH) throw new Refusal(Code.BadOption, `names and keys of ${total} bytes are too long`);
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

/** A result that is not an error. Why something was refused, the page says. */
function checked(result: number): number {
  if (result < 0) throw new Refusal(-result);
  return result;
}

function entropy(): Uint8Array {
  return crypto.getRandomValues(new Uint8Array(ENTROPY_LENGTH));
}
