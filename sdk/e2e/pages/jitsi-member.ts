/** One participant of a call through the SFU as lib-jitsi-meet attaches it: its worker messages and script transforms. */
import { Sink, sleep, until } from "./media.ts";

/** How somebody joins. */
export interface JitsiOrder {
  readonly room: string;
  readonly id: string;
  /** Frameseal's worker, {@link Stock} in the place of one in the field, or Frameseal's worker for its own format. */
  readonly worker: "frameseal" | "stock" | "sframe";
  /** `RTCRtpScriptTransform` or `createEncodedStreams`. */
  readonly by: "script" | "streams";
  /** One key for all, which the application manages and which cannot be exported. */
  readonly shared?: boolean;
  /** What video is sent as; default VP8. */
  readonly codec?: string;
}

interface About {
  readonly mid: string;
  readonly of: string;
  readonly kind: "audio" | "video";
}

/** What is received of somebody. */
export interface JitsiStream {
  readonly packets: number;
  readonly received: number;
  readonly decoded: number;
  readonly samples: number;
  readonly concealed: number;
  readonly brightness: number;
}

interface Streams {
  createEncodedStreams(): { readonly readable: ReadableStream; readonly writable: WritableStream };
}


/** See the file's comment. */
export class JitsiMember {
  /** Told of what the SFU says that is of no matter to media. */
  heard: (message: Record<string, unknown>) => void = () => undefined;
  readonly worker: Worker;
  readonly #pub = new RTCPeerConnection({ encodedInsertableStreams: true } as RTCConfiguration);
  readonly #sub = new RTCPeerConnection({ encodedInsertableStreams: true } as RTCConfiguration);
  readonly #sent = new Map<RTCRtpTransceiver, "audio" | "video">();
  readonly #attached = new WeakSet<RTCRtpReceiver | RTCRtpSender>();
  readonly #sinks = new Map<string, { track: MediaStreamTrack; sink: Sink }>();
  #socket!: WebSocket;
  #about: readonly About[] = [];
  #negotiating: Promise<void> = Promise.resolve();
  #answered: ((sdp: string) => void) | null = null;
  #welcome: (() => void) | null = null;

  constructor(readonly order: JitsiOrder) {
    // As lib-jitsi-meet starts its worker: a classic one that loads the script from inside (there from a blob, which the
    // policy of these pages does not allow).
    this.worker = new Worker(`/load-${order.worker}.js`, { name: "E2EE Worker" });
    this.worker.onerror = ({ message }) => console.error(`worker: ${message}`);
    this.worker.postMessage({ operation: "initialize", sharedKey: order.shared === true });
  }

