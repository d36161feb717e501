/** One direction of one track under Jitsi's format. */
import { Code } from "../../codes.ts";
import { clock, pace } from "../../worker/pace.ts";
import { TURBO_IDLE_MIN_BYTES, TURBO_MIN_BYTES, TurboKeys } from "../../worker/turbo.ts";
import { addressOf, HAS_SSRC, type JitsiModule, lengthOf } from "./module.ts";
import type { TrackOrder } from "./protocol.ts";

/** The part of an encoded frame that is used; audio frames have no type. */
export interface Frame {
  data: ArrayBuffer;
  readonly type?: string | undefined;
  readonly timestamp?: number | undefined;
  getMetadata(): { readonly synchronizationSource?: number | undefined; readonly rtpTimestamp?: number | undefined };
}

/** Numbers of `e2ee_core::jitsi::FrameType`. The format has no rule for any other type. */
const TYPE: Readonly<Record<string, number>> = { key: 2, delta: 3 };
const AUDIO = 1;
const TAG_LENGTH = 16;
/** One frame in so many, of all tracks, reads the clock. */
const TIMED = 4;
/** A lane of nobody's: nothing passes. */
const NOBODY = 2 ** 32 - 1;

/** What a track needs from the desk. */
export interface Surroundings {
  readonly module: JitsiModule;
  /** Whether frames pass: sealed or opened, in clear after encryption was switched off, or not at all. */
  readonly rule: "seal" | "clear" | "drop";
  /** Whether frames without a byte pass. */
  readonly empty: boolean;
  /** A key of this participant that only WebCrypto has. */
  outside(participantId: string, slot: number): CryptoKey | null;
  failed(participantId: string, code: number): void;
}

/** See {@link Frame}; handed to `pump`. */
export class JitsiTrack {
  readonly #order: TrackOrder;
  readonly #sends: boolean;
  readonly #around: Surroundings;
  readonly #lane: number;
  #at = 0;
  #room = 0;
  #ssrc: number | null = null;
  readonly #keys: TurboKeys;

  constructor(around: Surroundings, order: TrackOrder, person: number) {
    this.#around = around;
    this.#order = order;
    this.#sends = order.operation === "encode";
    this.#lane = around.module.lane();
    this.#keys = new TurboKeys(this.#sends ? "encrypt" : "decrypt");
    around.module.bind(this.#lane, person);
  }

  close(): void {
    this.#around.module.bind(this.#lane, NOBODY);
    this.#around.module.close(this.#lane);
  }

  /** `true`: hand the frame on. Never throws for what a frame holds. */
  process(frame: Frame): boolean | Promise<boolean> {
    if (++pace.frames >= TIMED) clock();
    const { rule } = this.#around;
    if (rule !== "seal") return rule === "clear";
    const data = frame.data;
    if (data.byteLength === 0) return this.#around.empty;
    const status = this.#sends ? this.#seal(frame, data) : this.#open(frame, data);
    return typeof status === "number" ? this.#done(status) : status.then((late) => this.#done(late));
  }

  #done(status: number): boolean {
    if (status >= 0) return true;
    this.#around.failed(this.#order.participantId, -status);
    return false;
  }

