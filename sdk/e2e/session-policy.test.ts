/** Sessions under a page's policy. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { launch } from "./browsers.ts";
import { serve, type TestServer } from "./server.ts";

let server: TestServer;
before(async () => {
  server = await serve();
});
after(() => server.close());

for (const name of ["chromium", "firefox"] as const) {
  test(`sessions in ${name} say what they need`, async () => {
    const browser = await launch(name);
    const ask = async (policy: "wasm" | "no-wasm") => {
      const page = await browser.open(server.page("session", policy));
      return page.evaluate((order: { path: string }) => window.harness.session(order), { path: `/${policy}` });
    };
    try {
      const [state, wasm, webcrypto, another, keys] = await ask("wasm");
      assert.equal(state, "connecting");
      assert.match(wasm ?? "", /^wasm connecting E2eeError\(BadOption\): .*the keys of this call come from its session/);
      assert.match(webcrypto ?? "", /^E2eeError\(BadOption\): could not start: a session needs WebAssembly/);
      assert.match(another ?? "", /^E2eeError\(BadOption\): session: it is of p in r, not of p in another/);
      assert.match(keys ?? "", /^E2eeError\(BadOption\): keys: they come from the session/);
      const [refused] = await ask("no-wasm");
      assert.match(refused ?? "", /^E2eeError\(WasmFailed\): the session could not start: the session module did not load: CompileError/);
      // Its module is another file, beside the worker as the usual one.
      const page = await browser.open(server.page("session"));
      const { trust } = await page.evaluate(() => window.harness.identity.meet({ path: "/wasm", compare: false, agreement: "mlkem768-x25519-draft" }), null);
      assert.deepEqual(trust, ["unverified", "unverified"], "two met in a room of the post-quantum draft");
    } finally {
      await browser.close();
    }
  });
}
