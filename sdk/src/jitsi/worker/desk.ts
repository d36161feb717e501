/** The worker's desk: lib-jitsi-meet's messages in, tracks and keys behind. */
import { Code } from "../../codes.ts";
import { pump } from "../../worker/media.ts";
import { JitsiModule } from "./module.ts";
import { type Policy, policyOf } from "./policy.ts";
import type { GivenKey, Incoming, TrackOrder } from "./protocol.ts";
import { type Frame, JitsiTrack, type Person, type Surroundings } from "./track.ts";
import { Words } from "./words.ts";

/** The part of a worker's global object that is used. */
export interface Scope {
  readonly framesealPolicy?: unknown;
  onmessage: ((event: { data: Incoming }) => void) | null;
  onrtctransform: ((event: { transformer: Transformer }) => void) | null;
  readonly console: { warn(text: string): void };
}

/** A script transform's event. */
export interface Transformer {
  readonly readable: ReadableStream<Frame>;
  readonly writable: WritableStream<Frame>;
  readonly options: TrackOrder;
}

const PULSE_MS = 200;
/** Key slots of a participant. */
const RING = 16;

interface Shared {
  readonly index: number;
  /** Without bytes: only WebCrypto has it. */
  readonly aes: Uint8Array<ArrayBuffer>;
  readonly key: CryptoKey;
}

/** See the top of this file. */
export class Desk implements Surroundings {
  readonly module = new JitsiModule();
  readonly #policy: Policy;
  /** `null`: the page has not said yet. */
  #enabled: boolean | null = null;
  #shared = false;
  #sharedKeys = new Map<number, Shared>();
  readonly #people = new Map<string, Person>();
  /** Keys that only WebCrypto has, by participant and slot. */
  readonly #outside = new Map<string, Map<number, CryptoKey>>();
  readonly #words: Words;
  #queue: Promise<void> = Promise.resolve();

  constructor(scope: Scope) {
    this.#words = new Words(scope.console);
    this.#policy = policyOf(scope.framesealPolicy);
    // One after the other: a frame must not come before the key that was set before it.
    scope.onmessage = ({ data }) => this.#enqueue(() => this.#serve(data));
    scope.onrtctransform = ({ transformer }) => {
      const { options, readable, writable } = transformer;
      this.#enqueue(() => this.#run(options, readable, writable));
    };
    setInterval(() => this.module.tick(performance.now()), PULSE_MS);
  }

