/** Keys in a running call: wrong and missing ones, late ones, rotation and ratchet, and what a sender does without its transform. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type { TestPage } from "../browsers.ts";
import { Rig } from "./sfu.ts";

for (const name of ["chromium", "firefox"] as const) describe(name, () => {
  let rig: Rig;
  let page: TestPage;
  before(async () => {
    rig = await Rig.start(name);
    page = await rig.page();
  });
  after(() => rig.close());

  test("a wrong key, then the right one", async () => {
    const got = await page.evaluate(async () => {
      const { decodes, join, member, stream, talk, until } = window.sfu;
      await talk({ room: "wrong", id: "w-ada", secret: "open sesame" });
      await join({ room: "wrong", id: "w-bob", secret: "open barley" });
      await until(async () => (await stream("w-bob", "w-ada"))?.state === "wrong-key", 10_000, "the state wrong-key");
      await new Promise((resolve) => setTimeout(resolve, 1500));
      const before = await stream("w-bob", "w-ada");
      const states = member("w-bob").states.filter(({ kind }) => kind === "video").length;
      await member("w-bob").e2ee.setRoomSecret("open sesame");
      const began = performance.now();
      const after = await decodes("w-bob", "w-ada", 1, 10_000);
      return { before, after, states, ms: performance.now() - began, events: member("w-bob").states.map(({ state, error }) => `${state} ${error ?? ""}`) };
    }, null);
    assert.equal(got.before?.decoded, 0, "nothing of a wrong key may reach the decoder");
    assert.equal(got.before?.passed, 0);
    assert.ok((got.before?.seen ?? 0) > 20);
    assert.equal(got.states, 1, `one edge, however many frames: ${got.events.join("; ")}`);
    assert.ok(got.events.includes("wrong-key Rejected"), got.events.join("; "));
    assert.equal(got.after.state, "ok");
    assert.ok(got.ms < 3000, `${got.ms} ms until a picture: no key frame was asked for`);
    await page.evaluate(() => ["w-ada", "w-bob"].forEach((id) => window.sfu.leave(id)), null);
  });

  test("no key, then one", async () => {
    const got = await page.evaluate(async () => {
      const { decodes, join, member, stream, talk, until } = window.sfu;
      await talk({ room: "none", id: "n-ada", secret: "open sesame" });
      await join({ room: "none", id: "n-bob" });
      await until(async () => (await stream("n-bob", "n-ada"))?.state === "no-key", 10_000, "the state no-key");
      const before = await stream("n-bob", "n-ada");
      await member("n-bob").e2ee.setRoomSecret("open sesame");
      return { before, after: await decodes("n-bob", "n-ada", 10, 10_000) };
    }, null);
    assert.equal(got.before?.decoded, 0);
    assert.deepEqual(Object.keys(got.before?.dropped ?? {}), ["UnknownKey"]);
    assert.equal(got.after.state, "ok");
    await page.evaluate(() => ["n-ada", "n-bob"].forEach((id) => window.sfu.leave(id)), null);
  });

  test("a sender without a key sends nothing until it has one", async () => {
    const got = await page.evaluate(async () => {
      const { decodes, join, member, stream, talk } = window.sfu;
      await join({ room: "mute", id: "m-bob", secret: "open sesame" });
      await talk({ room: "mute", id: "m-ada" });
      await new Promise((resolve) => setTimeout(resolve, 1500));
      const before = await stream("m-bob", "m-ada");
      const states = member("m-ada").states.map(({ state, direction }) => `${direction} ${state}`);
      await member("m-ada").e2ee.setRoomSecret("open sesame");
      return { before, states, after: await decodes("m-bob", "m-ada", 10, 15_000) };
    }, null);
    assert.equal(got.before?.seen ?? 0, 0, "the SFU was given frames");
    assert.ok(got.states.includes("send no-key"), got.states.join("; "));
    assert.equal(got.after.state, "ok");
    assert.equal((await rig.verdict("mute", 10)).plaintext, 0);
    await page.evaluate(() => ["m-ada", "m-bob"].forEach((id) => window.sfu.leave(id)), null);
  });

  test("rotation and ratchet while people talk", async () => {
    const got = await page.evaluate(async () => {
      const { decodes, member, stream, talk } = window.sfu;
      for (const id of ["r-ada", "r-bob"]) await talk({ room: "turn", id, secret: "open sesame" });
      await decodes("r-bob", "r-ada", 30);
      const before = [await stream("r-bob", "r-ada"), await stream("r-bob", "r-ada", "audio")];
      for (let n = 0; n < 6; n++) {
        await member("r-ada").e2ee.rotate();
        await decodes("r-bob", "r-ada", 8);
        await member("r-ada").e2ee.ratchet();
        await member("r-ada").e2ee.ratchet();
        await decodes("r-bob", "r-ada", 8);
      }
      const after = [await stream("r-bob", "r-ada"), await stream("r-bob", "r-ada", "audio")];
      return { before, after, states: member("r-bob").states.filter(({ direction }) => direction === "receive").map(({ state }) => state) };
    }, null);
    for (const [n, after] of got.after.entries()) {
      assert.deepEqual(after?.dropped, got.before[n]?.dropped, "every frame opened, whichever key it came under");
      assert.ok((after?.passed ?? 0) > (got.before[n]?.passed ?? 0) + 90);
    }
    assert.deepEqual([...new Set(got.states)], ["ok"]);
    assert.equal((await rig.verdict("turn", 100)).plaintext, 0);
    await page.evaluate(() => ["r-ada", "r-bob"].forEach((id) => window.sfu.leave(id)), null);
  });

  test("a transform that is taken away in a call stops the sender", async () => {
    const got = await page.evaluate(async () => {
      const { decodes, member, stopwatch, stream, talk, until } = window.sfu;
      for (const id of ["t-ada", "t-bob"]) await talk({ room: "torn", id, secret: "open sesame" });
      await decodes("t-bob", "t-ada", 30);
      const sender = member("t-ada").sender("video");
      const took = stopwatch();
      // The guard refuses this; a browser that loses a transform does not ask it.
      Object.getOwnPropertyDescriptor(RTCRtpSender.prototype, "transform")?.set?.call(sender, null);
      await until(() => member("t-ada").states.some(({ state, kind }) => state === "not-attached" && kind === "video"), 3000, "the state not-attached");
      const ms = took();
      const sent = await member("t-ada").sentFrames("video");
      const before = await stream("t-bob", "t-ada");
      await new Promise((resolve) => setTimeout(resolve, 1000));
      const after = await stream("t-bob", "t-ada");
      return { ms, more: (await member("t-ada").sentFrames("video")) - sent, before, after };
    }, null);
    assert.ok(got.ms < 500, `stopped after ${got.ms} ms`);
    assert.ok(got.more <= 1, `${got.more} frames sent afterwards`);
    assert.ok((got.after?.decoded ?? 0) <= (got.after?.passed ?? 0), "a frame that was not sealed was decoded");
    await page.evaluate(() => ["t-ada", "t-bob"].forEach((id) => window.sfu.leave(id)), null);
  });
});
