/** End-to-end encryption of the media of one call. */
import { WorkerClient, type WorkerEvent } from "./client.ts";
import { Emitter } from "./emitter.ts";
import { E2eeError, type ErrorName, nameOf, type Reaction, reactionOf } from "./errors.ts";
import { DEFAULT_SUITE, type Direction, type TrackKind, type TrackState } from "./kinds.ts";
import { type BaseOptions, checkName, checkSession, type E2eeOptions, initRequest, secretBytes } from "./options.ts";
import { GuardedPeer, type Hub } from "./peer.ts";
import type { CompatAnswer, CompatAsk, CompatOptions } from "./compat.ts";
import { type Answers, type EngineName, unreachable } from "./protocol.ts";
import { type E2eeReport, Log, stateLine } from "./report.ts";
import { isSupported, type TransformPath, transformPath } from "./support.ts";
import type { Session } from "./session/session.ts";
import type { PageTrack, TrackInfo } from "./track.ts";

/** A track's state changed. Every change is told, at once. */
export interface StateEvent extends TrackInfo {
  readonly previous: TrackState;
  /** Why, when the new state is a failure. */
  readonly error: ErrorName | null;
}

/** Something failed. Frames that fail alike are told of once a second, with their number. */
export interface ErrorEvent {
  readonly code: number;
  readonly name: ErrorName;
  readonly reaction: Reaction;
  readonly message: string;
  readonly count: number;
  readonly track: number | null;
  readonly participant: string | null;
  readonly kind: TrackKind | null;
  readonly direction: Direction | null;
}

/** A key is missing, does not fit, or has sealed as many frames as it may: something for the key agreement. */
export interface KeyReportEvent {
  readonly what: "missing" | "failing" | "worn";
  readonly participant: string | null;
}

/** Events of {@link E2EE.on}. */
export interface E2eeEvents {
  state: StateEvent;
  error: ErrorEvent;
  report: KeyReportEvent;
  /** The own announcement changed (a new secret was set) and must reach the others again. */
  announcement: string;
}

/** Made by `createE2EE`. Every method may be called at any time until `close()`. */
export class E2EE {
  readonly #client: WorkerClient;
  readonly #hub: Hub;
  /** How transforms are attached here. */
  readonly path: TransformPath;
  readonly #options: BaseOptions;
  #participant = "";
  #session: Session | null = null;
  readonly #emitter = new Emitter<E2eeEvents>();
  readonly #peers = new Map<RTCPeerConnection, GuardedPeer>();
  readonly #tracks = new Map<number, PageTrack>();
  readonly #log = new Log();
  #init: Answers["init"] = { engine: "wasm", announcement: "", wasmError: null };
  #announcement = "";
  #lastTrack = 0;
  #closed = false;

