// An application that adopts the package; compiled and bundled by run.mjs, as somebody else's would be.
import { CODE, createE2EE, E2eeError, type E2eeReport, isSupported, type StateEvent, type TrackKind } from "frameseal";
import { createSession, logTransport, type SessionEvent, type SessionMember, type Somebody, type Trust } from "frameseal/session";
import { createE2EEManager, type LivekitE2EEManager, type MemberState } from "frameseal/livekit";

export async function meet(room: string, id: string): Promise<string> {
  const verdict = async ({ proof }: Somebody): Promise<Trust> => (proof.length > 0 ? "verified" : "unverified");
  const transport = logTransport(`wss://relay.example/log?room=${room}`);
  const session = await createSession({ room, participant: id, name: "Ada", transport, verdict, lobby: true, policy: { admit: "members" } });
  const show = ({ name, trust, heard, self }: SessionMember): void => console.log(name, trust, heard, self);
  session.on("members", (members) => members.forEach(show));
  session.on("knock", (who) => void session.admit(who, "verified"));
  session.on("event", (event: SessionEvent) => event.what === "trouble" && console.log(event.error.code === CODE.RelayUnreachable));
  const e2ee = await createE2EE({ call: room, participant: id, session });
  await session.rotate();
  transport.gone("bob");
  e2ee.close();
  await session.leave();
  return session.code;
}

export function manager(passphrase: string): LivekitE2EEManager {
  const made = createE2EEManager({ keys: { passphrase }, format: "auto", livekit: { keyBits: 256 }, suite: "AES_256_GCM_SHA512_128" });
  const show = (identity: string, state: MemberState): void => console.log(identity, state, made.format, made.members.size);
  made.on("memberState", show).on("encryptionError", (error, identity) => console.log(error.message, identity));
  return made.off("memberState", show);
}

export async function join(id: string, secret: string, camera: MediaStream): Promise<RTCPeerConnection | null> {
  if (!isSupported()) return null;
  try {
    const e2ee = await createE2EE({ call: "council-7", participant: id, keys: { secret }, suite: "AES_256_GCM_SHA512_128", padding: true });
    const stop = e2ee.on("state", ({ participant, kind, state, error }: StateEvent) => console.log(participant, kind, state, error));
    e2ee.on("error", ({ code, reaction, count }) => console.log(code, reaction, count));
    const pc = e2ee.createPeerConnection({ iceServers: [] });
    for (const track of camera.getTracks()) pc.addTrack(track, camera);
    const kind: TrackKind = "screen-video";
    e2ee.addTransceiver(pc, "video", { direction: "recvonly" }, { kind });
    pc.ontrack = ({ receiver }) => e2ee.attachReceiver(receiver, "bob");
    await e2ee.addParticipant("bob", e2ee.announcement);
    const generation: number = await e2ee.rotate();
    const report: E2eeReport = await e2ee.getReport();
    console.log(generation, report.tracks.map(({ timing }) => timing.p99));
    stop();
    return pc;
  } catch (error) {
    if (error instanceof E2eeError && error.code === CODE.BadKey) return null;
    throw error;
  }
}
