/** The worker's desk: livekit-client's messages in, tracks and keys behind, errors and events out. */
import { Code } from "../../codes.ts";
import { pump } from "../../worker/media.ts";
import { BadKey, derive, kdfOf, material } from "./keys.ts";
import { type Kdf, LivekitModule, ModuleError } from "./module.ts";
import { type Policy, policyOf } from "./policy.ts";
import type { Incoming, KeyProviderOptions, Reason, StreamsOrder, TrackOrder } from "./protocol.ts";
import { type Frame, LivekitTrack, type Surroundings } from "./track.ts";
import type { FrameMetadata } from "./trailer.ts";

/** The part of a worker's global object that is used. */
export interface Scope {
  readonly location: { readonly search: string };
  onmessage: ((event: { data: Incoming }) => void) | null;
  onrtctransform: ((event: { transformer: Transformer }) => void) | null;
  postMessage(message: unknown): void;
}

interface Transformer {
  readonly readable: ReadableStream<Frame>;
  readonly writable: WritableStream<Frame>;
  readonly options: TrackOrder & { readonly kind: "encode" | "decode" };
}

/** Errors of one participant and reason: at most one a second, and five a minute. */
const ERROR_PAUSE_MS = 1000;
const ERRORS_PER_MINUTE = 5;
const PULSE_MS = 200;
const DEFAULT_SALT = "LKFrameEncryptionKey";
/** The name under which livekit-client knows the one key ring of everybody. */
const SHARED = "shared-key";

interface SharedKey {
  readonly index: number;
  readonly kdf: Kdf;
  readonly derived: Uint8Array<ArrayBuffer>;
}

/** See the top of this file. */
export class Desk implements Surroundings {
  readonly #scope: Scope;
  readonly #policy: Policy;
  #module: LivekitModule | null = null;
  #salt = new TextEncoder().encode(DEFAULT_SALT);
  #shared = false;
  #options = { keyringSize: 0 };
  readonly #unknowns = new Set<string>();
  #sharedKeys = new Map<number, SharedKey>();
  #sharedCurrent = 0;
  readonly #people = new Map<string, number>();
  readonly #enabled = new Map<string, boolean>();
  /** Who encrypted once. */
  readonly #everOn = new Set<string>();
  readonly #kdfs = new Map<string, Kdf>();
  readonly #tracks = new Set<LivekitTrack>();
  readonly #codecs = new Map<number, string>();
  readonly #errors = new Map<string, { at: number; minute: number; count: number }>();
  #queue: Promise<void> = Promise.resolve();

  constructor(scope: Scope) {
    this.#scope = scope;
    this.#policy = policyOf(scope.location.search);
    // One after the other: a frame must not come before the key that was set before it.
    scope.onmessage = ({ data }) => this.#enqueue(() => this.#serve(data));
    scope.onrtctransform = ({ transformer }) => {
      const { options, readable, writable } = transformer;
      this.#enqueue(() => this.#run(options, options.kind === "encode", readable, writable));
    };
  }

