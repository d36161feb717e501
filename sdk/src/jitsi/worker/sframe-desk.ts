/** The desk of `frameseal/jitsi-sframe-worker`: lib-jitsi-meet's messages in, Frameseal's own format behind. */
import bytes from "../../../wasm/jitsi-sframe.wasm";
import { Code } from "../../codes.ts";
import { MediaEnd } from "../../session/channel.ts";
import { SessionEngine } from "../../session/media/engine.ts";
import type { EncodedFrame } from "../../worker/engine.ts";
import { pump } from "../../worker/media.ts";
import { pulseEvery } from "../../worker/pulse.ts";
import { rehearse } from "../../worker/rehearsal.ts";
import type { WasmEngine } from "../../worker/wasm.ts";
import { type Policy, policyOf } from "./policy.ts";
import type { Incoming, TrackOrder } from "./protocol.ts";
import { SharedEngine } from "./sframe-engine.ts";
import { keyOf, readGiven, secretOf, type SessionKeys } from "./sframe-key.ts";
import { type SframeSurroundings, SframeTrack } from "./sframe-track.ts";
import { Words } from "./words.ts";

/** The part of a worker's global object that is used. */
export interface SframeScope {
  readonly framesealPolicy?: unknown;
  onmessage: ((event: { data: Incoming }) => void) | null;
  onrtctransform: ((event: { transformer: Transformer }) => void) | null;
  readonly console: { warn(text: string): void };
}

/** Key frame methods exist in one direction, the other, or neither. */
interface Transformer {
  readonly readable: ReadableStream<EncodedFrame>;
  readonly writable: WritableStream<EncodedFrame>;
  readonly options: TrackOrder;
  sendKeyFrameRequest?(): Promise<unknown>;
  generateKeyFrame?(): Promise<unknown>;
}

const SUITE = 4;

interface Followed {
  readonly end: MediaEnd;
  readonly keys: SessionKeys;
}

/** See the file's comment. */
export class SframeDesk implements SframeSurroundings {
  engine: WasmEngine | null = null;
  readonly #policy: Policy;
  readonly #words: Words;
  /** `null`: the page has not said yet. */
  #enabled: boolean | null = null;
  #shared = false;
  #module: WebAssembly.Module | null = null;
  /** The session's end, and what the page said of it. */
  #session: Followed | null = null;
  readonly #tracks = new Map<number, SframeTrack>();
  readonly #transformers = new Map<number, Transformer>();
  #next = 1;
  #queue: Promise<void> = Promise.resolve();

