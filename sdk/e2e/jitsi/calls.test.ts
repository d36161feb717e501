/**
 * Real media through the SFU with lib-jitsi-meet's way of attaching: ours to ours, and ours opposite a participant of
 * the field, played with WebCrypto, in both directions.
 */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type { TestPage } from "../browsers.ts";
import type {} from "../pages/jitsi.ts";
import type { JitsiOrder } from "../pages/jitsi-member.ts";
import { ratcheted } from "../pages/jitsi-stock.ts";
import { Rig } from "../sfu/sfu.ts";

type Kind = JitsiOrder["worker"];
type By = JitsiOrder["by"];

for (const name of ["chromium", "firefox"] as const) describe(`jitsi in ${name}`, () => {
  let rig: Rig;
  let page: TestPage;
  before(async () => {
    rig = await Rig.start(name, "jitsi");
    page = await rig.page();
  });
  after(() => rig.close());

  const talk = (order: JitsiOrder, strangers: string[] = []): Promise<void> =>
    page.evaluate(({ order, strangers }) => window.jitsi.talk(order, strangers), { order, strangers });
  const decodes = (id: string, of: string, more = 25) =>
    page.evaluate(({ id, of, more }) => window.jitsi.decodes(id, of, more), { id, of, more });
  const decodedIn = (id: string, of: string, ms: number) =>
    page.evaluate(({ id, of, ms }) => window.jitsi.decodedIn(id, of, ms), { id, of, ms });
  const leave = (...ids: string[]): Promise<void> => page.evaluate((ids) => ids.forEach((id) => window.jitsi.leave(id)), ids);

  // Firefox has script transforms alone.
  const ways: readonly By[] = name === "chromium" ? ["script", "streams"] : ["script"];
  for (const by of ways) {
    for (const [one, other] of [["frameseal", "frameseal"], ["frameseal", "stock"]] as const satisfies readonly (readonly [Kind, Kind])[]) {
      test(`VP8 and Opus both ways, ${one} and ${other}, by ${by}`, async () => {
        const room = `${one}-${other}-${by}`;
        const [ada, bob, eve] = [`${room}-ada`, `${room}-bob`, `${room}-eve`];
        await talk({ room, id: ada, worker: one, by });
        await talk({ room, id: bob, worker: other, by });
        for (const [to, from] of [[ada, bob], [bob, ada]] as const) {
          const { video } = await decodes(to, from);
          assert.ok(video.brightness > 30, `a dark picture: ${video.brightness}`);
        }
        // Who has no key sees and hears nothing, so nothing was in clear.
        await talk({ room, id: eve, worker: "frameseal", by }, [ada, bob]);
        await page.evaluate(({ eve, ada }) => window.jitsi.until(async () => ((await window.jitsi.member(eve).stream(ada, "video"))?.packets ?? 0) > 20, 10_000, "packets for eve"), { eve, ada });
        const seen = await decodedIn(eve, ada, 1000);
        assert.equal(seen.pictures, 0);
        assert.ok(seen.samples <= 4800, `${seen.samples} samples`);
        await leave(ada, bob, eve);
      });
    }
  }

  test("one key for all that cannot be exported", async () => {
    const room = "shared";
    await talk({ room, id: "shared-ada", worker: "frameseal", by: "script", shared: true });
    await talk({ room, id: "shared-bob", worker: "frameseal", by: "script", shared: true });
    for (const [to, from] of [["shared-ada", "shared-bob"], ["shared-bob", "shared-ada"]] as const) await decodes(to, from, 12);
    await leave("shared-ada", "shared-bob");
  });

  test("a step, three steps at once and a new key are followed, by ours and by the field's", async () => {
    const room = "keys";
    const [ada, bob, cem] = ["keys-ada", "keys-bob", "keys-cem"];
    await talk({ room, id: ada, worker: "frameseal", by: "script" });
    await talk({ room, id: bob, worker: "stock", by: "script" });
    await talk({ room, id: cem, worker: "frameseal", by: "script" });
    const all = [[ada, bob], [bob, ada], [cem, ada], [cem, bob]] as const;
    for (const [to, from] of all) await decodes(to, from, 12);
    for (const steps of [1, 3]) {
      for (const id of [ada, bob]) {
        let key = Uint8Array.from(await page.evaluate((id) => window.jitsi.keyOf(id), id));
        for (let n = 0; n < steps; n++) key = await ratcheted(key);
        await page.evaluate(({ id, next }) => window.jitsi.ratchet(id, next), { id, next: [...key] });
      }
      for (const [to, from] of all) await decodes(to, from, 12);
    }
    // Cem is left out of the next one, as who has left would be.
    for (const [id, other] of [[ada, bob], [bob, ada]] as const) {
      await page.evaluate(({ id, other }) => window.jitsi.rotate(id, [other]), { id, other });
    }
    for (const [to, from] of [[ada, bob], [bob, ada]] as const) await decodes(to, from, 12);
    for (const from of [ada, bob]) {
      await decodedIn(cem, from, 500);
      assert.equal((await decodedIn(cem, from, 1000)).pictures, 0);
    }
    await leave(ada, bob, cem);
  });
});
