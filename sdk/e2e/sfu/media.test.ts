/** Calls through the SFU: every codec, changes in mid-call, and nothing for the SFU to see. */
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

  /** Two who talk to each other in a room. */
  async function two(room: string, codec = "VP8"): Promise<void> {
    await page.evaluate(
      async ({ room, codec }) => {
        await window.sfu.talk({ room, id: `${room}-ada`, secret: "open sesame", codec });
        await window.sfu.talk({ room, id: `${room}-bob`, secret: "open sesame", codec });
      },
      { room, codec },
    );
  }

  const leave = (...ids: string[]): Promise<void> => page.evaluate((ids) => ids.forEach((id) => window.sfu.leave(id)), ids);

  for (const codec of name === "chromium" ? ["VP8", "VP9", "AV1", "H264"] : ["VP8", "VP9", "AV1"]) {
    test(`${codec} and Opus, both ways`, async () => {
      const room = `codec-${codec}`;
      await two(room, codec);
      for (const [from, to] of [["ada", "bob"], ["bob", "ada"]] as const) {
        const got = await page.evaluate(
          async ({ to, from }) => {
            const video = await window.sfu.decodes(to, from, 45);
            const audio = await window.sfu.until(async () => {
              const stream = await window.sfu.stream(to, from, "audio");
              return stream !== null && stream.passed > 50 && stream.samples > 48_000 ? stream : null;
            }, 10_000, "sound");
            return { video, audio };
          },
          { to: `${room}-${to}`, from: `${room}-${from}` },
        );
        assert.equal(got.video.state, "ok");
        assert.equal(got.video.codec?.toLowerCase(), `video/${codec.toLowerCase()}`);
        assert.ok(got.video.brightness > 30, `a dark picture: ${got.video.brightness}`);
        assert.ok(got.video.decoded >= 0.95 * got.video.received - 5, JSON.stringify(got.video));
        assert.ok(got.video.decoded <= got.video.passed, "the decoder has pictures that the worker did not open");
        assert.deepEqual(Object.keys(got.audio?.dropped ?? {}), []);
      }
      const { plaintext } = await rig.verdict(room, 100);
      assert.equal(plaintext, 0);
      await leave(`${room}-ada`, `${room}-bob`);
    });
  }

  test("three of them, one late", async () => {
    const room = "three";
    await two(room);
    await page.evaluate(() => window.sfu.decodes("three-bob", "three-ada", 30), null);
    await page.evaluate((room) => window.sfu.talk({ room, id: "three-cem", secret: "open sesame" }), room);
    await page.evaluate(async () => {
      for (const [to, from] of [["cem", "ada"], ["cem", "bob"], ["ada", "cem"], ["bob", "cem"], ["ada", "bob"]] as const) {
        await window.sfu.decodes(`three-${to}`, `three-${from}`, 20);
      }
    }, null);
    assert.equal((await rig.verdict(room, 100)).plaintext, 0);
    await leave("three-ada", "three-bob", "three-cem");
  });

  test("another camera, mute, and a shared screen", async () => {
    const room = "changes";
    await two(room);
    await page.evaluate(async () => {
      const { decodes, member, picture, stream, until } = window.sfu;
      const [ada, bob] = ["changes-ada", "changes-bob"];
      await decodes(bob, ada, 20);
      await member(ada).sender("video").replaceTrack(picture(320, 180));
      await decodes(bob, ada, 20);
      member(ada).mute("audio", true);
      member(ada).mute("video", true);
      await until(async () => (await stream(bob, ada, "audio"))?.state === "ok", 5000, "silence is sealed as well");
      member(ada).mute("audio", false);
      member(ada).mute("video", false);
      await decodes(bob, ada, 20);
      await member(ada).publish("screen-video", picture(1280, 720, 10), "video/VP8");
      await decodes(bob, ada, 10, 20_000, "screen-video");
      await member(ada).unpublish("screen-video");
      await until(async () => (await stream(bob, ada, "screen-video")) === null, 5000, "the screen is gone");
      await decodes(bob, ada, 20);
      // The m-line is used again.
      await member(ada).publish("screen-video", picture(1280, 720, 10), "video/VP8");
      await decodes(bob, ada, 10, 20_000, "screen-video");
    }, null);
    assert.equal((await rig.verdict(room, 150)).plaintext, 0);
    await leave("changes-ada", "changes-bob");
  });

  test("leaving and coming back, with a new page's keys and with the old ones", async () => {
    const room = "again";
    await two(room);
    const announcements = await page.evaluate(async () => {
      const { decodes, leave, member, picture, talk } = window.sfu;
      const [ada, bob] = ["again-ada", "again-bob"];
      await decodes(bob, ada, 20);
      const first = member(ada).e2ee.announcement;
      // As after a reload: the same name and secret.
      leave(ada);
      await talk({ room: "again", id: ada, secret: "open sesame" });
      await decodes(bob, ada, 20);
      const second = member(ada).e2ee.announcement;
      // As after the network was gone: the same keys go on.
      member(ada).disconnect();
      await member(ada).connect();
      await member(ada).publish("video", picture(), "video/VP8");
      await decodes(bob, ada, 20);
      await decodes(ada, bob, 20);
      return [first, second, member(ada).e2ee.announcement];
    }, null);
    assert.notEqual(announcements[0], announcements[1], "a page load seals under keys of its own");
    assert.equal(announcements[1], announcements[2]);
    assert.equal((await rig.verdict(room, 100)).plaintext, 0);
    await leave("again-ada", "again-bob");
  });

  test("silence under DTX", async () => {
    const room = "dtx";
    const got = await page.evaluate(async (room) => {
      const { join, member, sendsIn, silence, stream, tone, until } = window.sfu;
      const secret = "open sesame";
      await join({ room, id: "dtx-bob", secret });
      await join({ room, id: "dtx-ada", secret });
      member("dtx-ada").mendAnswer = (sdp) => sdp.replace(/useinbandfec=1/g, "useinbandfec=1;usedtx=1");
      await member("dtx-ada").publish("audio", silence());
      // An encoder makes nothing of digital silence; the microphone must come through all the same.
      await until(async () => ((await stream("dtx-bob", "dtx-ada", "audio"))?.passed ?? 0) > 0, 10_000, "sound");
      const quiet = await sendsIn("dtx-ada", "audio", 2000);
      await member("dtx-ada").sender("audio").replaceTrack(tone());
      const loud = await sendsIn("dtx-ada", "audio", 2000);
      return { quiet, loud, stream: await stream("dtx-bob", "dtx-ada", "audio") };
    }, room);
    // Of a hundred frames in two seconds, of which a machine that stands still leaves some out.
    assert.ok(got.quiet < 30, `${got.quiet} packets in two seconds of silence: no DTX`);
    // To Firefox's encoder a steady tone is as good as silence.
    if (name === "chromium") assert.ok(got.loud > 60, `${got.loud} packets in two seconds of sound`);
    assert.equal(got.stream?.state, "ok");
    assert.deepEqual(got.stream?.dropped, {});
    await leave("dtx-ada", "dtx-bob");
  });

  // Firefox does not offer it.
  test("sound with redundancy (RED)", { skip: name === "firefox" }, async () => {
    const room = "red";
    const got = await page.evaluate(async (room) => {
      const { join, member, stream, tone, until } = window.sfu;
      const secret = "open sesame";
      await join({ room, id: "red-bob", secret });
      await join({ room, id: "red-ada", secret });
      await member("red-ada").publish("audio", tone(), "audio/red");
      return until(async () => {
        const got = await stream("red-bob", "red-ada", "audio");
        return got !== null && got.passed > 100 && got.samples > 48_000 ? got : null;
      }, 15_000, "sound in RED");
    }, room);
    assert.equal(got?.codec ?? "audio/red", "audio/red");
    assert.deepEqual(got?.dropped, {});
    assert.equal((await rig.verdict(room, 0)).plaintext, 0);
    await leave("red-ada", "red-bob");
  });
});
