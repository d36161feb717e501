/** One participant of a call through the SFU: the SDK as an application uses it, and the SFU's signalling. */
import type { E2EE, E2eeOptions, E2eeReport, ErrorEvent, StateEvent, TrackKind } from "../../src/index.ts";
import { Sink, until } from "./media.ts";
import type { LogTransport, Session } from "../../src/session/index.ts";
import { frameseal, framesealSession } from "./pair.ts";

/** How somebody joins. */
export interface Order {
  readonly room: string;
  readonly id: string;
  readonly secret?: string;
  /** Where the relay is: keys come from a session. */
  readonly log?: string;
  readonly suite?: NonNullable<E2eeOptions["suite"]>;
  readonly codec?: string;
}

/** The SFU's words for kinds of track. */
type Wire = "audio" | "video" | "screen" | "screen-audio";
const WIRE: Partial<Record<TrackKind, Wire>> = { audio: "audio", video: "video", "screen-video": "screen", "screen-audio": "screen-audio" };
const KIND: Record<Wire, TrackKind> = { audio: "audio", video: "video", screen: "screen-video", "screen-audio": "screen-audio" };

interface About {
  readonly mid: string;
  readonly of: string;
  readonly kind: Wire;
}

/** One received track, as browser and SDK see it. */
export interface Stream {
  readonly of: string;
  readonly kind: TrackKind;
  readonly received: number;
  readonly decoded: number;
  readonly brightness: number;
  /** Samples of sound that came out, and those that the decoder made up. */
  readonly samples: number;
  readonly concealed: number;
  readonly seen: number;
  readonly passed: number;
  readonly empty: number;
  readonly state: string;
  readonly codec: string | null;
  readonly dropped: Readonly<Record<string, number>>;
}

/** Joins, sends, receives. */
export class Member {
  readonly states: StateEvent[] = [];
  /** What the session told: events, states, and `code` with the digits. */
  readonly told: string[] = [];
  readonly errors: ErrorEvent[] = [];
  #socket!: WebSocket;
  #pub!: RTCPeerConnection;
  #sub!: RTCPeerConnection;
  readonly #sent = new Map<TrackKind, RTCRtpTransceiver>();
  #about: readonly About[] = [];
  readonly #sinks = new Map<string, { track: MediaStreamTrack; sink: Sink }>();
  #negotiating: Promise<void> = Promise.resolve();
  #answered: ((sdp: string) => void) | null = null;
  #welcome: (() => void) | null = null;
  /** Changes the SFU's answer before the browser gets it. */
  mendAnswer: (sdp: string) => string = (sdp) => sdp;

