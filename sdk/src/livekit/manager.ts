/** The object for livekit-client's room option `encryption: { e2eeManager }`: a room's events in, an {@link E2EE} behind. */
import { E2EE, type ErrorEvent } from "../e2ee.ts";
import { Emitter } from "../emitter.ts";
import { E2eeError } from "../errors.ts";
import type { TrackKind } from "../kinds.ts";
import { readAnnounced, type Sealed, sealedAnnouncement } from "./announce.ts";
import type { Format, FormatPolicy, SealedData } from "../compat.ts";
import { livekitSecret, type RoomKeys, roomSecret } from "./keys.ts";
import { Members, type MemberState } from "./members.ts";
import type { ManagerEvents, ManagerOptions, ManagerReport } from "./options.ts";
import type { DataOptions, LivekitEngine, LivekitParticipant, LivekitRemoteTrack, LivekitRoom, LivekitTrack, LivekitTransport } from "./room.ts";

/** Where the announcement of a participant stands among its attributes. */
const ATTRIBUTE = "frameseal";
const TOPIC = "frameseal";
const LIVEKIT_DEFAULTS = { keyBits: 128, ringSize: 16, ratchetWindow: 8, ratchetSalt: "LKFrameEncryptionKey" } as const;
const IV_LENGTH = 12;

/** What a track of LiveKit is called here. Senders and receivers must agree, and the server's word for it is only a hint. */
function kindOf({ source, kind }: LivekitTrack): TrackKind {
  if (source === "screen_share") return "screen-video";
  if (source === "screen_share_audio") return "screen-audio";
  return kind === "audio" ? "audio" : "video";
}

/** See the file's comment. */
export class LivekitE2EEManager {
  readonly #options: ManagerOptions;
  readonly #makeWorker: () => Worker;
  readonly #emitter = new Emitter<{ [K in keyof ManagerEvents]: ManagerEvents[K] }>();
  readonly #listeners: { readonly event: keyof ManagerEvents; readonly listener: (...args: never[]) => void; gone(): void }[] = [];
  readonly #members: Members;
  /** Keys of participants that were set one by one. */
  readonly #keys = new Map<string, Uint8Array>();
  readonly #policy: FormatPolicy;
  #format: Format;
  #roomKeys: RoomKeys | null;
  #roomKeyIndex = 0;
  #trailer = new Uint8Array();
  #room: LivekitRoom | null = null;
  #e2ee: E2EE | null = null;
  #begun: Promise<void> | null = null;
  /** Tokens of this room do not allow attributes: announcements are messages. */
  #byMessage = false;

  /** See `createE2EEManager`. */
  constructor(options: ManagerOptions, makeWorker: () => Worker) {
    this.#options = options;
    this.#makeWorker = makeWorker;
    this.#policy = options.format ?? "sframe";
    if (!["sframe", "livekit", "auto"].includes(this.#policy)) {
      throw new E2eeError("BadOption", `format: want "sframe", "livekit" or "auto", got ${String(options.format)}`);
    }
    this.#format = firstFormat(this.#policy);
    this.#members = new Members(this.#policy, {
      moved: (identity, state, before) => this.#show(identity, state, before),
      changed: () => this.#choose(),
    });
    this.#roomKeys = options.keys ?? null;
    if (this.#roomKeys !== null) roomSecret(this.#roomKeys);
  }

  /** Always: what cannot be encrypted is not sent. */
  get isEnabled(): boolean {
    return true;
  }

  /** Always: messages are encrypted when media is. What livekit-client sets here changes nothing. */
  get isDataChannelEncryptionEnabled(): boolean {
    return true;
  }

  set isDataChannelEncryptionEnabled(_: boolean) {}

  /** Listens to livekit-client's events of a manager, and to `memberState`. */
  on(event: "memberState", listener: (identity: string, state: MemberState) => void): this;
  on(event: "format", listener: (format: Format, because: readonly string[]) => void): this;
  on(event: "encryptionError", listener: (error: Error, identity?: string) => void): this;
  on(event: keyof ManagerEvents, listener: (...args: never[]) => void): this;
  on(event: keyof ManagerEvents, listener: (...args: never[]) => void): this {
    const gone = this.#emitter.on(event, (args) => listener(...(args as unknown as never[])));
    this.#listeners.push({ event, listener, gone });
    return this;
  }

  /** Stops listening. */
  off(event: keyof ManagerEvents, listener: (...args: never[]) => void): this {
    const at = this.#listeners.findIndex((one) => one.event === event && one.listener === listener);
    if (at >= 0) this.#listeners.splice(at, 1)[0]?.gone();
    return this;
  }

