/** An SFU that does what it should not. Nothing that it made up reaches a decoder, and the call goes on. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type { TestPage } from "../browsers.ts";
import { type Mode, Rig } from "./sfu.ts";

/**
 * Why frames are refused that do not come from where they claim to, or are not as they were. Whatever names a counter
 * that was seen already is a repeat before it is anything else: that is asked before the cipher is.
 */
const REFUSED: Readonly<Record<Exclude<Mode, "none">, readonly string[]>> = {
  replay: ["Replayed", "TooOld"],
  duplicate: ["Replayed"],
  truncate: ["Rejected", "TooShort", "Layout", "Header"],
  flip: ["Rejected"],
  swap: ["Rejected", "Replayed", "TooOld"],
  "swap-kind": ["Rejected", "Replayed", "TooOld"],
  inject: ["Rejected", "Replayed", "Layout", "Header", "TooShort", "UnknownVersion", "WrongCodec", "UnknownKey", "TooFar"],
  clear: ["Plaintext", "Layout", "Header", "TooShort", "UnknownVersion", "WrongCodec"],
};
/** What says nothing about a frame but that it was seen before; browsers do it too. */
const REPEATS = new Set(["Replayed", "TooOld"]);

for (const name of ["chromium", "firefox"] as const) describe(name, () => {
  let rig: Rig;
  let page: TestPage;
  before(async () => {
    rig = await Rig.start(name);
    page = await rig.page();
    await page.evaluate(async () => {
      const { decodes, member, picture, talk } = window.sfu;
      for (const id of ["ada", "bob"]) await talk({ room: "enemy", id, secret: "open sesame" });
      // Something of the same codec from the same sender, for the SFU to confuse.
      await member("ada").publish("screen-video", picture(), "video/VP8");
      await decodes("bob", "ada", 30);
      await decodes("bob", "ada", 10, 20_000, "screen-video");
      await decodes("ada", "bob", 10);
    }, null);
  });
  after(() => rig.close());

  for (const [mode, reasons] of Object.entries(REFUSED) as [Exclude<Mode, "none">, readonly string[]][]) {
    test(mode, async () => {
      const before = await page.evaluate(() => window.sfu.stream("bob", "ada"), null);
      const told = await page.evaluate(() => window.sfu.member("bob").errors.length, null);
      // Only frames of pictures: each is several packets, with parts that stay clear.
      await rig.hostile(mode, { every: 12, of: "ada", kind: "video" });
      const began = Date.now();
      const done = await rig.done(12);
      // Honest frames between them still come through.
      await page.evaluate(() => window.sfu.decodes("bob", "ada", 30), null);
      await rig.hostile("none");
      const seconds = (Date.now() - began) / 1000;
      const after = await page.evaluate(() => window.sfu.decodes("bob", "ada", 15), null);
      const dropped = Object.fromEntries(
        Object.entries(after.dropped).map(([name, n]) => [name, n - (before?.dropped[name] ?? 0)] as const).filter(([, n]) => n > 0),
      );
      const expected = Object.entries(dropped).filter(([name]) => reasons.includes(name)).reduce((sum, [, n]) => sum + n, 0);
      const unexpected = Object.keys(dropped).filter((name) => !reasons.includes(name) && !REPEATS.has(name));
      assert.deepEqual(unexpected, [], `${mode}: ${JSON.stringify(dropped)}`);
      // Packets may get lost on the way, and a browser gives up frames behind a gap.
      assert.ok(expected >= done / 3, `${mode}: ${done} times, but ${JSON.stringify(dropped)}`);
      assert.ok(after.decoded <= after.passed, `${mode}: decoded ${after.decoded}, opened ${after.passed}`);
      assert.equal(after.state, "ok", mode);
      // Levels: once a second for each reason, however many frames.
      const errors = await page.evaluate((from) => window.sfu.member("bob").errors.slice(from).filter(({ kind }) => kind === "video"), told);
      assert.ok(errors.length <= (seconds + 2) * reasons.length, `${errors.length} errors in ${seconds} s`);
      for (const error of errors) assert.deepEqual([error.participant, error.direction], ["ada", "receive"], error.message);
    });
  }

  test("nothing but repeats is a replay", async () => {
    await page.evaluate(() => window.sfu.decodes("bob", "ada", 15), null);
    // Every frame twice, and then the sender falls silent: what comes is old.
    await rig.hostile("duplicate", { every: 1, of: "ada", kind: "audio" });
    await rig.done(50);
    await rig.hostile("none");
    const got = await page.evaluate(() => window.sfu.stream("bob", "ada", "audio"), null);
    assert.ok((got?.dropped["Replayed"] ?? 0) >= 20, JSON.stringify(got?.dropped));
    assert.equal(got?.state, "ok", "repeats among good frames are no alarm");
  });

  test("the SFU saw nothing", async () => {
    assert.equal((await rig.verdict("enemy", 300)).plaintext, 0);
  });
});
