/** The worker's front desk: takes the page's messages, owns engine and tracks. All tracks and both directions. */
import { Code } from "../codes.ts";
import { type Answers, type FromWorker, type Request, type ToWorker, type TrackSetup, unreachable } from "../protocol.ts";
import type { TransformOptions } from "../protocol.ts";
import type { Direction } from "../kinds.ts";
import { isNewer } from "./announcement.ts";
import { RULE } from "./codec.ts";
import type { EncodedFrame, Engine } from "./engine.ts";
import { loadEngine } from "./load.ts";
import { pump } from "./media.ts";
import { clockResolution, pulseEvery } from "./pulse.ts";
import { stretch } from "./stretch.ts";
import { Track, type TrackEvents } from "./track.ts";
import { TURBO_MIN_BYTES } from "./turbo.ts";
import type { Witness } from "./witness.ts";
import { isRefusal, Refusal } from "./refusal.ts";

/** What Chromium and Firefox give with `rtctransform`; key frame methods exist in one, the other, or neither. */
interface Transformer {
  readonly readable: ReadableStream<EncodedFrame>;
  readonly writable: WritableStream<EncodedFrame>;
  readonly options: TransformOptions;
  sendKeyFrameRequest?(): Promise<unknown>;
  generateKeyFrame?(): Promise<unknown>;
}

/** The worker scope, narrowed to what is used. */
export interface Scope {
  postMessage(message: FromWorker): void;
  onmessage: ((event: { readonly data: ToWorker }) => void) | null;
  onrtctransform: ((event: { readonly transformer: Transformer }) => void) | null;
  close(): void;
}

/** One call in one worker. */
export class Desk implements TrackEvents {
  readonly #scope: Scope;
  readonly #tracks = new Map<number, Track>();
  readonly #transformers = new Map<number, Transformer>();
  readonly #waiting: (() => void)[] = [];
  /** Who announced a newer version of the format. */
  readonly #newer = new Set<string>();
  #engine: Engine | null = null;
  #witness: Witness | null = null;
  #call = "";
  #stopPulse: (() => void) | null = null;
  #queue: Promise<unknown> = Promise.resolve();

