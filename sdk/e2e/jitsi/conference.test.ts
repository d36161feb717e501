/**
 * Calls in Frameseal's own format over a conference with lib-jitsi-meet's interface: an application's own key, and a session
 * whose members agree over the conference; every codec that the browser sends, through the SFU.
 */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type { TestPage } from "../browsers.ts";
import type {} from "../pages/conference.ts";
import type { ConferenceOrder } from "../pages/conference.ts";
import { Rig } from "../sfu/sfu.ts";

const KEY = Array.from({ length: 16 }, (_, n) => n);

for (const name of ["chromium", "firefox"] as const) describe(`a jitsi conference in ${name}`, () => {
  let rig: Rig;
  let ours: TestPage;
  let theirs: TestPage;
  before(async () => {
    rig = await Rig.start(name, "conference");
    ours = await rig.page();
    // In Firefox one page, as those in the background paint no picture.
    theirs = name === "firefox" ? ours : await rig.page();
  });
  after(() => rig.close());

  const talk = (page: TestPage, order: ConferenceOrder): Promise<void> => page.evaluate((order) => window.conference.talk(order), order);
  const decodes = (page: TestPage, id: string, of: string, more = 20) =>
    page.evaluate(({ id, of, more }) => window.conference.decodes(id, of, more), { id, of, more });
  const decodedIn = (page: TestPage, id: string, of: string, ms = 1000) =>
    page.evaluate(({ id, of, ms }) => window.conference.decodedIn(id, of, ms), { id, of, ms });
  const codec = (page: TestPage, id: string, of: string): Promise<string> => page.evaluate(({ id, of }) => window.conference.codec(id, of), { id, of });
  const session = (page: TestPage, id: string) => page.evaluate((id) => window.conference.session(id), id);
  const leave = (page: TestPage, id: string): Promise<void> => page.evaluate((id) => window.conference.leave(id), id);
  const agreed = async (members: number, ...who: [TestPage, string][]): Promise<Awaited<ReturnType<typeof session>>[]> => {
    const end = Date.now() + 30_000;
    for (;;) {
      const all = await Promise.all(who.map(([page, id]) => session(page, id)));
      if (new Set(all.map(({ code }) => code)).size === 1 && all.every((one) => one.members.length === members)) return all;
      if (Date.now() > end) throw new Error(`they do not agree: ${JSON.stringify(all)}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  };

  const codecs = name === "chromium" ? ["VP8", "VP9", "AV1", "H264"] : ["VP8", "VP9", "AV1"];
  for (const wanted of codecs) {
    test(`members agree over the conference, and ${wanted} and Opus go both ways, of which the SFU reads nothing`, async () => {
      const room = `mls-${wanted}`;
      const [ada, bob] = [`${room}-ada`, `${room}-bob`];
      await talk(ours, { room, id: ada, by: "script", codec: wanted });
      await talk(theirs, { room, id: bob, by: "script", codec: wanted });
      await decodes(ours, ada, bob);
      const { video } = await decodes(theirs, bob, ada);
      assert.ok(video.brightness > 30, `a dark picture: ${video.brightness}`);
      assert.equal((await codec(ours, ada, bob)).toLowerCase(), `video/${wanted.toLowerCase()}`);
      const [one] = await agreed(2, [ours, ada], [theirs, bob]);
      assert.match(one?.code ?? "", /^(\d{5} ?){6}$/);
      const verdict = await rig.verdict(room, 60);
      assert.equal(verdict.plaintext, 0, JSON.stringify(verdict));
      await leave(ours, ada);
      await leave(theirs, bob);
    });
  }

  test("who comes opens what is sent from then on, and who is removed opens nothing more", async () => {
    const room = "mls-members";
    const [ada, bob, eve] = [`${room}-ada`, `${room}-bob`, `${room}-eve`];
    await talk(ours, { room, id: ada, by: "script", codec: "VP8" });
    await talk(theirs, { room, id: bob, by: "script", codec: "VP8" });
    await decodes(theirs, bob, ada);
    await talk(theirs, { room, id: eve, by: "script", codec: "VP8" });
    await decodes(theirs, eve, ada);
    await decodes(ours, ada, eve);
    assert.equal((await rig.verdict(room, 60)).plaintext, 0, "the SFU reads nothing");
    await agreed(3, [ours, ada], [theirs, bob], [theirs, eve]);
    await ours.evaluate(({ ada, eve }) => window.conference.remove(ada, eve), { ada, eve });
    await agreed(2, [ours, ada], [theirs, bob]);
    await decodes(theirs, bob, ada);
    const before = await theirs.evaluate(({ eve, ada }) => window.conference.packets(eve, ada), { eve, ada });
    assert.equal((await decodedIn(theirs, eve, ada)).pictures, 0);
    assert.ok((await theirs.evaluate(({ eve, ada }) => window.conference.packets(eve, ada), { eve, ada })) > before, "packets come as before");
    assert.equal((await decodedIn(ours, ada, eve)).pictures, 0, "who is out sends nothing");
    assert.equal((await session(theirs, eve)).state, "removed");
    // Who leaves the conference is out of the group.
    await leave(theirs, bob);
    await agreed(1, [ours, ada]);
    await leave(ours, ada);
    await leave(theirs, eve);
  });

  const ways = name === "chromium" ? (["script", "streams"] as const) : (["script"] as const);
  for (const by of ways) {
    test(`an application's own key that cannot be exported, by ${by}: who comes again under its id, another key, and who has none`, async () => {
      const room = `key-${by}`;
      const [ada, bob, eve] = [`${room}-ada`, `${room}-bob`, `${room}-eve`];
      await talk(ours, { room, id: ada, by, codec: "VP8", key: KEY });
      await talk(theirs, { room, id: bob, by, codec: "VP8", key: KEY });
      await talk(theirs, { room, id: eve, by, codec: "VP8", key: KEY.map((byte) => byte + 1) });
      for (const [page, to, from] of [[ours, ada, bob], [theirs, bob, ada]] as const) await decodes(page, to, from);
      assert.equal((await decodedIn(theirs, eve, ada)).pictures, 0);
      // The same id, key and index, and a worker whose counters begin at 0.
      await leave(ours, ada);
      await talk(ours, { room, id: ada, by, codec: "VP8", key: KEY });
      for (const [page, to, from] of [[ours, ada, bob], [theirs, bob, ada]] as const) await decodes(page, to, from);
      for (const [page, id] of [[ours, ada], [theirs, bob]] as const) {
        await page.evaluate(({ id, key }) => window.conference.rekey([id], key, 1), { id, key: [...KEY].reverse() });
      }
      for (const [page, to, from] of [[ours, ada, bob], [theirs, bob, ada]] as const) await decodes(page, to, from);
      assert.equal((await rig.verdict(room, 60)).plaintext, 0);
      await leave(ours, ada);
      await leave(theirs, bob);
      await leave(theirs, eve);
    });
  }
});