  private constructor(
    readonly order: Order,
    readonly e2ee: E2EE,
    readonly session: Session | null,
    readonly transport: LogTransport | null,
  ) {
    session?.on("event", (event) => void this.told.push(event.what === "trouble" ? `trouble: ${event.error.message}` : event.what));
    session?.on("state", (state) => void this.told.push(state));
    session?.on("code", (code) => void this.told.push(`code ${code}`));
    e2ee.on("state", (event) => void this.states.push(event));
    e2ee.on("error", (event) => void this.errors.push(event));
    e2ee.on("announcement", (announcement) => this.#tell({ t: "announce", announcement }));
  }

  static async join(order: Order): Promise<Member> {
    const { createE2EE } = await frameseal();
    const { createSession, logTransport } = await framesealSession();
    const transport = order.log === undefined ? null : logTransport(order.log);
    const session = transport === null ? null : await createSession({ room: order.room, participant: order.id, name: `${order.id}'s name`, transport });
    const e2ee = await createE2EE({
      call: order.room,
      participant: order.id,
      ...(session === null ? {} : { session }),
      ...(order.secret === undefined ? {} : { keys: { secret: order.secret } }),
      ...(order.suite === undefined ? {} : { suite: order.suite }),
      diagnostics: { plaintextUrl: `${location.origin}/api/plaintext` },
    });
    const member = new Member(order, e2ee, session, transport);
    await member.connect();
    return member;
  }

  /** Connects, with the keys there are. Again after {@link disconnect}. */
  async connect(): Promise<void> {
    this.#pub = this.e2ee.createPeerConnection();
    this.#sub = this.e2ee.createPeerConnection();
    const socket = new WebSocket(`${location.origin.replace("http", "ws")}/ws`);
    this.#socket = socket;
    await new Promise((resolve, reject) => {
      socket.onopen = resolve;
      socket.onerror = () => reject(new Error("the SFU does not answer"));
    });
    socket.onmessage = ({ data }) => typeof data === "string" && void this.#hear(JSON.parse(data) as Record<string, never>);
    const { room, id } = this.order;
    const welcome = new Promise<void>((resolve) => (this.#welcome = resolve));
    this.#tell({ t: "join", room, id, name: id, announcement: this.e2ee.announcement });
    await welcome;
  }

  /** As when the network goes away: nobody is told. */
  disconnect(): void {
    this.#socket.onmessage = null;
    this.#tell({ t: "leave" });
    this.#socket.close();
    this.#pub.close();
    this.#sub.close();
    this.#sent.clear();
    this.#sinks.clear();
    this.#about = [];
  }

  leave(): void {
    this.disconnect();
    this.e2ee.close();
    this.session?.close();
  }

  /** Sends a track. `mime`: the only codec to offer. */
  async publish(kind: TrackKind, track: MediaStreamTrack, mime?: string): Promise<void> {
    const transceiver = this.e2ee.addTransceiver(this.#pub, track, { direction: "sendonly" }, { kind });
    if (mime !== undefined) {
      const known = RTCRtpSender.getCapabilities(track.kind)?.codecs ?? [];
      const wanted = known.filter((codec) => codec.mimeType.toLowerCase() === mime.toLowerCase() && suits(codec));
      const helpers = known.filter(({ mimeType }) => /rtx|opus/i.test(mimeType) && mimeType.toLowerCase() !== mime.toLowerCase());
      if (wanted.length === 0) throw new Error(`this browser does not send ${mime}`);
      transceiver.setCodecPreferences([...wanted, ...helpers]);
    }
    this.#sent.set(kind, transceiver);
    await this.#offer();
  }

  async unpublish(kind: TrackKind): Promise<void> {
    this.#sent.get(kind)?.stop();
    this.#sent.delete(kind);
    await this.#offer();
  }

  sender(kind: TrackKind): RTCRtpSender {
    const sender = this.#sent.get(kind)?.sender;
    if (sender === undefined) throw new Error(`no ${kind} is sent`);
    return sender;
  }

  mute(kind: TrackKind, muted: boolean): void {
    const transceiver = this.#sent.get(kind);
    if (transceiver?.sender.track) transceiver.sender.track.enabled = !muted;
    this.#tell({ t: "mute", mid: transceiver?.mid ?? "", muted });
  }

  async report(): Promise<E2eeReport> {
    return this.e2ee.getReport();
  }

  /** What is received, and what became of it. */
  async streams(): Promise<Stream[]> {
    // In this order: what the browser has decoded, the worker has opened before.
    const stats = await this.#sub.getStats();
    const report = await this.e2ee.getReport();
    const inbound = new Map<string, Record<string, unknown>>();
    stats.forEach((entry: Record<string, unknown>) => {
      if (entry["type"] === "inbound-rtp" && typeof entry["mid"] === "string") inbound.set(entry["mid"], entry);
    });
    return this.#about.flatMap(({ mid, of, kind }) => {
      const figures = report.tracks.find((track) => track.direction === "receive" && track.mid === mid && track.participant === of);
      const entry = inbound.get(mid);
      const number = (name: string): number => (typeof entry?.[name] === "number" ? entry[name] : 0);
      if (figures === undefined) return [];
      const { seen, passed, empty, state, codec, dropped } = figures;
      return [{
        of, kind: KIND[kind], seen, passed, empty, state, codec, dropped,
        received: number("framesReceived"), decoded: number("framesDecoded"),
        samples: number("totalSamplesReceived"), concealed: number("concealedSamples"),
        brightness: this.#sinks.get(mid)?.sink.brightness() ?? -1,
      }];
    });
  }

  /** Frames that the browser says it sent of a kind. */
  async sentFrames(kind: TrackKind): Promise<number> {
    let frames = 0;
    (await this.sender(kind).getStats()).forEach((entry: Record<string, unknown>) => {
      if (entry["type"] === "outbound-rtp") frames += Number(entry[kind.endsWith("audio") ? "packetsSent" : "framesSent"] ?? 0);
    });
    return frames;
  }


  #tell(message: object): void {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(message));
  }

  async #hear(message: Record<string, unknown>): Promise<void> {
    switch (message["t"]) {
      case "welcome":
        for (const other of message["members"] as { id: string; announcement: string }[]) await this.#know(other);
        return this.#welcome?.();
      case "member":
        return this.#know(message as unknown as { id: string; announcement: string });
      case "left":
        this.transport?.gone(String(message["id"]));
        return this.e2ee.removeParticipant(String(message["id"])).catch(() => undefined);
      case "answer":
        return this.#answered?.(String(message["sdp"]));
      case "offer":
        this.#about = message["tracks"] as About[];
        this.#negotiating = this.#negotiating.then(() => this.#answer(String(message["sdp"]), message["tracks"] as About[]));
        return;
      case "error":
        console.error(`the SFU says ${String(message["code"])}: ${String(message["message"])}`);
    }
  }