  constructor(scope: Scope) {
    this.#scope = scope;
    scope.onmessage = (event) => this.#receive(event.data);
    scope.onrtctransform = (event) => {
      const { transformer } = event;
      this.#whenReady(() => {
        this.#transformers.set(transformer.options.frameseal.track, transformer);
        this.#start(transformer.options.frameseal, transformer.readable, transformer.writable);
      });
    };
  }

  state: TrackEvents["state"] = (track, state, previous, code) => {
    this.#scope.postMessage({ t: "state", track, state, previous, code });
    const setup = this.#tracks.get(track)?.setup;
    if (setup === undefined) return;
    if (state === "no-key" || state === "wrong-key") {
      const what = code === Code.Worn || code === Code.StepsUsedUp ? "worn" : state === "no-key" ? "missing" : "failing";
      this.#scope.postMessage({ t: "key-report", what, participant: setup.participant });
    }
  };

  level: TrackEvents["level"] = (track, code, count) => this.#scope.postMessage({ t: "level", track, code, count });

  flowing: TrackEvents["flowing"] = (track) => this.#scope.postMessage({ t: "flowing", track });

  keyFrame: TrackEvents["keyFrame"] = (track) => {
    const transformer = this.#transformers.get(track);
    const sends = this.#tracks.get(track)?.setup.direction === "send";
    const asked = sends ? transformer?.generateKeyFrame?.() : transformer?.sendKeyFrameRequest?.();
    // Audio has none, and Chromium cannot generate one here: the page knows another way.
    if (asked !== undefined) asked.catch(() => undefined);
    else this.#scope.postMessage({ t: "want-key-frame", track });
  };

  #receive(message: ToWorker): void {
    switch (message.t) {
      case "track":
        return this.#whenReady(() => {
          const track = this.#tracks.get(message.setup.track);
          track?.rebind(message.setup);
          if (track !== undefined) this.#tellNewer(track);
        });
      case "codecs":
        return this.#whenReady(() => this.#tracks.get(message.track)?.codec.negotiated(message.mimeTypes));
      case "drop-track":
        return this.#whenReady(() => {
          this.#tracks.get(message.track)?.close();
          this.#tracks.delete(message.track);
          this.#transformers.delete(message.track);
        });
      case "streams":
        return this.#whenReady(() => this.#start(message.setup, message.readable, message.writable));
      case "close":
        this.#witness?.close();
        this.#stopPulse?.();
        return this.#scope.close();
      case "tally":
      case "report":
        // Not queued behind key derivations: the watchdog must not wait.
        return void this.#answer(message);
      default:
        // Key changes in the order they were asked for, one at a time.
        this.#queue = this.#queue.then(() => this.#answer(message));
    }
  }

  async #answer(request: Request): Promise<void> {
    const { id } = request;
    try {
      this.#scope.postMessage({ t: "done", id, value: await this.#serve(request) });
    } catch (error) {
      const { code, message } = isRefusal(error) ? error : new Refusal(Code.Internal, String(error));
      this.#scope.postMessage({ t: "failed", id, code, message });
    }
  }

  async #serve(request: Request): Promise<Answers[keyof Answers]> {
    if (request.t === "init") return this.#init(request);
    if (request.t === "tally") return [...this.#tracks.values()].map((track) => track.tally());
    const engine = this.#engine;
    if (engine === null) throw new Refusal(Code.WorkerFailed, "the worker was not initialised");
    switch (request.t) {
      case "room-secret":
        await engine.setRoomSecret(await stretch(request.secret, this.#call));
        return this.#keysChanged(engine, null);
      case "sender-key":
        await engine.setSenderKey(request.baseKey);
        return this.#keysChanged(engine, null);
      case "receiver-key":
        await engine.setReceiverKey(request.participant, request.baseKey);
        this.#keysChanged(engine, request.participant);
        return null;
      case "add": {
        const { participant, announcement } = request;
        if (isNewer(announcement)) this.#newer.add(participant);
        else this.#newer.delete(participant);
        for (const track of this.#tracks.values()) this.#tellNewer(track);
        await engine.addParticipant(participant, announcement);
        this.#keysChanged(engine, participant);
        return null;
      }
      case "remove":
        engine.removeParticipant(request.participant);
        return null;
      case "rotate": {
        const generation = await engine.rotate();
        return { generation, announcement: engine.announcement() };
      }
      case "ratchet":
        return { step: await engine.ratchet() };
      case "seal-data":
        return this.#data(engine, "send", null, request.data);
      case "open-data":
        return this.#data(engine, "receive", request.participant, request.data);
      case "compat":
        return (await engine.compat?.(request.ask)) ?? null;
      case "report":
        return {
          engine: engine.name,
          turboMinBytes: TURBO_MIN_BYTES,
          wasmBytes: engine.memoryBytes(),
          clockResolutionMs: clockResolution(),
          keys: engine.report(),
          tracks: [...this.#tracks.values()].map((track) => track.figures()),
        };
      default:
        return unreachable(request);
    }
  }

  async #init(request: Extract<Request, { t: "init" }>): Promise<Answers["init"]> {
    if (this.#engine !== null) throw new Refusal(Code.BadOption, "one worker serves one call: make another");
    const { engine: own, wasmError } = await loadEngine(request);
    // Few pages need it: a file of its own.
    const engine = request.compat === null ? own : new (await import("../livekit/worker/compat.ts")).Compat(own, request.compat, request.participant);
    this.#call = request.call;
    const url = request.diagnostics?.plaintextUrl;
    // A file of its own: only tests load it.
    if (url !== undefined) this.#witness = new (await import("./witness.ts")).Witness(url);
    this.#engine = engine;
    let pulses = 0;
    this.#stopPulse = pulseEvery(() => {
      const everySecond = ++pulses % 5 === 0;
      if (everySecond) engine.tick(performance.now());
      for (const track of this.#tracks.values()) track.pulse(everySecond);
      this.#scope.postMessage({ t: "pulse" });
    });
    for (const run of this.#waiting.splice(0)) run();
    return { engine: engine.name, announcement: engine.announcement(), wasmError };
  }

  /** A message instead of a frame. Windows and counters are those of the sender's data, whichever lane is used. */
  async #data(engine: Engine, direction: Direction, participant: string | null, { buffer }: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
    const lane = engine.lane(direction, "data", participant);
    try {
      const frame: EncodedFrame = { data: buffer, getMetadata: () => ({}) };
      const status = await lane.run(frame, RULE.opaque, false);
      if (status < 0) throw new Refusal(-status);
      return new Uint8Array(frame.data);
    } finally {
      lane.close();
    }
  }

  /** Tracks that could not work without this key ask for a key frame. */
  #keysChanged(engine: Engine, participant: string | null): { announcement: string } {
    for (const track of this.#tracks.values()) {
      if (participant === null || track.setup.participant === participant) track.keyArrived();
    }
    return { announcement: engine.announcement() };
  }

  #tellNewer(track: Track): void {
    const { direction, participant } = track.setup;
    track.announcedNewer(direction === "receive" && participant !== null && this.#newer.has(participant));
  }

  #whenReady(run: () => void): void {
    if (this.#engine === null) this.#waiting.push(run);
    else run();
  }

  #start(setup: TrackSetup, readable: ReadableStream<EncodedFrame>, writable: WritableStream<EncodedFrame>): void {
    const engine = this.#engine;
    if (engine === null) return;
    const lane = engine.lane(setup.direction, setup.kind, setup.participant);
    const track = new Track(setup, lane, this, this.#witness);
    this.#tracks.set(setup.track, track);
    this.#tellNewer(track);
    this.#scope.postMessage({ t: "attached", track: setup.track });
    void pump(track, readable, writable);
  }
}
