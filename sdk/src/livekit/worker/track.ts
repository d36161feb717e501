/** One direction of one track under LiveKit's format. */
import { Code } from "../../codes.ts";
import { addressOf, HAS_SSRC, isInjected, lengthOf, type LivekitModule } from "./module.ts";
import type { TrackOrder } from "./protocol.ts";
import { clock, pace } from "../../worker/pace.ts";
import { TURBO_IDLE_MIN_BYTES, TURBO_MIN_BYTES, TurboKeys } from "../../worker/turbo.ts";
import { type FrameMetadata, makeTrailer, readTrailer } from "./trailer.ts";

/** The part of an encoded frame that is used; audio frames have no type. */
export interface Frame {
  data: ArrayBuffer;
  readonly type?: "key" | "delta" | "empty" | undefined;
  readonly timestamp?: number | undefined;
  getMetadata(): {
    readonly synchronizationSource?: number | undefined;
    readonly mimeType?: string | undefined;
    readonly payloadType?: number | undefined;
    readonly rtpTimestamp?: number | undefined;
  };
}

/** Numbers of `e2ee_core::livekit::Codec`. */
const CODEC = { audio: 1, vp8: 2, vp9: 3, av1: 4, h264: 5, h265: 6, unknown: 7 } as const;
const VIDEO: Readonly<Record<string, number>> = {
  vp8: CODEC.vp8,
  vp9: CODEC.vp9,
  av1: CODEC.av1,
  h264: CODEC.h264,
  h265: CODEC.h265,
};
/** One frame in so many, of all tracks, reads the clock. */
const TIMED = 4;
const TAG_LENGTH = 16;
/** Numbers of `e2ee_core::livekit::FrameType`, 256 times. */
const TYPE = { key: 0, delta: 0x100, empty: 0x200 } as const;

/** What a track needs from the desk. */
export interface Surroundings {
  readonly module: LivekitModule;
  /** Whether frames of this participant may pass in this direction: sealed, in clear by policy, or not at all. */
  rule(identity: string, sends: boolean): "seal" | "clear" | "drop";
  codecOf(payloadType: number): string | undefined;
  failed(identity: string, code: number): void;
  metadata(trackId: string, frame: Frame, metadata: FrameMetadata): void;
}

/** See {@link Frame}; handed to `pump`. */
export class LivekitTrack {
  order: TrackOrder;
  readonly sends: boolean;
  readonly #around: Surroundings;
  readonly #lane: number;
  #bound = false;
  #at = 0;
  #room = 0;
  #ssrc: number | null = null;
  #mime = "";
  #codec: number = CODEC.unknown;
  #frameId = 0;
  readonly #keys: TurboKeys;
  /** Its memory in the module is somebody else's: nothing more is read or written there, whatever is under way. */
  #closed = false;

  constructor(around: Surroundings, order: TrackOrder, sends: boolean) {
    this.#around = around;
    this.order = order;
    this.sends = sends;
    this.#lane = around.module.lane();
    this.#keys = new TurboKeys(sends ? "encrypt" : "decrypt");
  }

