/**
 * Before a call uses the media module, frames go through it that nobody sees. They must come back as they were, and a
 * damaged one must not: a module or a processor that gets this wrong is refused. And the browser compiles what they
 * run through, so that the first seconds of a call do not pay for it.
 */
import { KIND_NUMBER } from "../kinds.ts";
import { RULE } from "./codec.ts";
import { addressOf, Ask, lengthOf, MediaModule } from "./module.ts";

const ROUNDS = 240;
/** Bytes of an audio frame, and of a small video frame, which is many blocks. */
const LENGTHS = [80, 80, 80, 500];

/** Throws when `module` does not give back what it sealed, or gives what it must not. */
export function rehearse(module: WebAssembly.Module, suite: number): void {
  const media = new MediaModule(module, { call: "rehearsal", participant: "me", suite, padding: false });
  media.setRoomSecret(crypto.getRandomValues(new Uint8Array(32)));
  const me = media.addParticipant("me", media.announcement());
  const lanes = [0, me].map((person) => media.ask(Ask.Lane, KIND_NUMBER.audio, person));
  const places = lanes.map((lane) => addressOf(media.ask(Ask.Reserve, lane, 1024)));
  /** Puts a frame through a lane; `null` when it was refused. */
  const pass = (which: 0 | 1, frame: Uint8Array): Uint8Array | null => {
    media.bytes().set(frame, places[which]);
    const result = media.ask(which === 0 ? Ask.Seal : Ask.Open, lanes[which], RULE.opaque, frame.length);
    return result < 0 ? null : media.bytes().slice(addressOf(result), addressOf(result) + lengthOf(result));
  };
  for (let round = 0; round < ROUNDS; round++) {
    const plain = new Uint8Array(LENGTHS[round % LENGTHS.length] ?? 0).fill(round);
    const sealed = pass(0, plain);
    const damaged = round % 8 === 7;
    if (damaged) sealed?.subarray(20, 21).forEach((byte, at, bytes) => (bytes[at] = byte ^ 1));
    const opened = sealed === null || same(sealed, plain) ? null : pass(1, sealed);
    if (damaged ? opened !== null || sealed === null : opened === null || !same(opened, plain)) {
      throw new Error("it failed its self-test");
    }
  }
}

function same(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, at) => byte === b[at]);
}
