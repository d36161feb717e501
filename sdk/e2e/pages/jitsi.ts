/** Participants of a call through the SFU as lib-jitsi-meet attaches them: its worker messages and script transforms. */
import { Sink, picture, sleep, tone, until } from "./media.ts";

/** How somebody joins. */
export interface JitsiOrder {
  readonly room: string;
  readonly id: string;
  /** Frameseal's worker, or {@link Stock} in the place of one in the field. */
  readonly worker: "frameseal" | "stock";
  /** `RTCRtpScriptTransform` or `createEncodedStreams`. */
  readonly by: "script" | "streams";
  /** One key for all, which the application manages and which cannot be exported. */
  readonly shared?: boolean;
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


class JitsiMember {
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
    this.#tell({ t: "join", room, id, name: id, announcement: "" });
    await welcome;
  }

  async publish(track: MediaStreamTrack): Promise<void> {
    const kind = track.kind as "audio" | "video";
    const transceiver = this.#pub.addTransceiver(track, { direction: "sendonly" });
    this.#attach(transceiver.sender, "encode", this.order.id);
    if (kind === "video") {
      const known = RTCRtpSender.getCapabilities("video")?.codecs ?? [];
      transceiver.setCodecPreferences(known.filter(({ mimeType }) => /VP8|rtx/i.test(mimeType)));
    }
    this.#sent.set(transceiver, kind);
    await this.#pub.setLocalDescription();
    const answer = new Promise<string>((resolve) => (this.#answered = resolve));
    const tracks = [...this.#sent].map(([{ mid }, kind]) => ({ mid, kind }));
    this.#tell({ t: "offer", pc: "pub", sdp: this.#pub.localDescription?.sdp, tracks });
    await this.#pub.setRemoteDescription({ type: "answer", sdp: await answer });
    await until(() => this.#pub.connectionState === "connected", 15_000, "the connection to the SFU");
  }

  leave(): void {
    this.#tell({ t: "leave" });
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

  #tell(message: object): void {
    if (this.#socket.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(message));
  }

  #hear(message: Record<string, unknown>): void {
    switch (message["t"]) {
      case "welcome":
        return this.#welcome?.();
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
    this.#tell({ t: "answer", pc: "sub", sdp: sub.localDescription?.sdp });
  }
}

const members = new Map<string, JitsiMember>();
const keys = new Map<string, { key: Uint8Array<ArrayBuffer>; index: number }>();

function member(id: string): JitsiMember {
  const found = members.get(id);
  if (found === undefined) throw new Error(`${id} is not here`);
  return found;
}

const shared = crypto.subtle.generateKey({ name: "AES-GCM", length: 128 }, false, ["encrypt", "decrypt"]);

/** Tells `to`'s worker the key of `of`. */
function tell(to: string, of: string): void {
  const { key, index } = keys.get(of) ?? { key: false, index: 0 };
  member(to).worker.postMessage({ operation: "setKey", participantId: of, key, keyIndex: index });
}

const api = {
  member,
  tell,
  until,
  /** Joins, sends a picture (640x360) and a tone, and has everybody's key as everybody has its, but for `strangers`. */
  async talk(order: JitsiOrder, strangers: string[] = []): Promise<void> {
    const { id } = order;
    const joined = new JitsiMember(order);
    members.set(id, joined);
    keys.set(id, { key: crypto.getRandomValues(new Uint8Array(32)), index: 0 });
    for (const other of members.keys()) {
      if (strangers.includes(other) || order.shared === true) continue;
      tell(id, other);
      tell(other, id);
    }
    if (order.shared === true) joined.worker.postMessage({ operation: "setKey", key: { encryptionKey: await shared }, keyIndex: 2 });
    joined.worker.postMessage({ operation: "setEnabled", enabled: true });
    await joined.join();
    await joined.publish(tone());
    await joined.publish(picture());
  },
  leave(id: string): void {
    member(id).leave();
    members.delete(id);
    keys.delete(id);
  },
  /** One step on: its own worker alone is told. */
  async ratchet(id: string, next: number[]): Promise<void> {
    const index = keys.get(id)?.index ?? 0;
    keys.set(id, { key: Uint8Array.from(next), index });
    tell(id, id);
  },
  keyOf(id: string): number[] {
    return [...(keys.get(id)?.key ?? [])];
  },
  /** A new key in the next slot: others first, then its own worker. */
  async rotate(id: string, others: string[]): Promise<void> {
    const index = (keys.get(id)?.index ?? 0) + 1;
    keys.set(id, { key: crypto.getRandomValues(new Uint8Array(32)), index });
    for (const other of others) tell(other, id);
    await sleep(100);
    tell(id, id);
  },
  /** Waits until `id` has decoded `more` further pictures of `of`, and heard half a second more of it. */
  async decodes(id: string, of: string, more: number, ms = 20_000): Promise<{ video: JitsiStream; audio: JitsiStream }> {
    const both = async () => ({ video: await member(id).stream(of, "video"), audio: await member(id).stream(of, "audio") });
    const from = await both();
    const heard = (audio: JitsiStream | null): number => (audio?.samples ?? 0) - (audio?.concealed ?? 0);
    let last = from;
    const enough = async (): Promise<boolean> => {
      last = await both();
      return (last.video?.decoded ?? 0) >= (from.video?.decoded ?? 0) + more && heard(last.audio) >= heard(from.audio) + 24_000;
    };
    await until(enough, ms, "").catch(() => {
      throw new Error(`${id} did not decode ${more} pictures and the sound of ${of} in ${ms} ms: ${JSON.stringify(last)}`);
    });
    return last as { video: JitsiStream; audio: JitsiStream };
  },
  /** What `id` decoded and heard of `of` in so many milliseconds. */
  async decodedIn(id: string, of: string, ms: number): Promise<{ pictures: number; samples: number }> {
    const at = async () => {
      const [video, audio] = [await member(id).stream(of, "video"), await member(id).stream(of, "audio")];
      return { pictures: video?.decoded ?? 0, samples: (audio?.samples ?? 0) - (audio?.concealed ?? 0) };
    };
    const from = await at();
    await sleep(ms);
    const to = await at();
    return { pictures: to.pictures - from.pictures, samples: to.samples - from.samples };
  },
};

declare global {
  interface Window {
    jitsi: typeof api;
  }
}
window.jitsi = api;
document.title = "ready";