  constructor(scope: SframeScope) {
    this.#words = new Words(scope.console);
    this.#policy = policyOf(scope.framesealPolicy);
    // One after the other: a frame must not come before the key that was set before it.
    scope.onmessage = ({ data }) => this.#enqueue(() => this.#serve(data));
    scope.onrtctransform = ({ transformer }) => {
      const { options, readable, writable } = transformer;
      this.#enqueue(() => this.#run(options, readable, writable, transformer));
    };
    let pulses = 0;
    pulseEvery(() => {
      const everySecond = ++pulses % 5 === 0;
      if (everySecond) this.engine?.tick(performance.now());
      for (const track of this.#tracks.values()) track.pulse(everySecond);
    });
  }

  /** Transforms are there only once encryption is being switched on, so until the page says so nothing passes. */
  get rule(): "seal" | "clear" | "drop" {
    if (this.#enabled === true) return "seal";
    return this.#enabled === false && this.#policy.clear ? "clear" : "drop";
  }

  state: SframeSurroundings["state"] = (track, state, _, code) => {
    const order = this.#tracks.get(track)?.order;
    if (order === undefined || state === "ok" || state === "new") return;
    const does = order.operation === "encode" ? "is sent" : "opens";
    this.#words.warn(order.participantId, `nothing of a track ${does}: ${state}, code ${code}`);
  };

  level: SframeSurroundings["level"] = () => undefined;

  flowing: SframeSurroundings["flowing"] = () => undefined;

  keyFrame: SframeSurroundings["keyFrame"] = (track) => {
    const transformer = this.#transformers.get(track);
    const sends = this.#tracks.get(track)?.order.operation === "encode";
    (sends ? transformer?.generateKeyFrame?.() : transformer?.sendKeyFrameRequest?.())?.catch(() => undefined);
  };

  keyless({ operation, participantId }: TrackOrder): void {
    this.#words.warn(participantId, operation === "encode" ? "no key to send with; nothing is sent" : "no key to open with");
  }

  #enqueue(work: () => void | Promise<void>): void {
    this.#queue = this.#queue.then(work).catch((error: unknown) => {
      const code = (error as { readonly code?: Code }).code;
      this.#words.warn("", `${error instanceof Error ? error.message || error.name : String(error)}${code === undefined ? "" : ` (code ${code})`}`);
    });
  }

  #serve(message: Incoming): void | Promise<void> {
    switch (message.operation) {
      case "initialize":
        this.#shared = Boolean(message.sharedKey);
        return;
      case "encode":
      case "decode":
        return this.#run(message, message.readableStream, message.writableStream, null);
      case "setEnabled":
        this.#enabled = message.enabled === true;
        return;
      case "setKey":
        return this.#setKey(message.participantId, message.key, message.keyIndex);
      case "cleanup":
        // Who left is opened no more, as nobody is attached; what was seen of it stays remembered.
        return;
      case "cleanupAll":
        return this.#use(null);
      default:
        return this.#words.warn("", `the page said "${String((message as { readonly operation?: unknown }).operation).slice(0, 40)}", which this worker does not know`);
    }
  }

  async #setKey(participantId: string | undefined, given: unknown, index: number): Promise<void> {
    const found = readGiven(given);
    try {
      if (found.t === "none") return this.#use(null);
      if (!this.#shared || (participantId !== undefined && participantId !== null)) {
        throw new Error("keys of single participants are not for this worker: e2ee.externallyManagedKey must be set");
      }
      if (found.t === "session") return this.#follow(found.keys);
      if (!Number.isSafeInteger(index) || index < 0) throw new Error("a key with an index that is none");
      const key = found.t === "raw" ? await keyOf(found.bytes) : found.t === "key" ? found.key : null;
      const shared = key === null ? null : await secretOf(key);
      if (shared === null) throw new Error("a key that is neither for AES-GCM with 128 or 256 bits, nor for HKDF, nor of a session");
      this.#share(index, shared.suite, shared.secret);
    } catch (error) {
      // An older key is not to be used when the new one cannot be.
      this.#use(null);
      throw error;
    }
  }

  #share(index: number, suite: number, secret: Uint8Array): void {
    const known = this.engine;
    const engine = known instanceof SharedEngine ? known : new SharedEngine(this.#compiled(), this.#policy.padding);
    engine.setShared(index, suite, secret);
    if (engine !== known) this.#use(engine);
    for (const track of this.#tracks.values()) track.keyArrived();
  }

  #follow(keys: SessionKeys): void {
    if (this.#session?.keys.channel === keys.channel) return;
    const { room: call, participant } = keys;
    const end = new MediaEnd(keys.channel);
    const engine = new SessionEngine(this.#compiled(), { call, participant, suite: SUITE, padding: this.#policy.padding }, end);
    this.#use(engine, { end, keys });
  }

  /** Another engine, or none: then every key is gone. */
  #use(engine: WasmEngine | null, session: Followed | null = null): void {
    this.#session?.end.close();
    this.#session = session;
    if (this.engine instanceof SharedEngine) this.engine.clear();
    for (const track of this.#tracks.values()) track.close();
    this.engine = engine;
    for (const { order } of this.#tracks.values()) this.#introduce(order);
  }

  #introduce({ operation, participantId }: TrackOrder): void {
    if (this.engine instanceof SharedEngine) {
      if (operation === "encode") this.engine.setSelf(participantId);
      else this.engine.addMember(participantId);
    } else if (this.#session !== null && operation === "encode" && this.#session.keys.participant !== participantId) {
      this.#words.warn(participantId, "sends under another id than its session's: the others open none of it");
    }
  }

  #compiled(): WebAssembly.Module {
    if (this.#module === null) {
      const module = new WebAssembly.Module(bytes);
      rehearse(module, SUITE);
      this.#module = module;
    }
    return this.#module;
  }

  #run(order: TrackOrder, readable: ReadableStream<EncodedFrame>, writable: WritableStream<EncodedFrame>, transformer: Transformer | null): void {
    if (order.operation !== "encode" && order.operation !== "decode") {
      return this.#words.warn("", "a transform that is neither to encode nor to decode: its frames are dropped");
    }
    const id = this.#next++;
    const named = { operation: order.operation, participantId: String(order.participantId) };
    const track = new SframeTrack(this, named, id);
    this.#tracks.set(id, track);
    if (transformer !== null) this.#transformers.set(id, transformer);
    this.#introduce(named);
    void pump(track, readable, writable).then(() => {
      track.close();
      this.#tracks.delete(id);
      this.#transformers.delete(id);
    });
  }
}