  #seal(frame: Frame, data: ArrayBuffer): number | Promise<number> {
    let meta = typeOf(frame);
    if (meta === 0) return -Code.SealUnknownCodec;
    let timestamp = frame.timestamp;
    // Sound has one layer: its SSRC is asked for once.
    if (meta !== AUDIO || this.#ssrc === null || timestamp === undefined) {
      const metadata = frame.getMetadata();
      this.#ssrc = metadata.synchronizationSource ?? null;
      timestamp ??= metadata.rtpTimestamp;
    }
    if (this.#ssrc !== null) meta += HAS_SSRC;
    const { module } = this.#around;
    const wire = new Uint8Array(data);
    const [length, ssrc, rtp] = [wire.length, this.#ssrc ?? 0, timestamp ?? 0];
    if (!this.#write(wire)) return -Code.Refused;
    const inWasm = (): number => this.#put(frame, module.seal(this.#lane, meta, length, ssrc, rtp));
    if (!this.#goesOut(length)) {
      const status = inWasm();
      if (status !== -Code.NoSenderKey) return status;
      // Perhaps WebCrypto has one.
      this.#write(wire);
    }
    return this.#turbo(frame, wire, module.planSeal(this.#lane, meta, length, ssrc, rtp), inWasm);
  }

  #open(frame: Frame, data: ArrayBuffer): number | Promise<number> {
    const meta = typeOf(frame);
    if (meta === 0) return -Code.UnknownCodec;
    const { module } = this.#around;
    const wire = new Uint8Array(data);
    if (!this.#write(wire)) return -Code.Refused;
    const inWasm = (): number => this.#put(frame, module.open(this.#lane, meta, wire.length));
    if (!this.#goesOut(wire.length)) {
      const status = inWasm();
      if (status !== -Code.UnknownKey || this.#around.outside(this.#order.participantId, wire[wire.length - 1] ?? 0) === null) return status;
      this.#write(wire);
    }
    return this.#turbo(frame, wire, module.planOpen(this.#lane, meta, wire.length), inWasm);
  }

  /** Puts what came out into the frame. */
  #put(frame: Frame, place: number): number {
    if (place < 0) return place;
    frame.data = this.#around.module.take(place).buffer;
    return 0;
  }

  /** Whether WebCrypto runs the cipher: many times faster by the byte, at the price of a hop to another thread. */
  #goesOut(length: number): boolean {
    return length >= (pace.busy ? TURBO_MIN_BYTES : TURBO_IDLE_MIN_BYTES);
  }

  /** The cipher in WebCrypto over what the module laid out at `plan`; whatever it cannot do, the module does anew. */
  #turbo(frame: Frame, wire: Uint8Array, plan: number, inWasm: () => number): number | Promise<number> {
    const { module } = this.#around;
    if (plan < 0) return plan === -Code.StaleOpen ? this.#again(wire, inWasm) : plan;
    const [kid, epoch] = module.planKey(this.#lane);
    const key = this.#keys.find(kid, epoch);
    if (key !== null) return this.#execute(frame, wire, plan, key, inWasm);
    const outside = this.#around.outside(this.#order.participantId, kid % 256);
    if (outside !== null) return this.#execute(frame, wire, plan, outside, () => -Code.Rejected);
    const bytes = module.borrowKey(this.#lane);
    if (bytes !== null) this.#keys.learn(kid, epoch, bytes);
    return this.#again(wire, inWasm);
  }

  async #execute(frame: Frame, wire: Uint8Array, plan: number, key: CryptoKey, inWasm: () => number): Promise<number> {
    const { module } = this.#around;
    const { iv, additionalData, body, end } = module.parts(this.#lane, plan);
    const params = { name: "AES-GCM", iv, additionalData };
    try {
      const made = this.#sends
        ? await crypto.subtle.encrypt(params, key, module.view(body, end - TAG_LENGTH))
        : await crypto.subtle.decrypt(params, key, module.view(body, end));
      module.write(body, new Uint8Array(made));
    } catch {
      // The module alone knows steps ahead, windows and error words.
      return this.#again(wire, inWasm);
    }
    return this.#put(frame, this.#sends ? module.finishSeal(this.#lane) : module.acceptOpen(this.#lane));
  }

  #again(wire: Uint8Array, inWasm: () => number): number {
    this.#around.module.write(this.#at, wire);
    return inWasm();
  }

  #write(data: Uint8Array): boolean {
    const { module } = this.#around;
    if (data.length > this.#room) {
      const place = module.reserve(this.#lane, data.length);
      if (place < 0) return false;
      this.#at = addressOf(place);
      this.#room = lengthOf(place);
    }
    module.write(this.#at, data);
    return true;
  }
}

/** 0 for a type that the format cannot carry. */
function typeOf({ type }: Frame): number {
  return type === undefined ? AUDIO : (TYPE[type] ?? 0);
}