  /** Called by livekit-client. */
  setup(room: LivekitRoom): void {
    if (this.#room === room) return;
    if (this.#room !== null) throw new E2eeError("BadOption", "this manager has a room already: make another for another room");
    this.#room = room;
    const local = room.localParticipant;
    // So that the server is told of encrypted tracks, and others know before the first frame.
    void local.setE2EEEnabled(true);
    local.on("localSenderCreated", (sender, track) => void this.#guarded(local.identity, () => this.#open().attachSender(sender, { kind: kindOf(track) })));
    room.on("signalConnected", () => this.#connected(room));
    // Before that livekit-client tells nothing of who comes and what changes.
    room.on("connected", () => this.#hearAll(room));
    room.on("reconnected", () => {
      this.#hearAll(room);
      void this.#tell(null);
    });
    room.on("participantConnected", (participant: LivekitParticipant) => {
      this.#hear(participant);
      if (this.#byMessage) void this.#tell(participant.identity);
    });
    room.on("participantAttributesChanged", (changed: Readonly<Record<string, string>>, participant: LivekitParticipant) => {
      if (ATTRIBUTE in changed && participant.identity !== local.identity) this.#hear(participant);
    });
    room.on("participantDisconnected", ({ identity }: LivekitParticipant) => this.#left(identity));
    room.on("trackSubscribed", (track: LivekitRemoteTrack, _: unknown, participant: LivekitParticipant) => {
      const [{ receiver }, { identity }] = [track, participant];
      this.#hear(participant);
      if (receiver !== undefined) this.#guarded(identity, () => this.#subscribed(receiver, identity, kindOf(track)));
    });
    room.on("trackUnsubscribed", ({ receiver }: LivekitRemoteTrack, _: unknown, { identity }: LivekitParticipant) => {
      if (receiver !== undefined) this.#members.unsubscribed(identity, receiver);
    });
    room.on("disconnected", () => this.#close());
  }

  /** Called by livekit-client, for each connection to the server: guards its peer connections from their first moment. */
  setupEngine(engine: LivekitEngine): void {
    this.#open();
    engine.on("transportsCreated", (...transports: (LivekitTransport | undefined)[]) => {
      for (const transport of transports) {
        if (transport === undefined) continue;
        const { pc } = transport;
        // Without it nothing could be guarded: the connection must fail.
        if (!(pc instanceof RTCPeerConnection)) throw new E2eeError("Unsupported", "this release of livekit-client is not known: its transports show no RTCPeerConnection");
        this.#open().watch(pc);
      }
    });
  }

  /** Called by livekit-client. Encryption cannot be switched off here, by whoever asks. */
  setParticipantCryptorEnabled(enabled: boolean, participantIdentity: string): void {
    if (enabled) return;
    this.#failed(new E2eeError("BadOption", `encryption of ${participantIdentity} was to be switched off, and stays on`), participantIdentity);
  }

  /**
   * Called by livekit-client. Frames that the server makes pass in LiveKit's format, when they are one of the constant
   * payloads that it is known to send; in Frameseal's they are not sealed, so they are dropped as any such.
   */
  setSifTrailer(trailer: Uint8Array): void {
    this.#trailer = new Uint8Array(trailer);
    // A connection that was made anew may bring another one.
    if (this.#begun === null || this.#policy === "sframe") return;
    this.#ready()
      .then((e2ee) => e2ee.compat({ what: "injected", trailer: new Uint8Array(trailer) }))
      .catch((error: unknown) => this.#failed(error));
  }

  /** Called by livekit-client for what goes through data channels. */
  async encryptData(data: Uint8Array): Promise<Sealed> {
    const public_ = sealedAnnouncement(data, TOPIC, this.#e2ee?.announcement ?? "");
    if (public_ !== null) return public_;
    const e2ee = await this.#ready();
    if (this.#format === "livekit") {
      const { payload, iv, keyIndex } = (await e2ee.compat({ what: "seal", data })) as SealedData;
      return { uuid: "", payload, iv, keyIndex };
    }
    return { uuid: "", payload: await e2ee.sealData(data), iv: new Uint8Array(IV_LENGTH), keyIndex: 0 };
  }

  /** Called by livekit-client for what came through data channels. */
  async handleEncryptedData(payload: Uint8Array, iv: Uint8Array, participantIdentity: string, keyIndex: number): Promise<{ uuid: string; payload: Uint8Array<ArrayBuffer> }> {
    const announced = readAnnounced(payload, iv);
    if (announced !== null) {
      this.#announced(participantIdentity, announced);
      // A message without content, which livekit-client passes over.
      return { uuid: "", payload: new Uint8Array() };
    }
    const e2ee = await this.#ready();
    try {
      // An IV of LiveKit's is never zero: half of it is the time.
      const own = iv.every((byte) => byte === 0);
      if (own && this.#policy !== "livekit") return { uuid: "", payload: await e2ee.openData(participantIdentity, payload) };
      if (own || this.#policy === "sframe") throw new E2eeError("Refused", `a message of ${participantIdentity} is in a format that the policy "${this.#policy}" does not allow`);
      const opened = await e2ee.compat({ what: "open", participant: participantIdentity, data: payload, iv, keyIndex });
      return { uuid: "", payload: opened as Uint8Array<ArrayBuffer> };
    } catch (error) {
      this.#failed(error, participantIdentity);
      throw error;
    }
  }

  /**
   * Takes another secret for the whole room: everybody must, and who does not get it opens nothing more. `keyIndex`: the
   * slot of LiveKit's format, which stock clients must name too.
   */
  async setKeys(keys: RoomKeys, keyIndex = 0): Promise<void> {
    roomSecret(keys);
    this.#roomKeys = keys;
    this.#roomKeyIndex = keyIndex;
    if (this.#begun !== null) await this.#installRoom(await this.#ready(), keys);
  }

  /** Sets the secret of one participant (16 to 256 random bytes), in place of the room's; with the own identity the one to seal with. */
  async setKey(identity: string, key: Uint8Array): Promise<void> {
    roomSecret({ raw: key });
    this.#keys.set(identity, new Uint8Array(key));
    if (this.#begun !== null) await this.#installKey(await this.#ready(), identity, key);
  }

  /** The format of what is sent now. */
  get format(): Format {
    return this.#format;
  }

  /** A new generation of the own key; see `E2EE.rotate`. */
  async rotate(): Promise<number> {
    return (await this.#ready()).rotate();
  }

  /** A step of the own key; see `E2EE.ratchet`. */
  async ratchet(): Promise<number> {
    return (await this.#ready()).ratchet();
  }

  /** How it stands with each participant. */
  get members(): ReadonlyMap<string, MemberState> {
    return this.#members.states;
  }

  /** Figures for a support desk: JSON without keys and secrets. */
  async getReport(): Promise<ManagerReport> {
    const report = await (await this.#ready()).getReport();
    const members = [...this.members].map(([identity, state]) => ({ identity, state, speaksFrameseal: this.#members.speaksFrameseal(identity) }));
    return { ...report, members, format: this.#format, formatPolicy: this.#policy };
  }

  /** Called by newer releases of livekit-client when the room is done with. */
  dispose(): void {
    this.#close();
    this.#emitter.clear();
  }

  /** The call's encryption: made when the room begins to connect, gone when it is left. */
  #open(): E2EE {
    if (this.#e2ee !== null) return this.#e2ee;
    const e2ee = E2EE.open(this.#options, this.#makeWorker);
    e2ee.on("state", ({ participant, direction, track, state }) => {
      if (participant !== null && direction === "receive") this.#members.moved(participant, track, state);
    });
    e2ee.on("error", (event) => this.#error(event));
    e2ee.on("announcement", () => void this.#tell(null));
    this.#e2ee = e2ee;
    return e2ee;
  }

  async #ready(): Promise<E2EE> {
    if (this.#begun === null) throw new E2eeError("Closed", "the room is not connected");
    await this.#begun;
    return this.#open();
  }

  #connected(room: LivekitRoom): void {
    this.#begun ??= this.#begin(room).catch((error: unknown) => {
      this.#failed(error, room.localParticipant.identity);
      throw error;
    });
    this.#begun.catch(() => undefined);
    this.#hearAll(room);
  }

  #hearAll(room: LivekitRoom): void {
    for (const participant of room.remoteParticipants.values()) this.#hear(participant);
  }

  async #begin(room: LivekitRoom): Promise<void> {
    const { identity } = room.localParticipant;
    const e2ee = this.#open();
    const policy = this.#policy;
    const compat = policy === "sframe" ? null : { ...LIVEKIT_DEFAULTS, ...this.#options.livekit, policy };
    await e2ee.begin(this.#options.call ?? room.name, identity, compat);
    if (compat !== null && this.#trailer.length > 0) await e2ee.compat({ what: "injected", trailer: this.#trailer });
    if (this.#roomKeys !== null) await this.#installRoom(e2ee, this.#roomKeys);
    for (const [owner, key] of this.#keys) await this.#installKey(e2ee, owner, key);
    this.#emitter.emit("participantEncryptionStatusChanged", [true, room.localParticipant]);
  }

  async #installRoom(e2ee: E2EE, keys: RoomKeys): Promise<void> {
    if (this.#policy !== "sframe") {
      await e2ee.compat({ what: "key", participant: null, index: this.#roomKeyIndex, ...livekitSecret(keys) });
    }
    if (this.#policy !== "livekit") await e2ee.setRoomSecret(roomSecret(keys));
  }

  async #installKey(e2ee: E2EE, identity: string, key: Uint8Array): Promise<void> {
    if (this.#policy !== "sframe") {
      await e2ee.compat({ what: "key", participant: identity, index: 0, ...livekitSecret({ raw: key }) });
    }
    if (this.#policy !== "livekit") await e2ee.setKey(identity, key);
  }

  /** Under `auto`: LiveKit's format while somebody is there who speaks no other. Told, and never otherwise. */
  #choose(): void {
    if (this.#policy !== "auto" || this.#room === null) return;
    const { stock } = this.#members;
    const format: Format = stock.length === 0 ? "sframe" : "livekit";
    if (format === this.#format) return;
    this.#format = format;
    this.#ready()
      .then((e2ee) => e2ee.compat({ what: "send", format }))
      .catch((error: unknown) => this.#failed(error));
    this.#emitter.emit("format", [format, stock]);
  }

  /** Says what others need to open what is sent here: as an attribute, which who comes later sees too; else as a message. */
  async #tell(to: string | null): Promise<void> {
    const [room, announcement] = [this.#room, this.#e2ee?.announcement ?? ""];
    if (room === null || announcement === "") return;
    const local = room.localParticipant;
    if (local.attributes[ATTRIBUTE] === announcement) return;
    if (!this.#byMessage) {
      try {
        return await local.setAttributes({ [ATTRIBUTE]: announcement });
      } catch {
        // The token does not allow it.
        this.#byMessage = true;
      }
    }
    const options: DataOptions = { reliable: true, topic: TOPIC, ...(to === null ? {} : { destinationIdentities: [to] }) };
    await local.publishData(new TextEncoder().encode(announcement), options).catch((error: unknown) => this.#failed(error, local.identity));
  }

  #hear({ identity, attributes }: LivekitParticipant): void {
    this.#announced(identity, attributes[ATTRIBUTE]);
  }

  #announced(identity: string, announcement: string | undefined): void {
    if (!this.#members.heard(identity, announcement) || announcement === undefined || this.#policy === "livekit") return;
    this.#ready()
      .then((e2ee) => e2ee.addParticipant(identity, announcement))
      .catch((error: unknown) => this.#failed(error, identity));
  }

  #left(identity: string): void {
    this.#members.left(identity);
    this.#ready()
      .then((e2ee) => e2ee.removeParticipant(identity))
      .catch(() => undefined);
  }

  #subscribed(receiver: RTCRtpReceiver, identity: string, kind: TrackKind): void {
    const { track, state } = this.#open().attachReceiver(receiver, identity, { kind });
    this.#members.subscribed(identity, receiver, track, state);
  }

  #show(identity: string, state: MemberState, before: MemberState): void {
    this.#emitter.emit("memberState", [identity, state]);
    const participant = this.#room?.remoteParticipants.get(identity);
    if (participant !== undefined && (state === "encrypted" || before === "encrypted")) {
      this.#emitter.emit("participantEncryptionStatusChanged", [state === "encrypted", participant]);
    }
  }

  #error({ name, message, participant }: ErrorEvent): void {
    this.#failed(new E2eeError(name, message), participant ?? undefined);
  }

  #failed(error: unknown, identity?: string): void {
    const told = error instanceof Error ? error : new Error(String(error));
    this.#emitter.emit("encryptionError", identity === undefined ? [told] : [told, identity]);
  }

  /** What livekit-client calls in an event must not end the event. */
  #guarded(identity: string, run: () => void): void {
    try {
      run();
    } catch (error) {
      this.#failed(error, identity);
    }
  }

  #close(): void {
    this.#e2ee?.close();
    this.#e2ee = null;
    this.#begun = null;
    this.#byMessage = false;
    this.#format = firstFormat(this.#policy);
    this.#members.clear();
  }
}

function firstFormat(policy: FormatPolicy): Format {
  return policy === "livekit" ? "livekit" : "sframe";
}
