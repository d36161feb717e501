/** One call between two peers in this page, with one way or another of moving its frames through workers. */
import { introduce, negotiate, side, trickle } from "../../e2e/pages/pair.ts";
import { sleep, until } from "../../e2e/pages/media.ts";
import { setupMessages } from "./livekit.ts";

/** What moves the frames. */
export type Mode =
  /** A loop that reads and writes, nothing else. */
  | "pass"
  /** A `TransformStream` that enqueues what it gets. */
  | "pass-transform"
  /** livekit-client's worker by `RTCRtpScriptTransform`. */
  | "livekit"
  /** livekit-client's worker by `createEncodedStreams`, as livekit-client does in Chromium. */
  | "livekit-streams"
  | "frameseal";

/** Milliseconds inside the transform, one value a frame. */
export interface ProbeSamples {
  readonly audio: number[];
  readonly video: number[];
}

/** Asks a probed worker for its samples since the last time. */
export interface ProbeOrder {
  readonly probe: true;
  readonly port: MessagePort;
}

/** What a window of the call gave. */
export interface CallResult {
  readonly send: ProbeSamples;
  readonly receive: ProbeSamples;
  readonly seconds: number;
  readonly framesDecoded: number;
  readonly width: number;
  /** Means over the window, bytes. */
  readonly videoBytes: number;
  readonly audioBytes: number;
}

interface Counters {
  at: number;
  decoded: number;
  width: number;
  videoFrames: number;
  videoBytes: number;
  audioPackets: number;
  audioBytes: number;
}

interface Call {
  readonly from: RTCPeerConnection;
  readonly to: RTCPeerConnection;
  /** The sender's and the receiver's. */
  readonly workers: readonly [Worker, Worker];
  readonly stop: () => void;
  before: Counters;
}

const WORKERS: Readonly<Record<Mode, string>> = {
  pass: "/probed/bench/plain-worker.js",
  "pass-transform": "/probed/bench/plain-worker.js",
  livekit: "/probed/livekit/livekit-client.e2ee.worker.mjs",
  "livekit-streams": "/probed/livekit/livekit-client.e2ee.worker.mjs",
  frameseal: "/probed/dist/worker.js",
};
const WIDTH = 1280;
const HEIGHT = 720;
const BITRATE = 1_100_000;
/** For Chromium's bandwidth estimate, and for code to get warm. */
const WARM_UP_MS = 4000;

let call: Call | null = null;
let media: MediaStream | null = null;

/** Starts a call, and returns when it has run for a while. */
export async function begin(mode: Mode): Promise<void> {
  media ??= await navigator.mediaDevices.getUserMedia({ audio: true, video: { width: WIDTH, height: HEIGHT, frameRate: 30 } });
  const make = (): Worker => new Worker(WORKERS[mode], { type: "module" });
  const workers = [make(), make()] as const;
  const [from, to] = await connections(mode, workers, media);
  const sinks: HTMLVideoElement[] = [];
  to.addEventListener("track", ({ track }) => {
    const sink = document.createElement(track.kind) as HTMLVideoElement;
    sink.muted = true;
    sink.autoplay = true;
    sink.srcObject = new MediaStream([track]);
    document.body.append(sink);
    sinks.push(sink);
  });
  trickle(from, to);
  await negotiate(from, to, () => undefined);
  const stop = (): void => {
    from.close();
    to.close();
    for (const sink of sinks) sink.remove();
    for (const worker of workers) worker.terminate();
  };
  const zero = { at: 0, decoded: 0, width: 0, videoFrames: 0, videoBytes: 0, audioPackets: 0, audioBytes: 0 };
  call = { from, to, workers, stop, before: zero };
  const now = call;
  await until(async () => (await counters(now)).width === WIDTH, 15_000, `a picture of ${WIDTH}x${HEIGHT} in ${mode}`);
  await sleep(WARM_UP_MS);
}

/** The measured window begins. */
export async function open(): Promise<void> {
  if (call === null) throw new Error("no call");
  for (const worker of call.workers) await samplesOf(worker);
  call.before = await counters(call);
}

/** The measured window is over, and the call with it. */
export async function close(): Promise<CallResult> {
  if (call === null) throw new Error("no call");
  const { workers, before, stop } = call;
  const [send, receive] = [await samplesOf(workers[0]), await samplesOf(workers[1])];
  const after = await counters(call);
  stop();
  call = null;
  await sleep(200);
  return {
    send,
    receive,
    seconds: (after.at - before.at) / 1000,
    framesDecoded: after.decoded - before.decoded,
    width: after.width,
    videoBytes: (after.videoBytes - before.videoBytes) / (after.videoFrames - before.videoFrames),
    audioBytes: (after.audioBytes - before.audioBytes) / (after.audioPackets - before.audioPackets),
  };
}