  get module(): LivekitModule {
    if (this.#module === null) throw new Error("the worker was not initialised");
    return this.#module;
  }

  rule(identity: string, sends: boolean): "seal" | "clear" | "drop" {
    if (this.#enabled.get(identity) !== false) return "seal";
    // What is received is opened whatever the server says of it: it may be sealed for all that.
    if (!sends) return this.#policy.clearReceive && !this.#everOn.has(identity) ? "clear" : "seal";
    if (this.#policy.clearSend) return "clear";
    this.#error(identity, "InternalError", "encryption is off, and nothing is sent in clear; switch it on, or add clear=send to the worker's address");
    return "drop";
  }

  codecOf(payloadType: number): string | undefined {
    return this.#codecs.get(payloadType);
  }

  failed(identity: string, code: number): void {
    const slot = `participant ${identity}`;
    // Browsers deliver some frames twice; and who replays is refused quietly.
    if (code === Code.Replayed || code === Code.TooOld) return;
    if (this.#enabled.get(identity) === false && code < Code.SealLayout) {
      return this.#error(identity, "InternalError", `${slot} does not encrypt, and nothing in clear is shown; add clear=receive to the worker's address to allow it`);
    }
    switch (code) {
      case Code.UnknownKey:
        return this.#error(identity, "MissingKey", `no key in the slot that a frame of ${slot} names`);
      case Code.NoSenderKey:
        return this.#error(identity, "MissingKey", `no key to send with was set for ${slot}`);
      case Code.Rejected:
        return this.#error(identity, "InvalidKey", `a frame does not open with the key of ${slot}`);
      case Code.UnknownCodec:
      case Code.SealUnknownCodec:
        return this.#error(identity, "InternalError", `this format cannot carry AV1 (${slot}); publish another codec`);
      case Code.Worn:
        return this.#error(identity, "InternalError", "this worker sealed as many frames as it may; make a new one");
      default:
        return this.#error(identity, "InternalError", `a frame of ${slot} was dropped, code ${code}`);
    }
  }

  metadata(trackId: string, frame: Frame, metadata: FrameMetadata): void {
    const about = frame.getMetadata();
    const rtpTimestamp = about.rtpTimestamp ?? frame.timestamp;
    if (rtpTimestamp === undefined) return;
    const ssrc = about.synchronizationSource ?? 0;
    this.#scope.postMessage({ kind: "packetTrailerMetadata", data: { trackId, rtpTimestamp, ssrc, metadata } });
  }

  #enqueue(work: () => void | Promise<void>): void {
    this.#queue = this.#queue.then(work).catch((error: unknown) => {
      this.#error("", "InternalError", error instanceof Error ? error.message : String(error));
    });
  }

