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
      for (const [what, codec, announcement, state] of [
        ["who announced nothing", "video/VP8", null, "plaintext"],
        ["who announced to encrypt", "video/VP9", `fs1-0004-${"5a".repeat(16)}`, "plaintext"],
        ["of a newer version", "video/VP8", "fs2-0004-whatever", "unknown-version"],
        ...(name === "chromium" ? ([["in H.264", "video/H264", null, "plaintext"]] as const) : []),
        ["in AV1", "video/AV1", null, "plaintext"],
      ] as const) {
        await t.test(`a sender ${what} that does not encrypt is ${state}, and not decoded`, async () => {
          const page = await browser.open(server.page("call", "wasm"));
          try {
            const got = await page.evaluate((order: { codec: string; announcement: string | null; state: string }) => window.harness.plain(order), { codec, announcement, state });
            assert.equal(got.decoded, 0, JSON.stringify(got));
            assert.ok(got.concealed >= got.samples - 4800, `${got.samples - got.concealed} samples of unsealed sound came out`);
            assert.equal(got.refused.includes("another version"), state === "unknown-version", got.refused);
            // Edges, not levels: each state once, whatever a chance frame looks like.
            assert.ok(got.states.length <= 4, got.states.join("; "));
          } finally {
            await page.close();
          }
        });
      }
      await t.test("a page with trusted types passes a worker of its own", async () => {
        const page = await browser.open(server.page("call", "trusted-types"));
        try {
          const refused = await page.evaluate(() => window.harness.call({ seconds: 0 }).then(() => "", String), undefined);
          assert.match(refused, /WorkerFailed.*trusted types/);
          const got = await page.evaluate(() => window.harness.call({ seconds: 1, trusted: "/trusted-types/dist/worker.js" }), undefined);
          assert.ok(got.received.framesDecoded > 10, JSON.stringify(got.received));
        } finally {
          await page.close();
        }
      });
      await t.test("negotiated by callbacks", async () => {
        const page = await browser.open(server.page("call"));
        try {
          const got = await page.evaluate(() => window.harness.call({ seconds: 1, callbacks: true }), undefined);
          assert.ok(got.received.framesDecoded > 10, JSON.stringify(got.received));
        } finally {
          await page.close();
        }
      });
      if (name === "chromium") {
        await t.test("with createEncodedStreams only", async () => {
          const page = await browser.open(server.page("call"));
          try {
            const got = await page.evaluate(() => window.harness.call({ seconds: 1, codec: "video/VP8", streamsOnly: true }), undefined);
            assert.deepEqual([got.a.transform, got.b.transform], ["streams", "streams"]);
            assert.ok(got.received.framesDecoded > 10, JSON.stringify(got.received));
            assert.ok(got.states.some((line) => line.includes("receive audio") && line.endsWith("ok")), got.states.join("; "));
          } finally {
            await page.close();
          }
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