  /** Transforms are there only once encryption is being switched on, so until the page says so nothing passes. */
  get rule(): "seal" | "clear" | "drop" {
    if (this.#enabled === true) return "seal";
    return this.#enabled === false && this.#policy.clear ? "clear" : "drop";
  }

  get empty(): boolean {
    return this.#policy.empty;
  }

  get external(): boolean {
    return this.#shared;
  }

  outside(participantId: string, slot: number): CryptoKey | null {
    return this.#outside.get(participantId)?.get(slot) ?? null;
  }

  failed(participantId: string, code: number): void {
    switch (code) {
      // Browsers deliver some frames twice; and who replays is refused quietly.
      case Code.Replayed:
      case Code.TooOld:
        return;
      case Code.UnknownKey:
        return this.#warn(participantId, "no key in the slot that a frame names");
      case Code.NoSenderKey:
        return this.#warn(participantId, "no key to send with; nothing is sent");
      case Code.Rejected:
        return this.#warn(participantId, "a frame does not open with the key that it names");
      case Code.TooShort:
      case Code.Trailer:
        return this.#warn(participantId, "a frame is not encrypted, and is not shown");
      case Code.SealLayout:
        return this.#warn(participantId, "a frame shorter than what stays clear of it is not sent");
      case Code.UnknownCodec:
      case Code.SealUnknownCodec:
        return this.#warn(participantId, "a frame of a type that the format cannot carry");
      default:
        return this.#warn(participantId, `a frame was dropped, code ${code}`);
    }
  }

  #enqueue(work: () => void | Promise<void>): void {
    this.#queue = this.#queue.then(work).catch((error: unknown) => {
      this.#warn("", error instanceof Error ? error.message : String(error));
    });
  }

  #serve(message: Incoming): void | Promise<void> {
    switch (message.operation) {
      case "initialize":
        this.#shared = Boolean(message.sharedKey);
        return;
      case "encode":
      case "decode":
        return this.#run(message, message.readableStream, message.writableStream);
      case "setEnabled":
        this.#enabled = message.enabled === true;
        return;
      case "setKey":
        return this.#setKey(message.participantId, message.key, message.keyIndex);
      case "cleanup":
        return this.#clear(message.participantId);
      case "cleanupAll":
        return this.#clearAll();
      default:
        return this.#warn("", `the page said "${String((message as { readonly operation?: unknown }).operation).slice(0, 40)}", which this worker does not know`);
    }
  }

  /** Made when first named. */
  #person(id: string): Person {
    const known = this.#people.get(id);
    if (known !== undefined) return known;
    const person = { ring: this.module.person(id), epoch: 0 };
    this.#people.set(id, person);
    return person;
  }

  #clearAll(): void {
    for (const id of this.#people.keys()) this.#clear(id);
    for (const { aes } of this.#sharedKeys.values()) aes.fill(0);
    this.#sharedKeys.clear();
  }

  /** What was seen of a participant stays remembered, so that a server that makes it come back can replay nothing. */
  #clear(id: string): void {
    const person = this.#people.get(id);
    this.#outside.delete(id);
    if (person === undefined) return;
    person.epoch++;
    this.module.clear(person.ring);
  }

  #setKey(participantId: string | undefined, key: GivenKey, index: number): void | Promise<void> {
    if (!Number.isSafeInteger(index) || index < 0) return this.#warn(participantId ?? "", "a key with an index that is none");
    if (this.#shared) return this.#setShared(key, index);
    if (participantId === undefined) return this.#warn("", "a key without a participant, and keys are not shared");
    const bytes = key instanceof ArrayBuffer ? new Uint8Array(key) : key;
    // `false`: it has no key any more. Nor is an older one to be used when the new one cannot be.
    if (!(bytes instanceof Uint8Array) || bytes.length === 0) {
      this.#clear(participantId);
      return bytes ? this.#warn(participantId, "a key that is not bytes") : undefined;
    }
    try {
      const person = this.#person(participantId);
      person.epoch++;
      this.module.setKey(person.ring, index, bytes);
    } catch (error) {
      this.#clear(participantId);
      throw error;
    } finally {
      bytes.fill(0);
    }
  }

  /** The application's own key, the same for everybody. */
  async #setShared(given: GivenKey, index: number): Promise<void> {
    const key = cryptoKeyOf(given);
    if (key === null) {
      this.#clearAll();
      return given ? this.#warn("", "a shared key that is not a CryptoKey for AES-GCM") : undefined;
    }
    const aes = key.extractable ? new Uint8Array(await crypto.subtle.exportKey("raw", key)) : new Uint8Array(0);
    const shared = { index, aes, key };
    // In the order of setting, so that who comes later seals with the last one too.
    this.#sharedKeys.delete(index % RING);
    this.#sharedKeys.set(index % RING, shared);
    for (const id of this.#people.keys()) this.#install(id, shared);
  }

  #install(id: string, { index, aes, key }: Shared): void {
    const slots = this.#outside.get(id) ?? new Map<number, CryptoKey>();
    this.#outside.set(id, slots);
    if (aes.length === 0) slots.set(index % RING, key);
    else slots.delete(index % RING);
    const person = this.#person(id);
    person.epoch++;
    this.module.setExternalKey(person.ring, index, aes);
  }

  #run(order: TrackOrder, readable: ReadableStream<Frame>, writable: WritableStream<Frame>): void {
    if (order.operation !== "encode" && order.operation !== "decode") {
      return this.#warn("", "a transform that is neither to encode nor to decode: its frames are dropped");
    }
    const id = String(order.participantId);
    const track = new JitsiTrack(this, order, this.#person(id));
    // Who was cleaned up and comes back has the key of everybody again.
    for (const key of this.#sharedKeys.values()) this.#install(id, key);
    void pump(track, readable, writable).then(() => track.close());
  }

  #warn(participantId: string, what: string): void {
    this.#words.warn(participantId, what);
  }
}

/** Bare, or in an object as the application hands it over. */
function cryptoKeyOf(given: GivenKey): CryptoKey | null {
  if (!given || given instanceof Uint8Array || given instanceof ArrayBuffer) return null;
  const key = given instanceof CryptoKey ? given : given.encryptionKey;
  return key instanceof CryptoKey && key.algorithm.name === "AES-GCM" ? key : null;
}
