/** A sender that does not encrypt, and a receiver that does. */
import { picture, Sink, sleep, tone, until } from "./media.ts";
import { mediaStats, negotiate, side, trickle } from "./pair.ts";

/** What the receiver made of it. */
export interface Plain {
  readonly states: readonly string[];
  readonly errors: readonly string[];
  readonly refused: string;
  readonly decoded: number;
  readonly framesReceived: number;
  readonly samples: number;
  readonly concealed: number;
}

/** Runs until the receiver's tracks are in `state`. `announcement`: what the sender announced; `null`: nothing. */
export async function plain({ codec, announcement, state }: { codec: string; announcement: string | null; state: string }): Promise<Plain> {
  const bob = await side("bob");
  let refused = "";
  if (announcement !== null) await bob.e2ee.addParticipant("mallory", announcement).catch((error: unknown) => (refused = String(error)));
  const from = new RTCPeerConnection();
  const to = bob.e2ee.createPeerConnection();
  trickle(from, to);
  const video = from.addTransceiver(picture(), { direction: "sendonly" });
  from.addTransceiver(tone(), { direction: "sendonly" });
  video.setCodecPreferences((RTCRtpSender.getCapabilities("video")?.codecs ?? []).filter(({ mimeType }) => mimeType === codec));
  to.addEventListener("track", ({ receiver, track }) => {
    bob.e2ee.attachReceiver(receiver, "mallory");
    new Sink(track);
  });
  await negotiate(from, to);
  const states = (): string[] => bob.states.filter(({ direction }) => direction === "receive").map(({ kind, state }) => `${kind} ${state}`);
  await until(() => states().includes(`video ${state}`) && states().includes(`audio ${state}`), 15_000, `${state}: ${states().join("; ")}`);
  await sleep(1000);
  const stats = await mediaStats(to);
  let [samples, concealed] = [0, 0];
  (await to.getStats()).forEach((entry: Record<string, unknown>) => {
    if (entry["type"] !== "inbound-rtp" || entry["kind"] !== "audio") return;
    samples = Number(entry["totalSamplesReceived"] ?? 0);
    concealed = Number(entry["concealedSamples"] ?? 0);
  });
  from.close();
  bob.e2ee.close();
  return { states: states(), errors: bob.errors, refused, decoded: stats.framesDecoded, framesReceived: stats.framesReceived, samples, concealed };
}