  private constructor(options: BaseOptions, path: TransformPath, worker: Worker) {
    this.#options = options;
    this.path = path;
    this.#client = new WorkerClient(
      worker,
      (event) => this.#worker(event),
      (reason) => this.#lost(reason),
    );
    this.#hub = {
      client: this.#client,
      path,
      participant: () => this.#participant,
      nextTrack: () => ++this.#lastTrack,
      attached: (track) => void this.#tracks.set(track.id, track),
      refused: (track, name, message) => this.#refused(track, name, message),
      closed: (pc) => this.#forget(pc),
      tally: () => this.#client.ask<"tally">({ t: "tally" }),
    };
  }

  /** See `createE2EE`. */
  static async create(options: E2eeOptions, makeWorker: () => Worker): Promise<E2EE> {
    checkSession(options);
    const e2ee = E2EE.open(options, makeWorker);
    try {
      e2ee.#session = options.session ?? null;
      const port = options.session?.attach(() => e2ee.#hush()) ?? null;
      await e2ee.begin(options.call, options.participant, null, port);
      if (options.keys !== undefined) {
        if ("secret" in options.keys) await e2ee.setRoomSecret(options.keys.secret);
        else await e2ee.setKey(options.participant, options.keys.baseKey);
      }
      return e2ee;
    } catch (error) {
      e2ee.close();
      throw error;
    }
  }

  /**
   * For who must watch a connection before the call and the own name are known: nothing is sealed or opened before
   * {@link begin}.
   *
   * @internal
   */
  static open(options: BaseOptions, makeWorker: () => Worker): E2EE {
    const found = transformPath();
    if (!isSupported() || found === null) {
      throw new E2eeError("Unsupported", "this browser has no encoded transforms, or the page is not in a secure context");
    }
    const path = options.transform === undefined || options.transform === "auto" ? found : options.transform;
    return new E2EE(options, path, options.worker ?? makeWorker());
  }

  /** @internal */
  async begin(call: string, participant: string, compat: CompatOptions | null = null, session: MessagePort | null = null): Promise<void> {
    const request = await initRequest({ ...this.#options, call, participant }, compat, session);
    this.#participant = participant;
    for (const track of this.#tracks.values()) if (track.direction === "send") track.participant = participant;
    this.#init = await this.#client.ask<"init">(request, session === null ? [] : [session]);
  }

  /** @internal */
  compat(ask: CompatAsk): Promise<CompatAnswer> {
    return this.#client.ask<"compat">({ t: "compat", ask });
  }

  /** The own participant id. */
  get participant(): string {
    return this.#participant;
  }

  /**
   * Public text that the others need to open what this participant sends; give it to them by any channel, and theirs
   * to `addParticipant`. It changes when a new secret is set. Empty before one is.
   */
  get announcement(): string {
    return this.#announcement;
  }

  /** Which engine seals and opens. */
  get engine(): EngineName {
    return this.#init.engine;
  }

  /** Every track, both directions. */
  get tracks(): readonly TrackInfo[] {
    return [...this.#tracks.values()].map((track) => track.info);
  }

  /** Listens; the returned function stops it. */
  on<K extends keyof E2eeEvents>(name: K, listener: (event: E2eeEvents[K]) => void): () => void {
    return this.#emitter.on(name, listener);
  }

  /** A peer connection that can only send encrypted media: whatever adds a track to it, this or plain WebRTC calls. */
  createPeerConnection(config: RTCConfiguration = {}): RTCPeerConnection {
    this.#open();
    const flagged: RTCConfiguration & { encodedInsertableStreams: boolean } = { ...config, encodedInsertableStreams: true };
    const pc = new RTCPeerConnection(flagged);
    this.watch(pc);
    return pc;
  }

  /**
   * Guards a peer connection that somebody else made: from now on each of its senders and receivers, also those made
   * later, has its transform. Call it before the first transceiver is made.
   *
   * @throws E2eeError `AttachTooLate`: the browser would ignore transforms set now; the senders were stopped.
   */
  watch(pc: RTCPeerConnection): void {
    this.#open();
    if (this.#peers.has(pc)) return;
    this.#peers.set(pc, new GuardedPeer(pc, this.#hub));
  }

  /** `pc.addTransceiver` with the kind of track; `pc` is watched if it was not. */
  addTransceiver(
    pc: RTCPeerConnection,
    trackOrKind: MediaStreamTrack | string,
    init?: RTCRtpTransceiverInit,
    options: { readonly kind?: TrackKind } = {},
  ): RTCRtpTransceiver {
    this.watch(pc);
    return (this.#peers.get(pc) as GuardedPeer).addTransceiver(trackOrKind, init, options.kind);
  }

  /**
   * Says what kind of track a sender sends. Receivers must name the same. Default: `audio` or `video`.
   *
   * @throws E2eeError `NotWatched` for a sender of a connection that is not watched.
   */
  attachSender(sender: RTCRtpSender, options: { readonly kind?: TrackKind } = {}): TrackInfo {
    return this.#bind(sender, this.participant, options.kind);
  }

  /**
   * Says whose media a receiver receives. Before that nothing of it is opened. May be called again when an SFU uses
   * the m-line for somebody else.
   *
   * @throws E2eeError `NotWatched` for a receiver of a connection that is not watched.
   */
  attachReceiver(
    receiver: RTCRtpReceiver,
    participant: string,
    options: { readonly kind?: TrackKind } = {},
  ): TrackInfo {
    checkName("participant", participant);
    return this.#bind(receiver, participant, options.kind);
  }

  /**
   * Sets the secret that everybody in the call shares. Takes a good part of a second (stretching). The own
   * announcement changes, unless it is the same secret again.
   */
  async setRoomSecret(secret: string | Uint8Array): Promise<void> {
    this.#announce(await this.#client.ask<"room-secret">({ t: "room-secret", secret: secretBytes(secret) }));
  }

  /**
   * Sets the secret of one participant, 16 to 256 random bytes; with the own id, the one to seal with. It takes the
   * place of the room's secret for this participant.
   */
  async setKey(participant: string, baseKey: Uint8Array): Promise<void> {
    checkName("participant", participant);
    const copy = new Uint8Array(baseKey);
    if (participant === this.participant) this.#announce(await this.#client.ask<"sender-key">({ t: "sender-key", baseKey: copy }));
    else await this.#client.ask<"receiver-key">({ t: "receiver-key", participant, baseKey: copy });
  }

  /** Takes what a participant announced. Again with a new announcement when they came back. */
  async addParticipant(participant: string, announcement: string): Promise<void> {
    checkName("participant", participant);
    await this.#client.ask<"add">({ t: "add", participant, announcement });
  }

  /** Opens nothing of this participant any more. To keep them from opening what you send, also `rotate()` after a new secret. */
  async removeParticipant(participant: string): Promise<void> {
    await this.#client.ask<"remove">({ t: "remove", participant });
  }

  /** A new generation of the own key; with a shared secret the others follow by themselves. Resolves to its number. */
  async rotate(): Promise<number> {
    const { generation, announcement } = await this.#client.ask<"rotate">({ t: "rotate" });
    this.#log.add({ what: `rotated to generation ${generation}` });
    this.#announce({ announcement });
    return generation;
  }

  /** One ratchet step of the own key; the others follow by themselves. Rejects with `StepsUsedUp` after 15: rotate. */
  async ratchet(): Promise<number> {
    const { step } = await this.#client.ask<"ratchet">({ t: "ratchet" });
    this.#log.add({ what: `ratcheted to step ${step}` });
    return step;
  }

  /** Seals a message for everybody in the call: for data channels. A message has its own counter, and opens once. */
  sealData(data: Uint8Array): Promise<Uint8Array<ArrayBuffer>> {
    return this.#client.ask<"seal-data">({ t: "seal-data", data: new Uint8Array(data) });
  }

  /** Opens what `participant` sealed. Rejects with `Rejected`, `UnknownKey`, `Replayed` and the like. */
  openData(participant: string, data: Uint8Array): Promise<Uint8Array<ArrayBuffer>> {
    checkName("participant", participant);
    return this.#client.ask<"open-data">({ t: "open-data", participant, data: new Uint8Array(data) });
  }

  /** Figures for a support desk: JSON without keys and secrets. */
  async getReport(): Promise<E2eeReport> {
    const worker = await this.#client.ask<"report">({ t: "report" });
    return {
      version: 1,
      at: new Date().toISOString(),
      participant: this.participant,
      suite: this.#session?.policy?.suite ?? this.#options.suite ?? DEFAULT_SUITE,
      session: (await this.#session?.report().catch(() => null)) ?? null,
      engine: worker.engine,
      wasmError: this.#init.wasmError,
      transform: this.path,
      userAgent: navigator.userAgent,
      announcement: this.#announcement,
      turboMinBytes: worker.turboMinBytes,
      wasmBytes: worker.wasmBytes,
      clockResolutionMs: worker.clockResolutionMs,
      keys: worker.keys,
      tracks: worker.tracks.map((figures) => {
        const track = this.#tracks.get(figures.track);
        const state = track?.state === "not-attached" ? track.state : figures.state;
        const dropped = Object.fromEntries(Object.entries(figures.dropped).map(([code, n]) => [nameOf(Number(code)), n]));
        return { ...figures, dropped, state, mid: track?.transceiver.mid ?? null, hold: track?.hold?.state ?? null };
      }),
      connections: [...this.#peers].map(([pc, peer]) => ({
        connectionState: pc.connectionState,
        tracks: peer.tracks.length,
      })),
      log: this.#log.entries,
    };
  }

  /** Ends it: every sender is stopped, and nothing is opened any more. The connections themselves stay open. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const peer of this.#peers.values()) void peer.stop();
    this.#peers.clear();
    this.#client.close();
    this.#emitter.clear();
  }

  /** The session is gone: nothing is sealed any more. */
  #hush(): void {
    if (!this.#closed) void this.compat({ what: "hush" }).catch(() => undefined);
  }

  #refused(track: PageTrack | null, name: "AttachTooLate" | "NotAttached", message: string): void {
    if (track !== null) this.#move(track, "not-attached", name);
    this.#error(name, message, 1, track);
  }

  #bind(end: RTCRtpSender | RTCRtpReceiver, participant: string, kind: TrackKind | undefined): TrackInfo {
    this.#open();
    for (const peer of this.#peers.values()) {
      const track = peer.find(end);
      if (track === undefined) continue;
      track.kind = kind ?? track.kind;
      track.participant = participant;
      this.#client.tell({ t: "track", setup: track.setup });
      return track.info;
    }
    throw new E2eeError(
      "NotWatched",
      "its connection is not watched: make it with e2ee.createPeerConnection(), or call e2ee.watch(pc) first",
    );
  }

  #worker(event: WorkerEvent): void {
    if (event.t === "pulse") {
      for (const peer of this.#peers.values()) void peer.look();
      return;
    }
    const track = event.t === "key-report" ? undefined : this.#tracks.get(event.track);
    switch (event.t) {
      case "attached":
        if (track !== undefined) this.#alive(track);
        return;
      case "flowing":
        if (track?.hold != null) void track.hold.proven().catch(() => undefined);
        return;
      case "state":
        if (track !== undefined) this.#move(track, event.state, event.code === 0 ? null : nameOf(event.code));
        return;
      case "level":
        if (track !== undefined) {
          const name = nameOf(event.code);
          this.#error(name, `${event.count} frames of ${track.participant ?? "nobody known"} dropped: ${name}`, event.count, track);
        }
        return;
      case "key-report":
        return this.#emitter.emit("report", { what: event.what, participant: event.participant });
      case "want-key-frame":
        if (track?.direction === "send") void encodeKeyFrame(track.transceiver.sender);
        return;
      default:
        unreachable(event);
    }
  }

  /** The worker has taken the transform over; what changed meanwhile is told again. */
  #alive(track: PageTrack): void {
    track.alive = true;
    this.#client.tell({ t: "track", setup: track.setup });
  }

  #move(track: PageTrack, state: TrackState, error: ErrorName | null): void {
    const previous = track.state;
    // Only a new transceiver leads out of `not-attached`.
    if (previous === state || previous === "not-attached") return;
    track.state = state;
    this.#log.add({ what: stateLine(previous, state), track: track.id });
    this.#emitter.emit("state", { ...track.info, previous, error });
  }

  #error(name: ErrorName, message: string, count: number, track: PageTrack | null): void {
    const { code } = new E2eeError(name, message);
    this.#log.add({ what: message, code, ...(track === null ? {} : { track: track.id }) });
    this.#emitter.emit("error", {
      code,
      name,
      reaction: reactionOf(code),
      message,
      count,
      track: track?.id ?? null,
      participant: track?.participant ?? null,
      kind: track?.kind ?? null,
      direction: track?.direction ?? null,
    });
  }

  #announce({ announcement }: { readonly announcement: string }): void {
    if (announcement === this.#announcement) return;
    this.#announcement = announcement;
    this.#emitter.emit("announcement", announcement);
  }

  #lost(reason: string): void {
    if (this.#closed) return;
    this.#error("WorkerFailed", `${reason}. Nothing is sent or opened without the worker.`, 1, null);
  }

  #forget(pc: RTCPeerConnection): void {
    const peer = this.#peers.get(pc);
    this.#peers.delete(pc);
    for (const track of peer?.tracks ?? []) {
      this.#tracks.delete(track.id);
      this.#client.tell({ t: "drop-track", track: track.id });
    }
  }

  #open(): void {
    if (this.#closed) throw new E2eeError("Closed", "this E2EE was closed");
  }
}

/** Chromium's way to a key frame from outside the worker; without it receivers ask by RTCP as ever. */
async function encodeKeyFrame(sender: RTCRtpSender): Promise<void> {
  type WithOptions = (p: RTCRtpSendParameters, o: { encodingOptions: { keyFrame: boolean }[] }) => Promise<void>;
  try {
    const parameters = sender.getParameters();
    const encodingOptions = parameters.encodings.map(() => ({ keyFrame: true }));
    await (sender.setParameters as WithOptions).call(sender, parameters, { encodingOptions });
  } catch {
    // Parameters changed meanwhile, or an audio sender.
  }
}
