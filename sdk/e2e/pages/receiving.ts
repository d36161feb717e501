/**
 * The receiver's rows of the attach table. Each is run twice at once: with a sender that seals, whose media must come
 * through, and with one that does not, of which nothing may reach the decoder.
 */
import { picture, Sink, sleep, until } from "./media.ts";
import { frameseal, introduce, mediaStats, negotiate, side, trickle } from "./pair.ts";

/** What a row gives. */
export interface Received {
  readonly threw: string;
  readonly received: number;
  readonly decoded: number;
  /** Frames that our worker opened. */
  readonly opened: number;
}

/** Runs a row with a sender that seals, and with one that does not. */
export async function receiving(row: string): Promise<{ sealed: Received; plain: Received }> {
  const [sealed, plain] = await Promise.all([receive(row, true), receive(row, false)]);
  return { sealed, plain };
}

async function receive(row: string, seals: boolean): Promise<Received> {
  const { CODE, E2eeError } = await frameseal();
  const [ada, bob] = [await side("ada"), await side("bob")];
  await introduce(ada, bob);
  const flagged = row.startsWith("flagged ");
  const foreign = row.startsWith("foreign ") || flagged;
  const when = row.replace(/^(foreign|flagged|offerer) /, "");
  const config = (flagged ? { encodedInsertableStreams: true } : {}) as RTCConfiguration;
  const from = seals ? ada.e2ee.createPeerConnection() : new RTCPeerConnection();
  const to = foreign ? new RTCPeerConnection(config) : bob.e2ee.createPeerConnection();
  trickle(from, to);
  let threw = "";
  const attach = (): void => {
    try {
      if (foreign) bob.e2ee.watch(to);
      for (const { receiver } of to.getTransceivers()) bob.e2ee.attachReceiver(receiver, "ada");
    } catch (error) {
      if (!(error instanceof E2eeError)) throw error;
      threw = Object.entries(CODE).find(([, code]) => code === error.code)?.[0] ?? "?";
    }
  };
  if (when === "before anything") attach();
  to.addEventListener("track", ({ track }) => {
    if (when === "in ontrack" || when === "before anything") attach();
    new Sink(track);
  });
  if (row.startsWith("offerer ")) {
    to.addTransceiver(picture(160, 90), { direction: "sendrecv" });
    await negotiate(to, from, () => {
      const [transceiver] = from.getTransceivers();
      if (transceiver === undefined) throw new Error("no transceiver");
      transceiver.direction = "sendrecv";
      void transceiver.sender.replaceTrack(picture());
    });
  } else {
    from.addTransceiver(picture(), { direction: "sendonly" });
    await negotiate(from, to, () => {
      if (when === "after setRemoteDescription") attach();
    });
  }
  let before = { received: 0, decoded: 0 };
  if (when === "after 100 ms") await sleep(100).then(attach);
  if (when === "in the middle of the call") {
    await sleep(800);
    attach();
    await sleep(200);
    const { framesReceived: received, framesDecoded: decoded } = await mediaStats(to);
    before = { received, decoded };
  }
  await sleep(1500);
  // Frames before the attachment were dropped, so a key frame must come first.
  if (seals && threw === "") await until(async () => (await mediaStats(to)).framesDecoded > before.decoded + 5, 6000, "pictures").catch(() => undefined);
  const got = await mediaStats(to);
  const report = await bob.e2ee.getReport();
  from.close();
  to.close();
  ada.e2ee.close();
  bob.e2ee.close();
  return {
    threw,
    received: got.framesReceived - before.received,
    decoded: got.framesDecoded - before.decoded,
    opened: report.tracks.filter(({ direction }) => direction === "receive").reduce((sum, { passed }) => sum + passed, 0),
  };
}
