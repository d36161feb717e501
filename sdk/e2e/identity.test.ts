/** An identity that outlives calls: kept in IndexedDB, sealed under a key that no script can read. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { launch, type TestBrowser, type TestPage } from "./browsers.ts";
import { serve, type TestServer } from "./server.ts";

let server: TestServer;
before(async () => {
  server = await serve();
});
after(() => server.close());

const keep = (page: TestPage, profile: string) => page.evaluate((profile: string) => window.harness.identity.keep(profile), profile);

async function fresh(browser: TestBrowser, origin = server.page("identity")): Promise<TestPage> {
  return browser.open(origin);
}

for (const name of ["chromium", "firefox"] as const) describe(name, () => {
  test("an identity is there again after a reload, and nowhere in clear", async () => {
    const browser = await launch(name);
    try {
      let page = await fresh(browser);
      const first = await keep(page, "ada");
      assert.match(first.key, /^[0-9a-f]{64}$/);
      assert.equal(first.fresh, true);
      await page.close();
      page = await fresh(browser);
      assert.deepEqual(await keep(page, "ada"), { ...first, fresh: false }, "the same after a reload");
      const other = await keep(page, "bob");
      assert.notEqual(other.key, first.key, "another profile is another identity");

      for (const lies of await page.evaluate(() => window.harness.identity.look(), null)) {
        assert.deepEqual([...lies.fields].sort(), ["key", "sealed"]);
        assert.equal(lies.extractable, false);
        assert.match(lies.asked, /InvalidAccess/, "the key's bytes are for nobody");
        // version (1) | secret key (32) | when made (8) | none remembered (2)
        assert.equal(lies.plain.length, 2 * 43);
        assert.ok(lies.plain.startsWith("01"));
        const secret = lies.plain.slice(2, 66);
        for (let at = 0; at + 16 <= secret.length; at += 2) assert.ok(!lies.sealed.includes(secret.slice(at, at + 16)), "no part of the secret is in what is kept");
      }

      const elsewhere = await fresh(browser, server.page("identity").replace("127.0.0.1", "localhost"));
      const there = await keep(elsewhere, "ada");
      assert.deepEqual([there.fresh, there.key === first.key], [true, false], "another origin has another one");
      await elsewhere.close();

      await page.evaluate(() => window.harness.identity.remove("ada"), null);
      const anew = await keep(page, "ada");
      assert.deepEqual([anew.fresh, anew.key === first.key], [true, false], "who was forgotten begins anew");

      const words = await page.evaluate(() => window.harness.identity.damage("bob"), null);
      assert.match(words, /^E2eeError\(NotAuthentic\): what is kept for the profile "bob" does not open/);
      const raced = await page.evaluate(() => window.harness.identity.race("many"), null);
      assert.deepEqual(raced, { identities: 1, remembered: 4 }, "tabs do not overwrite one another");
      assert.deepEqual(await page.evaluate(() => window.harness.identity.stolen("many"), null), ["unverified", "refused", "unverified"]);
      const cleared = await page.evaluate(() => window.harness.identity.cleared("many"), null);
      assert.deepEqual(cleared.slice(0, 2), ["verified", "unverified"], "who was known is a stranger then, and nobody who must go");
      assert.match(cleared[2] ?? "", /^E2eeError\(BadOption\): the identity "many" was removed/);
    } finally {
      await browser.close();
    }
  });
});

test("who compared codes is known again in the next call", async () => {
  const browser = await launch("chromium");
  const meet = (page: TestPage, compare: boolean) => page.evaluate((order: { path: string; compare: boolean }) => window.harness.identity.meet(order), { path: "/wasm", compare });
  try {
    let page = await fresh(browser);
    const first = await meet(page, true);
    assert.deepEqual(first.trust, ["unverified", "unverified"]);
    assert.deepEqual(first.keys, [first.own[1], first.own[0]], "each sees the other's identity");
    await page.close();
    page = await fresh(browser);
    const second = await meet(page, false);
    assert.deepEqual(second.trust, ["verified", "verified"]);
    assert.deepEqual([second.keys, second.own], [first.keys, first.own]);
    assert.ok(second.callKeys.every((key) => !first.callKeys.includes(key)), "the keys of a call are its own");
    await page.evaluate(() => window.harness.identity.remove("bob"), null);
    const third = await meet(page, false);
    assert.equal(third.trust[0], "unverified", "a new identity is a stranger");
  } finally {
    await browser.close();
  }
});