async function connections(mode: Mode, workers: readonly [Worker, Worker], media: MediaStream): Promise<[RTCPeerConnection, RTCPeerConnection]> {
  if (mode === "frameseal") {
    const [ada, bob] = [await side("ada", { worker: workers[0] }), await side("bob", { worker: workers[1] })];
    await introduce(ada, bob);
    const [from, to] = [ada.e2ee.createPeerConnection(), bob.e2ee.createPeerConnection()];
    for (const track of media.getTracks()) add(from, track);
    to.addEventListener("track", ({ receiver }) => void bob.e2ee.attachReceiver(receiver, "ada"));
    return [from, to];
  }
  const config = { encodedInsertableStreams: true } as RTCConfiguration;
  const [from, to] = [new RTCPeerConnection(config), new RTCPeerConnection(config)];
  if (mode.startsWith("livekit")) {
    for (const worker of workers) for (const message of await setupMessages("ada")) worker.postMessage(message);
  }
  for (const track of media.getTracks()) attach(mode, workers[0], "encode", add(from, track).sender, track);
  to.addEventListener("track", ({ receiver, track }) => attach(mode, workers[1], "decode", receiver, track));
  return [from, to];
}

function add(pc: RTCPeerConnection, track: MediaStreamTrack): RTCRtpTransceiver {
  if (track.kind === "audio") return pc.addTransceiver(track, { direction: "sendonly" });
  const transceiver = pc.addTransceiver(track, { direction: "sendonly", sendEncodings: [{ maxBitrate: BITRATE }] });
  const vp8 = (RTCRtpSender.getCapabilities("video")?.codecs ?? []).filter(({ mimeType }) => /VP8|rtx/i.test(mimeType));
  transceiver.setCodecPreferences(vp8);
  const parameters = transceiver.sender.getParameters() as RTCRtpSendParameters & { degradationPreference?: string };
  parameters.degradationPreference = "maintain-resolution";
  void transceiver.sender.setParameters(parameters);
  return transceiver;
}

type End = (RTCRtpSender | RTCRtpReceiver) & {
  transform: unknown;
  createEncodedStreams?(): { readable: ReadableStream; writable: WritableStream };
};

function attach(mode: Mode, worker: Worker, kind: "encode" | "decode", end: RTCRtpSender | RTCRtpReceiver, track: MediaStreamTrack): void {
  const codec = track.kind === "video" ? "vp8" : undefined;
  const options = { kind, participantIdentity: "ada", trackId: track.id, codec, hasPacketTrailer: false };
  if (mode === "livekit-streams") {
    const streams = (end as End).createEncodedStreams?.();
    if (streams === undefined) throw new Error("this browser has no createEncodedStreams");
    const data = { ...options, readableStream: streams.readable, writableStream: streams.writable };
    worker.postMessage({ kind, data }, [streams.readable, streams.writable]);
    return;
  }
  const how = mode === "pass" ? "loop" : "transform";
  (end as End).transform = new RTCRtpScriptTransform(worker, mode === "livekit" ? options : { how });
}

function samplesOf(worker: Worker): Promise<ProbeSamples> {
  const { port1, port2 } = new MessageChannel();
  return new Promise((resolve) => {
    port1.onmessage = ({ data }: MessageEvent<ProbeSamples>) => {
      port1.close();
      resolve(data);
    };
    worker.postMessage({ probe: true, port: port2 }, [port2]);
  });
}

async function counters({ from, to }: Call): Promise<Counters> {
  const out = { at: performance.now(), decoded: 0, width: 0, videoFrames: 0, videoBytes: 0, audioPackets: 0, audioBytes: 0 };
  const read = (entry: Record<string, unknown>, name: string): number => Number(entry[name] ?? 0);
  (await to.getStats()).forEach((entry: Record<string, unknown>) => {
    if (entry["type"] !== "inbound-rtp" || entry["kind"] !== "video") return;
    out.decoded += read(entry, "framesDecoded");
    out.width = read(entry, "frameWidth");
  });
  (await from.getStats()).forEach((entry: Record<string, unknown>) => {
    if (entry["type"] !== "outbound-rtp") return;
    if (entry["kind"] === "video") {
      out.videoFrames += read(entry, "framesSent");
      out.videoBytes += read(entry, "bytesSent");
    } else {
      out.audioPackets += read(entry, "packetsSent");
      out.audioBytes += read(entry, "bytesSent");
    }
  });
  return out;
}