  /** Uses this key ring; `null`: nothing passes. */
  bind(person: number | null): void {
    if (this.#closed) return;
    this.#bound = person !== null;
    this.#around.module.bind(this.#lane, person ?? 2 ** 32 - 1);
  }

  /** Another codec, or another track on the same transceiver. */
  reorder(order: TrackOrder): void {
    this.order = order;
    this.#mime = "";
    this.#codec = CODEC.unknown;
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#around.module.close(this.#lane);
  }

  /** `true`: hand the frame on. Never throws for what a frame holds. */
  process(frame: Frame): boolean | Promise<boolean> {
    if (++pace.frames >= TIMED) clock();
    const { participantIdentity } = this.order;
    const data = frame.data;
    // Encoders make frames without a byte in silence.
    if (data.byteLength === 0) return true;
    const rule = this.#around.rule(participantIdentity, this.sends);
    if (rule !== "seal") return rule === "clear";
    if (!this.#bound || this.#closed) return false;
    const status = this.sends ? this.#seal(frame, data) : this.#open(frame, data);
    return typeof status === "number" ? this.#done(status) : status.then((late) => this.#done(late));
  }

  #done(status: number): boolean {
    if (status >= 0) return true;
    this.#around.failed(this.order.participantIdentity, -status);
    return false;
  }

  #seal(frame: Frame, data: ArrayBuffer): number | Promise<number> {
    let meta: number;
    let timestamp = frame.timestamp;
    if (frame.type === undefined) {
      // Sound has one layer: its SSRC is asked for once.
      this.#ssrc ??= frame.getMetadata().synchronizationSource ?? null;
      meta = CODEC.audio;
    } else {
      const metadata = frame.getMetadata();
      this.#ssrc = metadata.synchronizationSource ?? null;
      timestamp ??= metadata.rtpTimestamp;
      meta = this.#codecOf(metadata) + TYPE[frame.type];
    }
    if (this.#ssrc !== null) meta += HAS_SSRC;
    const { module } = this.#around;
    const wire = new Uint8Array(data);
    const [ssrc, clock] = [this.#ssrc ?? 0, timestamp ?? 0];
    if (!this.#write(wire)) return -Code.Refused;
    if (!this.#goesOut(wire.length)) return this.#sealed(frame, module.seal(this.#lane, meta, wire.length, ssrc, clock));
    const inWasm = (): number => this.#sealed(frame, module.seal(this.#lane, meta, wire.length, ssrc, clock));
    return this.#turbo(wire, module.planSeal(this.#lane, meta, wire.length, ssrc, clock), inWasm, () => this.#sealed(frame, module.finishSeal(this.#lane)));
  }

  /** Puts what was sealed into the frame. */
  #sealed(frame: Frame, place: number): number {
    if (place < 0) return place;
    const sealed = this.#around.module.take(place);
    const trailer = frame.type === undefined ? null : this.#trailer();
    frame.data = (trailer === null ? sealed : joined(sealed, trailer)).buffer;
    return 0;
  }

  #open(frame: Frame, data: ArrayBuffer): number | Promise<number> {
    const { module } = this.#around;
    let wire = new Uint8Array(data);
    let meta: number = CODEC.audio;
    if (frame.type !== undefined) {
      if (this.order.hasPacketTrailer === true) {
        const { length, metadata } = readTrailer(wire);
        wire = wire.subarray(0, length);
        if (metadata !== null) this.#around.metadata(this.order.trackId, frame, metadata);
      }
      // A change of codec begins with a key frame.
      const known = frame.type === "delta" && this.#codec !== CODEC.unknown;
      meta = (known ? this.#codec : this.#codecOf(frame.getMetadata())) + TYPE[frame.type];
    }
    if (!this.#write(wire)) return -Code.Refused;
    if (!this.#goesOut(wire.length)) return this.#opened(frame, module.open(this.#lane, meta, wire.length));
    const inWasm = (): number => this.#opened(frame, module.open(this.#lane, meta, wire.length));
    return this.#turbo(wire, module.planOpen(this.#lane, meta, wire.length), inWasm, () => this.#opened(frame, module.acceptOpen(this.#lane)));
  }

  #opened(frame: Frame, place: number): number {
    if (place < 0) return place;
    frame.data = this.#around.module.take(isInjected(place) ? Math.floor(place) : place).buffer;
    return 0;
  }

  /** Whether WebCrypto runs the cipher: many times faster by the byte, at the price of a hop to another thread. */
  #goesOut(length: number): boolean {
    return length >= (pace.busy ? TURBO_MIN_BYTES : TURBO_IDLE_MIN_BYTES);
  }

  /** The cipher in WebCrypto over what the module laid out at `plan`; whatever it cannot do, the module does anew. */
  #turbo(wire: Uint8Array, plan: number, inWasm: () => number, finish: () => number): number | Promise<number> {
    const { module } = this.#around;
    if (plan < 0) return plan === -Code.StaleOpen || plan === -Code.StaleSeal ? this.#again(wire, inWasm) : plan;
    const [kid, epoch] = module.planKey(this.#lane);
    const key = this.#keys.find(kid, epoch);
    if (key !== null) return this.#execute(wire, plan, key, inWasm, finish);
    const bytes = module.borrowKey(this.#lane);
    if (bytes !== null) this.#keys.learn(kid, epoch, bytes);
    return this.#again(wire, inWasm);
  }

  async #execute(wire: Uint8Array, plan: number, key: CryptoKey, inWasm: () => number, finish: () => number): Promise<number> {
    const { module } = this.#around;
    const { iv, additionalData, body, end } = module.parts(this.#lane, plan);
    const params = { name: "AES-GCM", iv, additionalData };
    try {
      const made = this.sends
        ? await crypto.subtle.encrypt(params, key, module.view(body, end - TAG_LENGTH))
        : await crypto.subtle.decrypt(params, key, module.view(body, end));
      if (this.#closed) return -Code.Refused;
      module.write(body, new Uint8Array(made));
    } catch {
      // The module alone knows steps ahead, windows and error words.
      return this.#again(wire, inWasm);
    }
    const status = finish();
    return status === -Code.StaleSeal ? this.#again(wire, inWasm) : status;
  }

  #again(wire: Uint8Array, inWasm: () => number): number {
    if (this.#closed) return -Code.Refused;
    this.#around.module.write(this.#at, wire);
    return inWasm();
  }

  #trailer(): Uint8Array | null {
    const options = this.order.packetTrailer;
    if (options === undefined) return null;
    this.#frameId = (this.#frameId + 1) % 2 ** 32;
    return makeTrailer(options, this.#frameId, BigInt(Math.round((performance.timeOrigin + performance.now()) * 1000)));
  }

  /** By the frame's media type, else by its payload type, else as the track was set up. */
  #codecOf(metadata: ReturnType<Frame["getMetadata"]>): number {
    const mime = metadata.mimeType ?? "";
    if (mime !== "" && mime === this.#mime) return this.#codec;
    const name =
      mime !== "" ? mime.slice(mime.indexOf("/") + 1) : (this.#around.codecOf(metadata.payloadType ?? -1) ?? this.order.codec ?? "");
    this.#mime = mime;
    this.#codec = VIDEO[name.toLowerCase()] ?? CODEC.unknown;
    return this.#codec;
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

function joined(a: Uint8Array, b: Uint8Array): Uint8Array<ArrayBuffer> {
  const both = new Uint8Array(a.length + b.length);
  both.set(a);
  both.set(b, a.length);
  return both;
}
