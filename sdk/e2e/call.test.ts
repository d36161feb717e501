/** Two peers, each with its own worker: what one seals, the other shows. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { type BrowserName, launch, type TestBrowser } from "./browsers.ts";
import { serve, type TestServer } from "./server.ts";

const CODECS: Readonly<Record<BrowserName, readonly string[]>> = {
  chromium: ["video/VP8", "video/VP9", "video/AV1", "video/H264"],
  firefox: ["video/VP8", "video/VP9", "video/AV1"],
};

let server: TestServer;
before(async () => {
  server = await serve();
});
after(() => server.close());

for (const name of ["chromium", "firefox"] as const) {
  test(`calls in ${name}`, async (t) => {
    const browser: TestBrowser = await launch(name);
    const run = async (policy: "wasm" | "no-wasm", codec: string) => {
      const page = await browser.open(server.page("call", policy));
      try {
        const urls = { workerUrl: `/${policy}/dist/worker.js` };
        return await page.evaluate(
          (options: { codec: string; workerUrl: string }) =>
            window.harness.call({ seconds: 2, codec: options.codec, a: { workerUrl: options.workerUrl }, b: { workerUrl: options.workerUrl } }),
          { codec, ...urls },
        );
      } finally {
        await page.close();
      }
    };
    try {
      for (const codec of CODECS[name]) {
        await t.test(`${codec} and Opus decode`, async () => {
          const got = await run("wasm", codec);
          const { framesReceived, framesDecoded } = got.received;
          assert.ok(framesDecoded >= 0.95 * framesReceived - 3, JSON.stringify(got.received));
          assert.ok(got.brightness > 30, `a dark picture: ${got.brightness}`);
          assert.equal(got.a.engine, "wasm");
          assert.ok(got.states.some((line) => line.includes("receive video") && line.endsWith("ok")), got.states.join("; "));
          assert.ok(got.states.some((line) => line.includes("receive audio") && line.endsWith("ok")), got.states.join("; "));
          assert.ok(!JSON.stringify([got.a, got.b]).includes("sesame"), "a secret in a report");
        });
      }
      await t.test("where the policy refuses WebAssembly, WebCrypto alone does it", async () => {
        const got = await run("no-wasm", "video/VP8");
        assert.equal(got.a.engine, "webcrypto");
        assert.ok(got.received.framesDecoded > 10, JSON.stringify(got.received));
      });
    } finally {
      await browser.close();
    }
  });
}
