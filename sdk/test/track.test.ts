/** States are edges, failures are levels, and an exception costs one frame. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Code } from "../src/codes.ts";
import { CODE } from "../src/errors.ts";
import type { TrackSetup } from "../src/protocol.ts";
import type { EncodedFrame, Lane, Status } from "../src/worker/engine.ts";
import { Track } from "../src/worker/track.ts";

const SETUP: TrackSetup = { track: 1, direction: "receive", kind: "audio", participant: "ada" };

function rig(answers: (Status | Error)[]) {
  const told: string[] = [];
  const lane: Lane = {
    run: () => {
      const next = answers.shift() ?? 0;
      if (next instanceof Error) throw next;
      return next;
    },
    bind: () => undefined,
    close: () => undefined,
  };
  const track = new Track(SETUP, lane, {
    state: (_, state, previous) => void told.push(`${previous}>${state}`),
    level: (_, code, count) => void told.push(`${code} x${count}`),
    flowing: () => void told.push("flowing"),
    keyFrame: () => void told.push("key frame"),
  });
  const frame: EncodedFrame = { data: new ArrayBuffer(9), getMetadata: () => ({}) };
  return { track, told, run: () => track.process(frame) };
}

test("one failure and one recovery are told, however many frames fail", () => {
  const { track, told, run } = rig([0, ...Array<Status>(50).fill(-CODE.Rejected), 0, 0]);
  for (let n = 0; n < 53; n++) run();
  assert.deepEqual(told, ["flowing", "new>ok", "ok>wrong-key", "wrong-key>ok"]);
  track.pulse(true);
  assert.deepEqual(told.slice(4), ["130 x50"]);
  track.pulse(true);
  assert.equal(told.length, 5, "nothing new to tell");
});

test("a single bad frame among good ones is no state", () => {
  const { told, run } = rig([0, -CODE.Rejected, 0, -CODE.Layout, 0]);
  for (let n = 0; n < 5; n++) run();
  assert.deepEqual(told, ["flowing", "new>ok"]);
});

test("repeats are dropped quietly", () => {
  const { track, told, run } = rig([0, -CODE.Replayed, -CODE.Replayed, 0]);
  assert.deepEqual([run(), run(), run(), run()], [true, false, false, true]);
  assert.deepEqual(told, ["flowing", "new>ok"]);
  assert.deepEqual(track.figures().dropped, { [CODE.Replayed]: 2 });
});

test("nothing but repeats for a second is a replay", () => {
  const { track, told, run } = rig([0, ...Array<Status>(10).fill(-CODE.Replayed)]);
  run();
  track.pulse(false);
  for (let n = 0; n < 6; n++) {
    run();
    track.pulse(false);
  }
  assert.equal(told.at(-1), "ok>replay");
});

test("an exception costs one frame", () => {
  const { track, run } = rig([0, new Error("broken"), 0]);
  assert.deepEqual([run(), run(), run()], [true, false, true]);
  assert.equal(track.tally().seen, 3);
  assert.equal(track.tally().passed, 2);
});

test("a sender that does not encrypt is told from one whose frames are damaged", () => {
  const noise = [-Code.UnknownVersion, -Code.WrongCodec, -Code.Layout, -Code.Header];
  const { told, run } = rig(Array.from({ length: 40 }, (_, n) => noise[n % noise.length] ?? 0));
  for (let n = 0; n < 24; n++) run();
  assert.deepEqual(told, ["flowing", "new>malformed"]);
  for (let n = 0; n < 16; n++) run();
  assert.deepEqual(told, ["flowing", "new>malformed", "malformed>plaintext"]);
});

test("one frame that is built like a sealed one starts the count anew", () => {
  const answers = Array.from({ length: 60 }, (_, n) => (n % 20 === 19 ? -Code.UnknownKey : -Code.Layout));
  const { told, run } = rig(answers);
  for (let n = 0; n < 60; n++) run();
  assert.deepEqual(told, ["flowing", "new>malformed"]);
});

test("who announced a newer version is not called malformed", () => {
  const { track, told, run } = rig([-Code.UnknownKey, ...Array<Status>(40).fill(-Code.Layout)]);
  track.announcedNewer(true);
  for (let n = 0; n < 41; n++) run();
  assert.deepEqual(told, ["flowing", "new>unknown-version"]);
});
