/** Two peers in one page, each with its own worker and keys, connected on loopback. */
import type { E2EE, E2eeOptions, StateEvent } from "../../src/index.ts";

/** One side. */
export interface Side {
  readonly name: string;
  readonly e2ee: E2EE;
  readonly states: StateEvent[];
  readonly errors: string[];
}

type Module = typeof import("../../src/index.ts");

/** The built package, as an application would import it. */
export async function frameseal(): Promise<Module> {
  // Not bundled: the server serves the built files.
  return (await import("/dist/index.js" as string)) as Module;
}

/** The same for sessions. */
export async function framesealSession(): Promise<typeof import("../../src/session/index.ts")> {
  return (await import("/dist/session.js" as string)) as typeof import("../../src/session/index.ts");
}

/** One side with its own worker. */
export async function side(name: string, options: Partial<E2eeOptions> = {}): Promise<Side> {
  const { createE2EE } = await frameseal();
  const e2ee = await createE2EE({ call: "test-call", participant: name, keys: { secret: "open sesame" }, ...options });
  const states: StateEvent[] = [];
  const errors: string[] = [];
  e2ee.on("state", (event) => states.push(event));
  e2ee.on("error", (event) => errors.push(`${event.name}: ${event.message}`));
  return { name, e2ee, states, errors };
}

/** Lets two sides know each other. */
export async function introduce(a: Side, b: Side): Promise<void> {
  await a.e2ee.addParticipant(b.name, b.e2ee.announcement);
  await b.e2ee.addParticipant(a.name, a.e2ee.announcement);
}

/** Trickles candidates both ways. */
export function trickle(a: RTCPeerConnection, b: RTCPeerConnection): void {
  a.addEventListener("icecandidate", ({ candidate }) => candidate !== null && void b.addIceCandidate(candidate));
  b.addEventListener("icecandidate", ({ candidate }) => candidate !== null && void a.addIceCandidate(candidate));
}

/** One round of offer and answer. `between` runs on the answerer between the two. */
export async function negotiate(a: RTCPeerConnection, b: RTCPeerConnection, between?: () => void | Promise<void>): Promise<void> {
  await a.setLocalDescription();
  await b.setRemoteDescription(a.localDescription as RTCSessionDescription);
  await between?.();
  await b.setLocalDescription();
  await a.setRemoteDescription(b.localDescription as RTCSessionDescription);
}

/** The same by the callbacks that `RTCPeerConnection` once had. */
export async function negotiateByCallbacks(a: RTCPeerConnection, b: RTCPeerConnection): Promise<void> {
  const [offer, answer] = [await a.createOffer(), () => b.createAnswer()];
  await new Promise<void>((done, failed) => void a.setLocalDescription(offer, done, failed));
  await new Promise<void>((done, failed) => void b.setRemoteDescription(offer, done, failed));
  const answered = await answer();
  await new Promise<void>((done, failed) => void b.setLocalDescription(answered, done, failed));
  await new Promise<void>((done, failed) => void a.setRemoteDescription(answered, done, failed));
  const refused = await new Promise<string>((resolve) => void a.setRemoteDescription(answered, () => resolve(""), (error) => resolve(error.name)));
  if (refused !== "InvalidStateError") throw new Error(`a second answer: ${refused}`);
}

/** What `getStats` says of media. */
export interface MediaStats {
  framesSent: number;
  framesReceived: number;
  framesDecoded: number;
  audioSent: number;
  audioReceived: number;
  bytesReceived: number;
}

export async function mediaStats(pc: RTCPeerConnection): Promise<MediaStats> {
  const out: MediaStats = { framesSent: 0, framesReceived: 0, framesDecoded: 0, audioSent: 0, audioReceived: 0, bytesReceived: 0 };
  (await pc.getStats()).forEach((entry: Record<string, unknown>) => {
    const number = (name: string): number => (typeof entry[name] === "number" ? entry[name] : 0);
    if (entry["type"] === "outbound-rtp") {
      if (entry["kind"] === "video") out.framesSent += number("framesSent");
      else out.audioSent += number("packetsSent");
    }
    if (entry["type"] === "inbound-rtp") {
      out.bytesReceived += number("bytesReceived");
      if (entry["kind"] === "video") {
        out.framesReceived += number("framesReceived");
        out.framesDecoded += number("framesDecoded");
      } else out.audioReceived += number("packetsReceived");
    }
  });
  return out;
}
