/** A plain call from `a` to `b`: Opus and video sealed by one worker and opened by another. */
import type { E2eeOptions } from "../../src/index.ts";
import { camera, Sink, sleep, until } from "./media.ts";
import { introduce, mediaStats, negotiate, negotiateByCallbacks, side, trickle } from "./pair.ts";

export interface CallOptions {
  readonly seconds: number;
  readonly codec?: string;
  readonly a?: Partial<E2eeOptions>;
  readonly b?: Partial<E2eeOptions>;
  /** The page makes the workers itself, by a policy of trusted types. */
  readonly trusted?: string;
  /** As in a browser that has `createEncodedStreams` only. */
  readonly streamsOnly?: boolean;
  /** Negotiate by the old callbacks. */
  readonly callbacks?: boolean;
}

interface Policies {
  createPolicy(name: string, rules: { createScriptURL(url: string): string }): { createScriptURL(url: string): string };
}

/** A worker made as a page with trusted types makes one. */
function trustedWorker(url: string): Worker {
  const { trustedTypes } = window as unknown as { trustedTypes: Policies };
  const policy = trustedTypes.createPolicy(`test-${Math.random()}`, { createScriptURL: (url) => url });
  return new Worker(policy.createScriptURL(url), { type: "module" });
}

export async function call(options: CallOptions) {
  if (options.streamsOnly === true) delete (globalThis as { RTCRtpScriptTransform?: unknown }).RTCRtpScriptTransform;
  const { trusted } = options;
  const worker = (): Partial<E2eeOptions> => (trusted === undefined ? {} : { worker: trustedWorker(trusted) });
  const a = await side("ada", { ...options.a, ...worker() });
  const b = await side("bob", { ...options.b, ...worker() });
  await introduce(a, b);
  const from = a.e2ee.createPeerConnection();
  const to = b.e2ee.createPeerConnection();
  trickle(from, to);
  const media = await camera();
  for (const track of media.getTracks()) from.addTrack(track, media);
  if (options.codec !== undefined) prefer(from, options.codec);
  const sinks: Sink[] = [];
  to.ontrack = ({ receiver, track }) => {
    b.e2ee.attachReceiver(receiver, "ada");
    sinks.push(new Sink(track));
  };
  const began = performance.now();
  await (options.callbacks === true ? negotiateByCallbacks : negotiate)(from, to);
  await until(async () => (await mediaStats(to)).framesDecoded > 3, 8000, "decoded frames");
  const firstDecoded = performance.now() - began;
  await sleep(options.seconds * 1000);
  const result = {
    firstDecoded,
    sent: await mediaStats(from),
    received: await mediaStats(to),
    brightness: Math.max(...sinks.map((sink) => sink.brightness())),
    a: await a.e2ee.getReport(),
    b: await b.e2ee.getReport(),
    states: [...a.states, ...b.states].map((e) => `${e.participant} ${e.direction} ${e.kind} ${e.previous}>${e.state}`),
    errors: [...a.errors, ...b.errors],
  };
  from.close();
  to.close();
  a.e2ee.close();
  b.e2ee.close();
  return result;
}

function prefer(pc: RTCPeerConnection, mime: string): void {
  for (const transceiver of pc.getTransceivers()) {
    if (transceiver.receiver.track.kind !== "video") continue;
    const all = RTCRtpSender.getCapabilities("video")?.codecs ?? [];
    const first = all.filter((codec) => codec.mimeType.toLowerCase() === mime.toLowerCase());
    if (first.length === 0) throw new Error(`this browser cannot send ${mime}`);
    transceiver.setCodecPreferences([...first, ...all.filter((codec) => /rtx|red|ulpfec/.test(codec.mimeType))]);
  }
}
