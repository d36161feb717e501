/**
 * The rows of the attach table: when a transform is set decides in Chromium whether it counts. The receiver here is a
 * plain one without any transform, so it decodes what leaves in clear, and nothing else.
 */
import { picture, Sink, sleep, stopwatch } from "./media.ts";
import { frameseal, mediaStats, negotiate, side, trickle } from "./pair.ts";

/** What a row gives. */
export interface Row {
  /** The error that watching threw, by name of its code; empty when none. */
  readonly threw: string;
  readonly sent: number;
  readonly received: number;
  /** Frames that the plain receiver made a picture of: must be none. */
  readonly decoded: number;
  /** Frames that our worker handed on. */
  readonly sealed: number;
  readonly errors: readonly string[];
}

/** Makes one sender in the way of the row and says what became of its media. */
export async function timing(row: string): Promise<Row> {
  const { CODE, E2eeError } = await frameseal();
  const { e2ee, errors } = await side("ada");
  const flagged = row.startsWith("flagged ");
  const foreign = row.startsWith("foreign ") || flagged;
  const config = (flagged ? { encodedInsertableStreams: true } : {}) as RTCConfiguration;
  const from = foreign ? new RTCPeerConnection(config) : e2ee.createPeerConnection();
  const to = new RTCPeerConnection();
  trickle(from, to);
  to.ontrack = ({ track }) => void new Sink(track);
  let threw = "";
  const watch = (): void => {
    try {
      e2ee.watch(from);
    } catch (error) {
      if (!(error instanceof E2eeError)) throw error;
      threw = Object.entries(CODE).find(([, code]) => code === error.code)?.[0] ?? "?";
    }
  };
  const track = picture();
  const when = row.replace(/^(foreign|flagged) /, "");
  switch (when) {
    case "addTrack":
      from.addTrack(track);
      break;
    case "addTransceiver":
      from.addTransceiver(track, { direction: "sendonly" });
      break;
    case "addTransceiver, track by replaceTrack later": {
      const { sender } = from.addTransceiver("video", { direction: "sendonly" });
      setTimeout(() => void sender.replaceTrack(track), 300);
      break;
    }
    case "watched before anything":
      watch();
      from.addTrack(track);
      break;
    default:
      from.addTransceiver(track, { direction: "sendonly" });
  }
  if (when === "watched in the same task") watch();
  if (when === "watched in a microtask") await Promise.resolve().then(watch);
  if (when === "watched after setTimeout 0") await sleep(0).then(watch);
  if (when === "watched after 100 ms") await sleep(100).then(watch);
  if (when === "watched after setLocalDescription") {
    await from.setLocalDescription();
    watch();
  }
  await negotiate(from, to);
  if (when === "watched after the answer") watch();
  // What went before encryption was asked for does not count.
  let before = { sent: 0, received: 0, decoded: 0 };
  if (when === "watched in the middle of the call") {
    await sleep(800);
    watch();
    await sleep(200);
    const [out, got] = [await mediaStats(from), await mediaStats(to)];
    before = { sent: out.framesSent, received: got.framesReceived, decoded: got.framesDecoded };
  }
  await sleep(1200);
  const [transceiver] = from.getTransceivers();
  if (when === "addTrack") {
    // Another source, then none, then the first again through the same transceiver, then a second offer.
    await transceiver?.sender.replaceTrack(picture(320, 180)).catch(() => undefined);
    await sleep(400);
    if (transceiver !== undefined) from.removeTrack(transceiver.sender);
    await negotiate(from, to);
    from.addTrack(track);
    await negotiate(from, to);
    await sleep(800);
  }
  // The browser's count first: a working transform has always seen at least as much.
  const sent = await mediaStats(from);
  const report = await e2ee.getReport();
  const got = await mediaStats(to);
  from.close();
  to.close();
  e2ee.close();
  return {
    threw,
    sent: sent.framesSent - before.sent,
    received: got.framesReceived - before.received,
    decoded: got.framesDecoded - before.decoded,
    sealed: report.tracks.filter((t) => t.direction === "send").reduce((sum, t) => sum + t.passed, 0),
    errors,
  };
}

/**
 * Takes the transform away from a working sender behind the library's back, in the one way that a page has: a
 * prototype setter. Says how long the sender went on, milliseconds, and what the plain receiver saw.
 */
export async function sabotage(quiet: boolean): Promise<{ took: number; stopped: boolean; state: string; decoded: number }> {
  const { e2ee, states } = await side("ada");
  const from = e2ee.createPeerConnection();
  const to = new RTCPeerConnection();
  trickle(from, to);
  to.ontrack = ({ track }) => void new Sink(track);
  const sender = from.addTrack(picture());
  await negotiate(from, to);
  await sleep(1500);
  const before = (await mediaStats(to)).framesDecoded;
  const native = Object.getOwnPropertyDescriptor(RTCRtpSender.prototype, "transform");
  // A browser that ignores a transform goes on naming it: only the counters tell.
  if (quiet) Object.defineProperty(RTCRtpSender.prototype, "transform", { configurable: true, get: () => sender.transform });
  native?.set?.call(sender, null);
  const [began, running] = [performance.now(), stopwatch()];
  while (!states.some((event) => event.state === "not-attached") && performance.now() - began < 3000) await sleep(10);
  const took = running();
  await sleep(300);
  const stopped = sender.track === null;
  const state = states.at(-1)?.state ?? "";
  const decoded = (await mediaStats(to)).framesDecoded - before;
  from.close();
  to.close();
  e2ee.close();
  return { took, stopped, state, decoded };
}
