/** Calls whose keys come from a session: the members agree over the relay, and the SFU sees ciphertext only. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { Relay } from "../../test/relay.ts";
import type { TestPage } from "../browsers.ts";
import { Rig } from "./sfu.ts";

for (const name of ["chromium", "firefox"] as const) describe(name, () => {
  let rig: Rig;
  let relay: Relay;
  let ours: TestPage;
  let theirs: TestPage;
  before(async () => {
    rig = await Rig.start(name);
    relay = await Relay.start();
    ours = await rig.page();
    // Two pages, so that nothing but network and relay is between the members; in Firefox one, as its pages in the
    // background paint no picture.
    theirs = name === "firefox" ? ours : await rig.page();
  });
  after(async () => {
    await rig.close();
    await relay.close();
  });
  const talk = (page: TestPage, room: string, id: string) =>
    page.evaluate((order: { room: string; id: string; log: string }) => window.sfu.talk(order), { room, id, log: relay.url(room) });
  const decodes = (page: TestPage, id: string, of: string, more: number) =>
    page.evaluate((order: { id: string; of: string; more: number }) => window.sfu.decodes(order.id, order.of, order.more, 30_000), { id, of, more });
  const session = (page: TestPage, id: string) =>
    page.evaluate((id: string) => {
      const { session, told, errors } = window.sfu.member(id);
      const { state, epoch, code, members } = session as NonNullable<typeof session>;
      return { state, epoch, code, told, errors: errors.map(({ message }) => message), members: members.map(({ participant, name, heard, self, trust }) => ({ participant, name, heard, self, trust })) };
    }, id);
  const agreed = async (members: number, ...who: [TestPage, string][]): Promise<Awaited<ReturnType<typeof session>>[]> => {
    const end = Date.now() + 20_000;
    for (;;) {
      const all = await Promise.all(who.map(([page, id]) => session(page, id)));
      // Each of them: a page hears of members a moment before it hears the code.
      if (new Set(all.map(({ code }) => code)).size === 1 && all.every((one) => one.members.length === members)) return all;
      if (Date.now() > end) throw new Error(`they do not agree: ${JSON.stringify(all)}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  };

  test("two pages agree on keys; a third joins, and is removed", async () => {
    await talk(ours, "council", "s-ada");
    await talk(theirs, "council", "s-bob");
    await decodes(ours, "s-ada", "s-bob", 10);
    await decodes(theirs, "s-bob", "s-ada", 10);
    const [ada] = await agreed(2, [ours, "s-ada"], [theirs, "s-bob"]);
    assert.match(ada?.code ?? "", /^(\d{5} ?){6}$/);
    assert.deepEqual(ada?.members.find(({ self }) => !self), { participant: "s-bob", name: "s-bob's name", heard: true, self: false, trust: "unverified" });
    const report = await ours.evaluate(async () => (await window.sfu.member("s-ada").report()).keys as { sender: { generation: number } }, null);
    assert.equal(report.sender.generation, ada?.epoch, "what is sent is sealed with the epoch's keys");

    await talk(theirs, "council", "s-eve");
    await decodes(theirs, "s-eve", "s-ada", 10);
    await decodes(ours, "s-ada", "s-eve", 10);
    await agreed(3, [ours, "s-ada"], [theirs, "s-bob"], [theirs, "s-eve"]);

    await ours.evaluate(async () => {
      const { session } = window.sfu.member("s-ada");
      const eve = session?.members.find(({ participant }) => participant === "s-eve");
      if (eve !== undefined) await session?.remove(eve);
    }, null);
    const [, bob] = await agreed(2, [ours, "s-ada"], [theirs, "s-bob"]);
    assert.ok(bob?.told.includes("went"), bob?.told.join("; "));
    await decodes(theirs, "s-bob", "s-ada", 20);
    await new Promise((resolve) => setTimeout(resolve, 500));
    const before = await theirs.evaluate(() => window.sfu.stream("s-eve", "s-ada"), null);
    await new Promise((resolve) => setTimeout(resolve, 1500));
    const after = await theirs.evaluate(() => window.sfu.stream("s-eve", "s-ada"), null);
    assert.ok((after?.seen ?? 0) > (before?.seen ?? 0) + 10, "frames come as before");
    assert.equal(after?.passed, before?.passed, "and none of them opens");
    assert.equal((await session(theirs, "s-eve")).state, "removed");
    const sent = () =>
      theirs.evaluate(async () => (await window.sfu.member("s-eve").report()).tracks.filter(({ direction }) => direction === "send").map(({ seen, passed }) => ({ seen, passed })), null);
    const first = await sent();
    await new Promise((resolve) => setTimeout(resolve, 1000));
    const second = await sent();
    assert.ok(second.some(({ seen }, n) => seen > (first[n]?.seen ?? 0)), "who was removed goes on encoding");
    assert.deepEqual(second.map(({ passed }) => passed), first.map(({ passed }) => passed), "and none of it leaves the page");
    const verdict = await rig.verdict("council", 200);
    assert.equal(verdict.plaintext, 0, "the SFU saw ciphertext only");
    for (const [page, id] of [[ours, "s-ada"], [theirs, "s-bob"], [theirs, "s-eve"]] as const) await page.evaluate((id: string) => window.sfu.leave(id), id);
  });

  test("keys rotate while people talk, and no frame is lost", async () => {
    await talk(ours, "turning", "t-ada");
    await talk(theirs, "turning", "t-bob");
    await decodes(ours, "t-ada", "t-bob", 30);
    await decodes(theirs, "t-bob", "t-ada", 30);
    const [start] = await agreed(2, [ours, "t-ada"], [theirs, "t-bob"]);
    const look = () => theirs.evaluate(async () => [await window.sfu.stream("t-bob", "t-ada"), await window.sfu.stream("t-bob", "t-ada", "audio")], null);
    const before = await look();
    for (let round = 0; round < 4; round++) {
      await ours.evaluate(() => window.sfu.member("t-ada").session?.rotate(), null);
      await decodes(theirs, "t-bob", "t-ada", 25);
    }
    const after = await look();
    const [end] = await agreed(2, [ours, "t-ada"], [theirs, "t-bob"]);
    assert.ok((end?.epoch ?? 0) >= (start?.epoch ?? 0) + 4, `from epoch ${start?.epoch} to ${end?.epoch}`);
    for (const [n, stream] of after.entries()) {
      assert.deepEqual(stream?.dropped, before[n]?.dropped, "every frame opened, whichever key it came under");
      assert.ok((stream?.passed ?? 0) > (before[n]?.passed ?? 0) + 90);
    }
    for (const [page, id] of [[ours, "t-ada"], [theirs, "t-bob"]] as const) await page.evaluate((id: string) => window.sfu.leave(id), id);
  });

  test("the relay is restarted in a call: media goes on, and so does the group", async () => {
    await talk(ours, "restart", "r-ada");
    await talk(theirs, "restart", "r-bob");
    await decodes(theirs, "r-bob", "r-ada", 10);
    const [before] = await agreed(2, [ours, "r-ada"], [theirs, "r-bob"]);
    await relay.down();
    await decodes(theirs, "r-bob", "r-ada", 40);
    assert.ok((await session(ours, "r-ada")).told.includes("disconnected"));
    await relay.up();
    await ours.evaluate(() => window.sfu.member("r-ada").session?.rotate(), null);
    const end = Date.now() + 30_000;
    while ((await session(theirs, "r-bob")).epoch <= (before?.epoch ?? 0)) {
      if (Date.now() > end) throw new Error(JSON.stringify([await session(ours, "r-ada"), await session(theirs, "r-bob")]));
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    await agreed(2, [ours, "r-ada"], [theirs, "r-bob"]);
    await decodes(theirs, "r-bob", "r-ada", 20);
    await talk(theirs, "restart", "r-carol");
    await decodes(theirs, "r-carol", "r-ada", 10);
    for (const [page, id] of [[ours, "r-ada"], [theirs, "r-bob"], [theirs, "r-carol"]] as const) await page.evaluate((id: string) => window.sfu.leave(id), id);
  });

  test("a page that goes away is out of the group", async () => {
    await talk(ours, "gone", "g-ada");
    await talk(theirs, "gone", "g-bob");
    await decodes(ours, "g-ada", "g-bob", 5);
    await agreed(2, [ours, "g-ada"], [theirs, "g-bob"]);
    await theirs.evaluate(() => window.sfu.leave("g-bob"), null);
    await agreed(1, [ours, "g-ada"]);
    await ours.evaluate(() => window.sfu.leave("g-ada"), null);
  });
});
