/**
 * Before a call uses the media module, frames go through it that nobody sees. They must come back as they were, and a
 * damaged one must not: a module or a processor that gets this wrong is refused. And the browser compiles what they
 * run through, so that the first seconds of a call do not pay for it.
 */
import type { EncodedFrame } from "./engine.ts";
import { Track, type TrackEvents } from "./track.ts";
import { WasmEngine } from "./wasm.ts";

const ROUNDS = 240;
/** Bytes of an audio frame, and of a small video frame, which is many blocks. */
const LENGTHS = [80, 80, 80, 500];

const UNHEARD: TrackEvents = { state: () => undefined, level: () => undefined, flowing: () => undefined, keyFrame: () => undefined };

/** Throws when `module` does not give back what it sealed, or gives what it must not. */
export function rehearse(module: WebAssembly.Module, suite: number): void {
  const engine = new WasmEngine(module, { call: "rehearsal", participant: "me", suite, padding: false });
  engine.setRoomSecret(crypto.getRandomValues(new Uint8Array(32)));
  engine.addParticipant("me", engine.announcement());
  const [seals, opens] = (["send", "receive"] as const).map(
    (direction) =>
      new Track({ track: 0, direction, kind: "audio", participant: "me" }, engine.lane(direction, "audio", "me"), UNHEARD),
  ) as [Track, Track];
  for (let round = 0; round < ROUNDS; round++) {
    const plain = new Uint8Array(LENGTHS[round % LENGTHS.length] ?? 0).fill(round);
    const frame: EncodedFrame = { data: plain.slice().buffer, getMetadata: () => ({}) };
    const sealed = seals.process(frame) === true && !same(frame.data, plain);
    const damaged = round % 8 === 7;
    if (damaged) new Uint8Array(frame.data).subarray(20, 21).forEach((byte, at, bytes) => (bytes[at] = byte ^ 1));
    const opened = opens.process(frame) === true;
    if (!sealed || opened === damaged || (opened && !same(frame.data, plain))) throw new Error("it failed its self-test");
  }
}

function same(data: ArrayBuffer, plain: Uint8Array): boolean {
  const bytes = new Uint8Array(data);
  return bytes.length === plain.length && bytes.every((byte, at) => byte === plain[at]);
}