  async #serve(message: Incoming): Promise<void> {
    switch (message.kind) {
      case "init":
        this.#init(message.data.keyProviderOptions);
        return this.#scope.postMessage({ kind: "initAck", data: { enabled: false } });
      case "enable": {
        const { participantIdentity, enabled } = message.data;
        // Once switched on, it stays on: what would switch it off may come from the server.
        const stays = !enabled && this.#everOn.has(participantIdentity) && !this.#policy.clearSend;
        if (stays) this.#error(participantIdentity, "InternalError", "encryption was to be switched off, and stays on");
        else this.#enabled.set(participantIdentity, enabled);
        if (enabled) this.#everOn.add(participantIdentity);
        // What it is now, whatever was asked for.
        const data = { participantIdentity, enabled: this.#enabled.get(participantIdentity) };
        return this.#scope.postMessage({ kind: "enable", data });
      }
      case "setKey":
        return this.#setKey(message.data);
      case "ratchetRequest":
        return this.#ratchet(message.data);
      case "encode":
      case "decode": {
        const order: StreamsOrder = message.data;
        return this.#run(order, message.kind === "encode", order.readableStream, order.writableStream);
      }
      case "removeTransform":
        for (const track of this.#find(message.data.trackId)) {
          if (track.order.participantIdentity === message.data.participantIdentity) track.bind(null);
        }
        return;
      case "updateCodec":
        return this.#updateCodec(message.data);
      case "setRTPMap":
        for (const [payloadType, codec] of message.data.map) this.#codecs.set(payloadType, codec);
        return;
      case "setSifTrailer":
        if (this.#policy.injected) this.module.allowInjected(message.data.trailer);
        return;
      case "encryptDataRequest":
        return this.#encryptData(message.data);
      case "decryptDataRequest":
        return this.#decryptData(message.data);
      case "setLogLevel":
        return;
      default:
        return this.#unknown((message as { readonly kind?: unknown }).kind);
    }
  }

  /** Newer clients may say more than is known here. It changes nothing, and is said once. */
  #unknown(kind: unknown): void {
    const name = String(kind).slice(0, 40);
    if (this.#unknowns.has(name) || this.#unknowns.size > 16) return;
    this.#unknowns.add(name);
    this.#error("", "InternalError", `livekit-client said "${name}", which this worker does not know: use a release of livekit-client that this one was run with, or a newer frameseal`);
  }

  #init(options: KeyProviderOptions): void {
    this.#shared = options.sharedKey;
    this.#options = options;
    this.#salt = new TextEncoder().encode(options.ratchetSalt);
    const { keyringSize: ring, ratchetWindowSize: window, keySize: bits = 128 } = options;
    try {
      this.#module = new LivekitModule({ bits, ring, window });
    } catch (error) {
      if (!(error instanceof ModuleError)) throw error;
      throw new Error(`a ring of ${ring} keys of ${bits} bits: a ring has 1 to 256, of 128 or 256 bits`);
    }
    setInterval(() => this.#pulse(), PULSE_MS);
  }

  /** Made when first named, with the keys that everybody has. */
  #person(identity: string): number {
    const known = this.#people.get(identity);
    if (known !== undefined) return known;
    const person = this.module.person(identity);
    this.#people.set(identity, person);
    for (const key of this.#sharedKeys.values()) this.#install(person, key, key.index === this.#sharedCurrent);
    return person;
  }

  #install(person: number, { index, kdf, derived }: SharedKey, select: boolean): void {
    this.module.setKey(person, index, kdf, derived, this.#salt, select);
  }

  async #setKey(data: Extract<Incoming, { kind: "setKey" }>["data"]): Promise<void> {
    const { participantIdentity: identity, key, keyIndex = 0, updateCurrentKeyIndex = true } = data;
    if (!this.#shared && identity === undefined) {
      return this.#error("", "InvalidKey", "a key without a participant was set, and the key provider is not a shared one");
    }
    const { keyringSize: ring } = this.#options;
    if (keyIndex >= ring) {
      const why = `a key was set with index ${keyIndex}, and the ring has ${ring}: it went into slot ${keyIndex % ring}, as in livekit-client; take a lower index, or raise keyringSize (up to 256)`;
      this.#error(identity ?? "", "InvalidKey", why);
    }
    try {
      const set: SharedKey = { index: keyIndex, kdf: kdfOf(key), derived: await derive(key, this.#salt) };
      if (this.#shared) this.#setShared(set, updateCurrentKeyIndex);
      else {
        this.#install(this.#person(identity ?? ""), set, updateCurrentKeyIndex);
        set.derived.fill(0);
      }
      this.#kdfs.set(this.#shared ? SHARED : (identity ?? ""), set.kdf);
    } catch (error) {
      if (!(error instanceof BadKey)) throw error;
      this.#error(identity ?? "", "InvalidKey", error.message);
    }
  }

  #setShared(key: SharedKey, select: boolean): void {
    this.#sharedKeys.set(key.index, key);
    if (select) this.#sharedCurrent = key.index;
    for (const person of this.#people.values()) this.#install(person, key, select);
  }

  async #ratchet({ participantIdentity, keyIndex }: { participantIdentity?: string; keyIndex?: number }): Promise<void> {
    const identity = this.#shared ? SHARED : (participantIdentity ?? "");
    const index = keyIndex ?? (this.#shared ? this.#sharedCurrent : this.module.current(this.#person(identity)));
    const derived = this.#shared ? (this.#sharedKeys.get(index)?.derived ?? null) : (this.module.derived(this.#person(identity), index)?.derived ?? null);
    const kdf = this.#kdfs.get(identity);
    if (derived === null || kdf === undefined) {
      return this.#error(identity, "MissingKey", `no key in slot ${index} that could be ratcheted`);
    }
    const key: SharedKey = { index, kdf, derived: await derive(await material(derived, kdf), this.#salt) };
    if (this.#shared) this.#setShared(key, index === this.#sharedCurrent);
    else this.#install(this.#person(identity), key, false);
    await this.#tellRatcheted(identity, index, kdf, derived);
  }

  async #tellRatcheted(identity: string, keyIndex: number, kdf: Kdf, chain: Uint8Array<ArrayBuffer>): Promise<void> {
    const ratchetResult = { chainKey: chain.slice().buffer, cryptoKey: await material(chain, kdf) };
    this.#scope.postMessage({ kind: "ratchetKey", data: { participantIdentity: identity, keyIndex, ratchetResult } });
  }

  /** Tells of keys that frames have moved forward, and retires the steps behind. */
  #pulse(): void {
    this.module.tick(performance.now());
    for (const [identity, person] of this.#people) {
      const index = this.module.stepped(person);
      if (index >= 0) this.#enqueue(() => this.#followed(identity, person, index));
    }
  }

  async #followed(identity: string, person: number, index: number): Promise<void> {
    const owner = this.#shared ? SHARED : identity;
    const [key, kdf] = [this.module.derived(person, index), this.#kdfs.get(owner)];
    // Set anew meanwhile: nothing to tell.
    if (key === null || key.material === null || kdf === undefined) return;
    if (this.#shared) this.#setShared({ index, kdf, derived: key.derived }, index === this.#sharedCurrent);
    await this.#tellRatcheted(owner, index, kdf, key.material);
  }

  #run(order: TrackOrder, sends: boolean, readable: ReadableStream<Frame>, writable: WritableStream<Frame>): void {
    const track = new LivekitTrack(this, order, sends);
    track.bind(this.#person(order.participantIdentity));
    this.#tracks.add(track);
    void pump(track, readable, writable).then(() => {
      this.#tracks.delete(track);
      track.close();
    });
  }

  #find(trackId: string): LivekitTrack[] {
    return [...this.#tracks].filter(({ order }) => order.trackId === trackId);
  }

  #updateCodec(order: TrackOrder & { readonly previousTrackId?: string }): void {
    const own = this.#find(order.trackId);
    const tracks = own.length > 0 || order.previousTrackId === undefined ? own : this.#find(order.previousTrackId);
    for (const track of tracks) {
      track.reorder({ ...track.order, ...order });
      track.bind(this.#person(order.participantIdentity));
    }
  }

  #encryptData({ uuid, payload, participantIdentity }: { uuid: string; payload: Uint8Array; participantIdentity: string }): void {
    const sealed = this.#withData(participantIdentity, payload, (lane) => this.module.sealData(lane, payload.length));
    if (typeof sealed !== "number") return this.#scope.postMessage({ kind: "encryptDataResponse", data: { ...sealed, uuid } });
    this.#dataError(participantIdentity, uuid, sealed === -Code.NoSenderKey ? "MissingKey" : "InternalError", "encrypt", -sealed);
  }

  #decryptData(data: Extract<Incoming, { kind: "decryptDataRequest" }>["data"]): void {
    const { uuid, payload, iv, participantIdentity, keyIndex } = data;
    const opened = this.#withData(participantIdentity, payload, (lane) => this.module.openData(lane, payload.length, iv, keyIndex));
    if (typeof opened !== "number") return this.#scope.postMessage({ kind: "decryptDataResponse", data: { payload: opened, uuid } });
    const reason = opened === -Code.UnknownKey ? "MissingKey" : opened === -Code.Rejected ? "InvalidKey" : "InternalError";
    this.#dataError(participantIdentity, uuid, reason, "decrypt", -opened);
  }

  #withData<T>(identity: string, payload: Uint8Array, run: (lane: number) => T): T | number {
    const lane = this.module.lane();
    try {
      this.module.bind(lane, this.#person(identity));
      const place = this.module.reserve(lane, payload.length);
      if (place < 0) return place;
      this.module.write(Math.floor(place / 2 ** 21), payload);
      return run(lane);
    } finally {
      this.module.close(lane);
    }
  }

  /** Somebody waits for the answer, so it is never left out. */
  #dataError(identity: string, uuid: string, reason: Reason, verb: string, code: number): void {
    const error = new Error(`${reason}: could not ${verb} data of participant ${identity}, code ${code}`);
    this.#scope.postMessage({ kind: "error", data: { error, participantIdentity: identity, uuid } });
  }

  #error(identity: string, reason: Reason, what: string): void {
    const now = performance.now();
    const name = `${reason} ${identity}`;
    const told = this.#errors.get(name) ?? { at: -Infinity, minute: now, count: 0 };
    if (now - told.minute > 60_000) [told.minute, told.count] = [now, 0];
    this.#errors.set(name, told);
    if (now - told.at < ERROR_PAUSE_MS || told.count >= ERRORS_PER_MINUTE) return;
    told.at = now;
    told.count++;
    this.#scope.postMessage({ kind: "error", data: { error: new Error(`${reason}: ${what}`), participantIdentity: identity } });
  }
}
