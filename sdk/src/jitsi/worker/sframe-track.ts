/** One direction of one track in Frameseal's own format. */
import type { EncodedFrame } from "../../worker/engine.ts";
import type { WasmEngine } from "../../worker/wasm.ts";
import { Track, type TrackEvents } from "../../worker/track.ts";
import type { TrackOrder } from "./protocol.ts";

/** What a track needs from the desk. */
export interface SframeSurroundings extends TrackEvents {
  /** Whether frames pass: sealed or opened, in clear after encryption was switched off, or not at all. */
  readonly rule: "seal" | "clear" | "drop";
  /** What seals and opens; `null` while there is no key. */
  readonly engine: WasmEngine | null;
  /** A frame was dropped as there is no key. */
  keyless(order: TrackOrder): void;
}

/** See the file's comment; handed to `pump`. */
export class SframeTrack {
  readonly order: TrackOrder;
  readonly #id: number;
  readonly #around: SframeSurroundings;
  /** Made with the first frame, which alone says whether this is sound or picture. */
  #track: Track | null = null;
  #engine: WasmEngine | null = null;

  constructor(around: SframeSurroundings, order: TrackOrder, id: number) {
    this.#around = around;
    this.order = order;
    this.#id = id;
  }

  process(frame: EncodedFrame): boolean | Promise<boolean> {
    const { rule, engine } = this.#around;
    if (rule !== "seal") return rule === "clear";
    if (engine === null) {
      this.#around.keyless(this.order);
      return false;
    }
    if (this.#track === null || this.#engine !== engine) this.#track = this.#make(engine, frame);
    return this.#track.process(frame);
  }

  pulse(everySecond: boolean): void {
    this.#track?.pulse(everySecond);
  }

  /** What was dropped before cannot be decoded upon. */
  keyArrived(): void {
    this.#track?.keyArrived();
  }

  close(): void {
    this.#track?.close();
    this.#track = null;
  }

  /** Screens are pictures here as cameras are: what says which is which is the server's word. */
  #make(engine: WasmEngine, frame: EncodedFrame): Track {
    const { operation, participantId: participant } = this.order;
    const direction = operation === "encode" ? "send" : "receive";
    const kind = frame.type === undefined ? "audio" : "video";
    this.#engine = engine;
    return new Track({ track: this.#id, direction, kind, participant }, engine.lane(direction, kind, participant), this.#around);
  }
}
