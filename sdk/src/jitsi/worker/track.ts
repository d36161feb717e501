/** One direction of one track under Jitsi's format. */
import { Code } from "../../codes.ts";
import { type Keyed, TURBO_MIN_BYTES, TurboKeys } from "../../worker/turbo.ts";
import { addressOf, HAS_SSRC, IV_LENGTH, type JitsiModule, lengthOf, RING, TRAILER_LENGTH } from "./module.ts";
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
/** Bytes that stay clear, by that number. */
const CLEAR = [0, 1, 10, 3] as const;
/**
 * What WebCrypto is told of one frame: it copies these when it is called, and an array that it has seen before costs it less
 * than a new one.
 */
const PARAMS = CLEAR.map((clear) => ({ name: "AES-GCM", iv: new Uint8Array(IV_LENGTH), additionalData: new Uint8Array(clear) }));
const TAG_LENGTH = 16;
const OVERHEAD = TAG_LENGTH + TRAILER_LENGTH;
/**
 * Frames of this many bytes and more go to WebCrypto at any time: here they are not copied into the module for it, so it
 * pays earlier than in Frameseal's own format.
 */
const IDLE_MIN_BYTES = 4096;
/** Below, a new buffer costs no more than making one longer. */
const GROW_MIN_BYTES = 2048;
/** Frames that come closer than this come one on the heels of the other, milliseconds. */
const BUSY_MS = 0.25;
/** While they do, one of so many reads the clock, which costs as much as a tenth of a frame. */
const TIMED = 8;
/** No key's number. */
const NO_KEY = -1;
/** A lane of nobody's: nothing passes. */
const NOBODY = 2 ** 32 - 1;

/** A participant's key ring in the module, and how often its keys were changed. */
export interface Person {
  readonly ring: number;
  epoch: number;
}

/** What a track needs from the desk. */
export interface Surroundings {
  readonly module: JitsiModule;
  /** Whether frames pass: sealed or opened, in clear after encryption was switched off, or not at all. */
  readonly rule: "seal" | "clear" | "drop";
  /** Whether frames without a byte pass. */
  readonly empty: boolean;
  /** Whether keys are the application's own, which WebCrypto alone may have. */
  readonly external: boolean;
  /** A key of this participant that only WebCrypto has. */
  outside(participantId: string, slot: number): CryptoKey | null;
  failed(participantId: string, code: number): void;
}

/** The worker's pace, over frames of all tracks that either side could take: frames since the clock was read, and when. */
const pace = { busy: false, frames: 0, at: -Infinity };

/**
 * A frame to be, its clear bytes in place: made while WebCrypto is at work. `null` for a large one, for which a new buffer
 * costs as much as a quarter of the cipher: what WebCrypto gives is made longer instead, where the platform can.
 */
function begin(wire: Uint8Array, clear: number, whole: number): Uint8Array<ArrayBuffer> | null {
  if (whole >= GROW_MIN_BYTES && "transfer" in ArrayBuffer.prototype) return null;
  const draft = new Uint8Array(whole);
  copy(draft, wire, 0, clear);
  return draft;
}

/** The frame with what WebCrypto gave. */
function end(draft: Uint8Array<ArrayBuffer> | null, wire: Uint8Array, clear: number, body: ArrayBuffer, whole: number): Uint8Array<ArrayBuffer> {
  if (draft !== null) {
    draft.set(new Uint8Array(body), clear);
    return draft;
  }
  const { byteLength } = body;
  const grown = new Uint8Array((body as unknown as Growing).transfer(whole)).copyWithin(clear, 0, byteLength);
  copy(grown, wire, 0, clear);
  return grown;
}

/** A few bytes; for so few the platform's own way costs more. */
function copy(to: Uint8Array, from: Uint8Array, start: number, count: number): void {
  for (let at = 0; at < count; at++) to[at] = from[start + at] as number;
}

/** Four bytes, little-endian. */
function word(bytes: Uint8Array, at: number): number {
  return (bytes[at] as number) | ((bytes[at + 1] as number) << 8) | ((bytes[at + 2] as number) << 16) | ((bytes[at + 3] as number) << 24);
}

/** {@link PARAMS} for a frame, but for its IV. */
function told(meta: number, wire: Uint8Array): (typeof PARAMS)[number] {
  const params = PARAMS[meta] as (typeof PARAMS)[number];
  copy(params.additionalData, wire, 0, params.additionalData.length);
  return params;
}

/** Browsers have it since 2024; the types that this is compiled with do not. */
interface Growing {
  transfer(newByteLength: number): ArrayBuffer;
}

