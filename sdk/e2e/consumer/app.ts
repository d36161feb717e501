// An application that adopts the package; compiled and bundled by run.mjs, as somebody else's would be.
import { CODE, createE2EE, E2eeError, type E2eeReport, isSupported, type StateEvent, type TrackKind } from "frameseal";
import { createSession, logTransport, type SessionEvent, type SessionMember, type Somebody, type Trust } from "frameseal/session";
import { createE2EEManager, type DataRoom, type LivekitE2EEManager, livekitTransport, type MemberState } from "frameseal/livekit";
import { type JitsiConference, jitsiSession } from "frameseal/jitsi";
import { indexedDbIdentity, type KeptIdentity, x509Identity } from "frameseal/identity";
import { type Comparison, pairwiseSas } from "frameseal/sas";

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

export async function confer(conference: JitsiConference): Promise<string> {
  const session = await jitsiSession(conference, { log: "wss://relay.example/log?room=weekly", name: "Ada", codecs: true });
  return session.code;
}

export async function again(livekit: DataRoom, pem: string, key: CryptoKey): Promise<boolean> {
  const further = await x509Identity({ room: "weekly", authorities: pem, own: { chain: pem, key } });
  const identity: KeptIdentity = await indexedDbIdentity({ profile: "ada", further });
  const transport = livekitTransport(livekit, { log: logTransport("wss://relay.example/log?room=weekly") });
  const session = await createSession({ room: "weekly", participant: livekit.localParticipant.identity, transport, identity, agreement: "mlkem768-x25519-draft" });
  const [own, other] = [true, false].map((mine) => session.members.find(({ self }) => self === mine));
  if (own === undefined || other === undefined) return identity.fresh;
  const sas = await pairwiseSas({ room: "weekly", own, other, send: (bytes) => console.log(bytes.length) });
  sas.on("compare", ({ emoji, numbers }: Comparison) => console.log(emoji.map(({ symbol }) => symbol), numbers));
  sas.on("verified", () => void identity.remember(other));
  sas.start();
  return further.who(other) !== null;
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