  async join(): Promise<void> {
    const socket = new WebSocket(`${location.origin.replace("http", "ws")}/ws`);
    this.#socket = socket;
    await new Promise((resolve, reject) => {
      socket.onopen = resolve;
      socket.onerror = () => reject(new Error("the SFU does not answer"));
    });
    socket.onmessage = ({ data }) => typeof data === "string" && this.#hear(JSON.parse(data) as Record<string, unknown>);
    const welcome = new Promise<void>((resolve) => (this.#welcome = resolve));
    const { room, id } = this.order;
    this.tell({ t: "join", room, id, name: id, announcement: "" });
    await welcome;
  }

  async publish(track: MediaStreamTrack): Promise<void> {
    const kind = track.kind as "audio" | "video";
    const transceiver = this.#pub.addTransceiver(track, { direction: "sendonly" });
    this.#attach(transceiver.sender, "encode", this.order.id);
    if (kind === "video") {
      const known = RTCRtpSender.getCapabilities("video")?.codecs ?? [];
      transceiver.setCodecPreferences(known.filter((one) => sendable(one, this.order.codec ?? "VP8")));
    }
    this.#sent.set(transceiver, kind);
    await this.#pub.setLocalDescription();
    const answer = new Promise<string>((resolve) => (this.#answered = resolve));
    const tracks = [...this.#sent].map(([{ mid }, kind]) => ({ mid, kind }));
    this.tell({ t: "offer", pc: "pub", sdp: this.#pub.localDescription?.sdp, tracks });
    await this.#pub.setRemoteDescription({ type: "answer", sdp: await answer });
    await until(() => this.#pub.connectionState === "connected", 15_000, "the connection to the SFU");
  }

  /** What is received of somebody's video. */
  async codecOf(of: string): Promise<string> {
    const about = this.#about.find((track) => track.of === of && track.kind === "video");
    const stats = new Map<string, Record<string, unknown>>();
    (await this.#sub.getStats()).forEach((entry: Record<string, unknown>, id: string) => stats.set(id, entry));
    const inbound = [...stats.values()].find((entry) => entry["type"] === "inbound-rtp" && entry["mid"] === about?.mid);
    return String(stats.get(String(inbound?.["codecId"]))?.["mimeType"] ?? "");
  }

  leave(): void {
    this.tell({ t: "leave" });
    this.#socket.close();
    this.#pub.close();
    this.#sub.close();
    this.worker.terminate();
  }

  async stream(of: string, kind: "audio" | "video"): Promise<JitsiStream | null> {
    const about = this.#about.find((track) => track.of === of && track.kind === kind);
    if (about === undefined) return null;
    let found: JitsiStream | null = null;
    (await this.#sub.getStats()).forEach((entry: Record<string, unknown>) => {
      if (entry["type"] !== "inbound-rtp" || entry["mid"] !== about.mid) return;
      const number = (name: string): number => (typeof entry[name] === "number" ? entry[name] : 0);
      found = {
        packets: number("packetsReceived"), received: number("framesReceived"), decoded: number("framesDecoded"),
        samples: number("totalSamplesReceived"), concealed: number("concealedSamples"),
        brightness: this.#sinks.get(about.mid)?.sink.brightness() ?? -1,
      };
    });
    return found;
  }

  #attach(side: RTCRtpReceiver | RTCRtpSender, operation: "encode" | "decode", participantId: string): void {
    if (this.#attached.has(side)) return;
    this.#attached.add(side);
    if (this.order.by === "script") {
      side.transform = new RTCRtpScriptTransform(this.worker, { operation, participantId });
      return;
    }
    const { readable: readableStream, writable: writableStream } = (side as unknown as Streams).createEncodedStreams();
    this.worker.postMessage({ operation, participantId, readableStream, writableStream }, [readableStream, writableStream]);
  }

  tell(message: object): void {
    if (this.#socket.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(message));
  }

  #hear(message: Record<string, unknown>): void {
    switch (message["t"]) {
      case "welcome":
        this.heard(message);
        return this.#welcome?.();
      case "answer":
        return this.#answered?.(String(message["sdp"]));
      case "offer":
        this.#about = message["tracks"] as About[];
        this.#negotiating = this.#negotiating.then(() => this.#answer(String(message["sdp"]), message["tracks"] as About[]));
        return;
      case "error":
        return console.error(`the SFU says ${String(message["code"])}: ${String(message["message"])}`);
      default:
        return this.heard(message);
    }
  }

  async #answer(sdp: string, tracks: readonly About[]): Promise<void> {
    const sub = this.#sub;
    if (sub.signalingState === "closed") return;
    sub.ontrack = ({ transceiver: { mid, receiver } }) => {
      const about = tracks.find((track) => track.mid === mid);
      if (about === undefined || mid === null) return;
      this.#attach(receiver, "decode", about.of);
      if (this.#sinks.get(mid)?.track !== receiver.track) this.#sinks.set(mid, { track: receiver.track, sink: new Sink(receiver.track) });
    };
    await sub.setRemoteDescription({ type: "offer", sdp });
    await sub.setLocalDescription();
    this.tell({ t: "answer", pc: "sub", sdp: sub.localDescription?.sdp });
  }
}

/** The SFU takes profile 0 of VP9 and AV1, and H.264 in fragments. */
function sendable({ mimeType, sdpFmtpLine = "" }: RTCRtpCodec, codec: string): boolean {
  if (/rtx/i.test(mimeType)) return true;
  if (mimeType.toLowerCase() !== `video/${codec.toLowerCase()}`) return false;
  if (/h264/i.test(codec)) return sdpFmtpLine.includes("packetization-mode=1") && sdpFmtpLine.includes("42e01f");
  return /vp8/i.test(codec) || !/profile(-id)?=[1-9]/.test(sdpFmtpLine);
}

/** Waits until `member` has decoded `more` further pictures of `of`, and heard half a second more of it. */
export async function decodes(member: JitsiMember, of: string, more: number, ms = 20_000): Promise<{ video: JitsiStream; audio: JitsiStream }> {
  const both = async () => ({ video: await member.stream(of, "video"), audio: await member.stream(of, "audio") });
  const from = await both();
  const heard = (audio: JitsiStream | null): number => (audio?.samples ?? 0) - (audio?.concealed ?? 0);
  let last = from;
  const enough = async (): Promise<boolean> => {
    last = await both();
    return (last.video?.decoded ?? 0) >= (from.video?.decoded ?? 0) + more && heard(last.audio) >= heard(from.audio) + 24_000;
  };
  await until(enough, ms, "").catch(() => {
    throw new Error(`${member.order.id} did not decode ${more} pictures and the sound of ${of} in ${ms} ms: ${JSON.stringify(last)}`);
  });
  return last as { video: JitsiStream; audio: JitsiStream };
}

/** What `member` decoded and heard of `of` in so many milliseconds. */
export async function decodedIn(member: JitsiMember, of: string, ms: number): Promise<{ pictures: number; samples: number }> {
  const at = async () => {
    const [video, audio] = [await member.stream(of, "video"), await member.stream(of, "audio")];
    return { pictures: video?.decoded ?? 0, samples: (audio?.samples ?? 0) - (audio?.concealed ?? 0) };
  };
  const from = await at();
  await sleep(ms);
  const to = await at();
  return { pictures: to.pictures - from.pictures, samples: to.samples - from.samples };
}