/** See {@link Frame}; handed to `pump`. */
export class JitsiTrack {
  readonly #order: TrackOrder;
  readonly #sends: boolean;
  readonly #around: Surroundings;
  readonly #person: Person;
  readonly #lane: number;
  readonly #keys: TurboKeys;
  /** Its memory in the module is somebody else's: nothing more is read or written there, whatever is under way. */
  #closed = false;
  #at = 0;
  #room = 0;
  #ssrc: number | null = null;
  /** The key under which WebCrypto opened the frame before, by its number. */
  #opening = NO_KEY;

  constructor(around: Surroundings, order: TrackOrder, person: Person) {
    this.#around = around;
    this.#order = order;
    this.#person = person;
    this.#sends = order.operation === "encode";
    this.#lane = around.module.lane();
    this.#keys = new TurboKeys(this.#sends ? "encrypt" : "decrypt");
    around.module.bind(this.#lane, person.ring);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#around.module.bind(this.#lane, NOBODY);
    this.#around.module.close(this.#lane);
  }

  /** `true`: hand the frame on. Never throws for what a frame holds. */
  process(frame: Frame): boolean | Promise<boolean> {
    const { rule } = this.#around;
    if (rule !== "seal") return rule === "clear";
    if (this.#closed) return false;
    const data = frame.data;
    if (data.byteLength === 0) return this.#around.empty;
    const { type } = frame;
    const meta = type === undefined ? AUDIO : (TYPE[type] ?? 0);
    if (meta === 0) return this.#failed(this.#sends ? Code.SealUnknownCodec : Code.UnknownCodec);
    return this.#sends ? this.#seal(frame, data, meta) : this.#open(frame, data, meta);
  }

  #seal(frame: Frame, data: ArrayBuffer, meta: number): boolean | Promise<boolean> {
    let timestamp = frame.timestamp;
    // Sound has one layer: its SSRC is asked for once.
    if (meta !== AUDIO || this.#ssrc === null || timestamp === undefined) {
      const metadata = frame.getMetadata();
      this.#ssrc = metadata.synchronizationSource ?? null;
      timestamp ??= metadata.rtpTimestamp;
    }
    const rtp = timestamp ?? 0;
    if (!this.#goesOut(data.byteLength)) {
      const status = this.#sealHere(frame, data, meta, rtp);
      // Perhaps WebCrypto has the key that is not here.
      if (status !== -Code.NoSenderKey || !this.#around.external) return this.#done(status);
    }
    return this.#sealOutside(frame, data, meta, rtp);
  }

  #sealHere(frame: Frame, data: ArrayBuffer, meta: number, rtp: number): number {
    if (this.#closed) return -Code.Refused;
    if (!this.#write(data)) return -Code.Refused;
    const { module } = this.#around;
    const ssrc = this.#ssrc;
    const about = ssrc === null ? meta : meta + HAS_SSRC;
    const status = module.seal(this.#lane, about, data.byteLength, ssrc ?? 0, rtp);
    if (status >= 0) frame.data = module.take(this.#at, data.byteLength + OVERHEAD);
    return status;
  }

  /** The cipher in WebCrypto, with an IV that the module spends; what it cannot do, the module does. */
  #sealOutside(frame: Frame, data: ArrayBuffer, meta: number, rtp: number): boolean | Promise<boolean> {
    const { module } = this.#around;
    const length = data.byteLength;
    const ssrc = this.#ssrc;
    const kid = module.planSeal(this.#lane, ssrc === null ? meta : meta + HAS_SSRC, length, ssrc ?? 0, rtp);
    if (kid < 0) return this.#failed(-kid);
    const key = this.#key(kid);
    if (key === null) return this.#done(this.#sealHere(frame, data, meta, rtp));
    const wire = new Uint8Array(data);
    const params = told(meta, wire);
    copy(params.iv, module.trailer, 0, IV_LENGTH);
    const clear = params.additionalData.length;
    const sealing = crypto.subtle.encrypt(params, key, new Uint8Array(data, clear));
    const whole = length + OVERHEAD;
    const draft = begin(wire, clear, whole);
    const trailer = draft === null ? module.trailer.slice() : null;
    draft?.set(module.trailer, length + TAG_LENGTH);
    return sealing.then(
      (sealed) => {
        const made = end(draft, wire, clear, sealed, whole);
        if (trailer !== null) made.set(trailer, length + TAG_LENGTH);
        frame.data = made.buffer;
        return true;
      },
      () => this.#done(this.#sealHere(frame, data, meta, rtp)),
    );
  }

  #open(frame: Frame, data: ArrayBuffer, meta: number): boolean | Promise<boolean> {
    const length = data.byteLength;
    if (!this.#goesOut(length)) {
      const status = this.#openHere(frame, data, meta);
      if (status !== -Code.UnknownKey || !this.#around.external) return this.#done(status);
    }
    if (length < OVERHEAD) return this.#failed(Code.TooShort);
    return this.#openOutside(frame, data, meta);
  }

  #openHere(frame: Frame, data: ArrayBuffer, meta: number): number {
    if (this.#closed) return -Code.Refused;
    if (!this.#write(data)) return -Code.Refused;
    const { module } = this.#around;
    const status = module.open(this.#lane, meta, data.byteLength);
    if (status >= 0) frame.data = module.take(this.#at, data.byteLength - OVERHEAD);
    return status;
  }

  /** The cipher in WebCrypto. The module alone knows steps ahead, windows and error words, so what fails goes there. */
  #openOutside(frame: Frame, data: ArrayBuffer, meta: number): boolean | Promise<boolean> {
    const last = this.#keys.newest(this.#person.epoch);
    // As a rule it is the key of the frame before, and then the module need not be asked first: it accepts the frame under
    // this key or not at all.
    if (last !== null && last.kid === this.#opening && new Uint8Array(data, data.byteLength - 1)[0] === last.kid % RING) return this.#openWith(frame, data, meta, last);
    const { module } = this.#around;
    const kid = module.planOpen(this.#lane, meta, data);
    if (kid < 0) return kid === -Code.StaleOpen ? this.#done(this.#openHere(frame, data, meta)) : this.#failed(-kid);
    const key = this.#key(kid);
    return key === null ? this.#done(this.#openHere(frame, data, meta)) : this.#openWith(frame, data, meta, { kid, key });
  }

  #openWith(frame: Frame, data: ArrayBuffer, meta: number, { kid, key }: Keyed): Promise<boolean> {
    const { epoch } = this.#person;
    const tail = data.byteLength - TRAILER_LENGTH;
    const wire = new Uint8Array(data);
    const params = told(meta, wire);
    copy(params.iv, wire, tail, IV_LENGTH);
    const clear = params.additionalData.length;
    const opening = crypto.subtle.decrypt(params, key, new Uint8Array(data, clear, tail - clear));
    const whole = tail - TAG_LENGTH;
    // What can be done while WebCrypto is at work costs a frame no time.
    const draft = begin(wire, clear, whole);
    const a = word(wire, tail);
    const b = word(wire, tail + 4);
    const c = word(wire, tail + 8);
    const d = word(wire, data.byteLength - 4) >>> 16;
    return opening.then(
      (plain) => {
        if (this.#closed) return false;
        // Another key may have the slot, and the number, of the one that this was opened with.
        if (epoch !== this.#person.epoch) return this.#openAnew(frame, data, meta);
        const status = this.#around.module.acceptOpen(this.#lane, meta, data.byteLength, kid, a, b, c, d);
        if (status === -Code.StaleOpen) return this.#openAnew(frame, data, meta);
        if (status < 0) return this.#failed(-status);
        this.#opening = kid;
        frame.data = end(draft, wire, clear, plain, whole).buffer;
        return true;
      },
      () => (this.#outside(kid) === null ? this.#openAnew(frame, data, meta) : this.#failed(Code.Rejected)),
    );
  }

  /** From the start, in the module, which may follow steps: it is asked for the next frame's key. */
  #openAnew(frame: Frame, data: ArrayBuffer, meta: number): boolean {
    this.#opening = NO_KEY;
    return this.#done(this.#openHere(frame, data, meta));
  }

  #done(status: number): boolean {
    return status >= 0 || this.#failed(-status);
  }

  #failed(code: number): false {
    this.#around.failed(this.#order.participantId, code);
    return false;
  }

  /** Whether WebCrypto runs the cipher: many times faster by the byte, at the price of a hop to another thread. */
  #goesOut(length: number): boolean {
    if (length < TURBO_MIN_BYTES) return false;
    if (++pace.frames >= TIMED || !pace.busy) {
      const now = performance.now();
      pace.busy = now - pace.at < BUSY_MS * pace.frames;
      [pace.at, pace.frames] = [now, 0];
    }
    return pace.busy || length >= IDLE_MIN_BYTES;
  }

  /** The planned key in WebCrypto; `null` while it is being imported. */
  #key(kid: number): CryptoKey | null {
    const { epoch } = this.#person;
    const key = this.#keys.find(kid, epoch) ?? this.#outside(kid);
    if (key !== null) return key;
    const bytes = this.#around.module.borrowKey(this.#lane);
    if (bytes !== null) this.#keys.learn(kid, epoch, bytes);
    return null;
  }

  #outside(kid: number): CryptoKey | null {
    return this.#around.external ? this.#around.outside(this.#order.participantId, kid % RING) : null;
  }

  #write(data: ArrayBuffer): boolean {
    const { module } = this.#around;
    if (data.byteLength > this.#room) {
      const place = module.reserve(this.#lane, data.byteLength);
      if (place < 0) return false;
      this.#at = addressOf(place);
      this.#room = lengthOf(place);
    }
    module.write(this.#at, new Uint8Array(data));
    return true;
  }
}