  async #know({ id, announcement }: { id: string; announcement: string }): Promise<void> {
    if (id !== this.order.id && announcement !== "") await this.e2ee.addParticipant(id, announcement);
  }

  async #answer(sdp: string, tracks: readonly About[]): Promise<void> {
    const sub = this.#sub;
    if (sub.signalingState === "closed") return;
    const attach = ({ mid, receiver }: RTCRtpTransceiver): void => {
      const about = tracks.find((track) => track.mid === mid);
      if (about === undefined || mid === null) return;
      this.e2ee.attachReceiver(receiver, about.of, { kind: KIND[about.kind] });
      if (this.#sinks.get(mid)?.track !== receiver.track) this.#sinks.set(mid, { track: receiver.track, sink: new Sink(receiver.track) });
    };
    sub.ontrack = ({ transceiver }) => attach(transceiver);
    await sub.setRemoteDescription({ type: "offer", sdp });
    sub.getTransceivers().forEach(attach);
    await sub.setLocalDescription();
    this.#tell({ t: "answer", pc: "sub", sdp: sub.localDescription?.sdp });
  }

  async #offer(): Promise<void> {
    await this.#pub.setLocalDescription();
    const answer = new Promise<string>((resolve) => (this.#answered = resolve));
    const tracks = [...this.#sent].map(([kind, { mid }]) => ({ mid, kind: WIRE[kind] }));
    this.#tell({ t: "offer", pc: "pub", sdp: this.#pub.localDescription?.sdp, tracks });
    await this.#pub.setRemoteDescription({ type: "answer", sdp: this.mendAnswer(await answer) });
    await until(() => this.#pub.connectionState === "connected", 15_000, "the connection to the SFU");
  }
}

/** The SFU takes profile 0 of VP9 and AV1, and H.264 in fragments. */
function suits({ mimeType, sdpFmtpLine = "" }: RTCRtpCodec): boolean {
  if (/h264/i.test(mimeType)) return sdpFmtpLine.includes("packetization-mode=1") && sdpFmtpLine.includes("42e01f");
  return !/profile-id=[1-9]/.test(sdpFmtpLine) && !/(^|;)profile=[1-9]/.test(sdpFmtpLine);
}
