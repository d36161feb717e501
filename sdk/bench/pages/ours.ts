/** The product's worker code: the same engine, track and loop that an `RTCRtpScriptTransform` gets. */
import type { TrackSetup } from "../../src/protocol.ts";
import type { EncodedFrame, Engine } from "../../src/worker/engine.ts";
import { loadEngine } from "../../src/worker/load.ts";
import { pump } from "../../src/worker/media.ts";
import { Track, type TrackEvents } from "../../src/worker/track.ts";
import { LivekitModule } from "../../src/livekit/worker/module.ts";
import { type Frame, LivekitTrack, type Surroundings } from "../../src/livekit/worker/track.ts";
import type { Subject } from "./subject.ts";

/** AES_128_GCM_SHA256_128, the default. */
const SUITE = 4;

const QUIET: TrackEvents = {
  state: () => undefined,
  level: () => undefined,
  flowing: () => undefined,
  keyFrame: () => undefined,
};

async function engine(participant: string): Promise<Engine> {
  const { engine } = await loadEngine({
    t: "init",
    id: 0,
    call: "bench",
    participant,
    suite: SUITE,
    engine: "wasm",
    wasm: "/dist/media.wasm",
    padding: false,
    diagnostics: null,
    compat: null,
    session: null,
  });
  await engine.setRoomSecret(new Uint8Array(32).fill(7));
  return engine;
}

/** Makes both ends of a call. */
export async function ours(): Promise<Subject> {
  const [ada, bob] = [await engine("ada"), await engine("bob")];
  await bob.addParticipant("ada", ada.announcement());
  let tracks = 0;
  const track = (end: Engine, setup: Omit<TrackSetup, "track">): Track => {
    const lane = end.lane(setup.direction, setup.kind, setup.participant);
    return new Track({ ...setup, track: ++tracks }, lane, QUIET);
  };
  const sender = (kind: "audio" | "video"): Track => track(ada, { direction: "send", kind, participant: "ada" });
  return {
    name: "frameseal",
    async pair(kind) {
      const [from, to] = [sender(kind), track(bob, { direction: "receive", kind, participant: "ada" })];
      return { seal: (frame) => from.process(frame), open: (frame) => to.process(frame) };
    },
    async pipe(kind, readable, writable) {
      void pump(sender(kind), readable as ReadableStream<EncodedFrame>, writable as WritableStream<EncodedFrame>);
    },
  };
}

interface End {
  readonly module: LivekitModule;
  readonly sends: boolean;
}

/** The LiveKit worker's own track over its module, both ends with one key. */
export async function oursInLivekitFormat(): Promise<Subject> {
  const [ada, bob] = [true, false].map((sends) => ({ sends, module: new LivekitModule({ bits: 128, ring: 16, window: 0 }) })) as [End, End];
  const track = ({ module, sends }: End, identity: string): LivekitTrack => {
    const person = module.person(identity);
    module.setKey(person, 0, "HKDF", new Uint8Array(32).fill(7), new TextEncoder().encode("LKFrameEncryptionKey"), true);
    const around: Surroundings = {
      module,
      rule: () => "seal",
      codecOf: () => undefined,
      failed: (_, code) => {
        throw new Error(`a frame failed with code ${code}`);
      },
      metadata: () => undefined,
    };
    const made = new LivekitTrack(around, { participantIdentity: identity, trackId: "track", codec: "vp8" }, sends);
    made.bind(person);
    return made;
  };
  let people = 0;
  const as = (frame: EncodedFrame): Frame => frame as unknown as Frame;
  return {
    name: "frameseal",
    async pair() {
      const identity = `ada-${++people}`;
      const [from, to] = [track(ada, identity), track(bob, identity)];
      return { seal: (frame) => from.process(as(frame)), open: (frame) => to.process(as(frame)) };
    },
    async pipe(_, readable, writable) {
      void pump(track(ada, `ada-${++people}`), readable as ReadableStream<Frame>, writable as WritableStream<Frame>);
    },
  };
}
