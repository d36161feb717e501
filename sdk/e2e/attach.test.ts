/** When encryption was asked for, nothing leaves in clear, whenever the transform is attached. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { type BrowserName, launch, type TestBrowser } from "./browsers.ts";
import { serve, type TestServer } from "./server.ts";

/** Rows that must send sealed media. */
const WORKS = [
  "addTrack",
  "addTransceiver",
  "addTransceiver, track by replaceTrack later",
  "foreign watched before anything",
  "flagged watched in the same task",
  "flagged watched in a microtask",
  "flagged watched after setTimeout 0",
  "flagged watched after 100 ms",
  "flagged watched after setLocalDescription",
  "flagged watched after the answer",
];
/** Rows in which Chromium would ignore the transform: refused, and the sender stopped. Firefox takes it. */
const LATE = [
  "foreign watched in the same task",
  "foreign watched after setTimeout 0",
  "foreign watched after 100 ms",
  "foreign watched after setLocalDescription",
  "foreign watched after the answer",
];

let server: TestServer;
before(async () => {
  server = await serve();
});
after(() => server.close());

for (const name of ["chromium", "firefox"] as const satisfies readonly BrowserName[]) {
  test(`attach timings in ${name}`, async (t) => {
    const browser: TestBrowser = await launch(name);
    try {
      for (const row of [...WORKS, ...LATE]) {
        await t.test(row, async () => {
          const page = await browser.open(server.page("timing"));
          try {
            const got = await page.evaluate((which: string) => window.harness.timing(which), row);
            // Firefox's VP8 decoder counts a ciphertext as decoded now and then; plaintext would decode almost all.
            const most = name === "firefox" ? got.received / 3 : 0;
            assert.ok(got.decoded <= most, `a plain receiver made pictures: ${JSON.stringify(got)}`);
            if (LATE.includes(row) && name === "chromium") {
              assert.equal(got.threw, "AttachTooLate", JSON.stringify(got));
              assert.equal(got.sealed, 0);
            } else {
              assert.equal(got.threw, "", JSON.stringify(got));
              assert.ok(got.sealed >= got.sent, `frames went past the worker: ${JSON.stringify(got)}`);
              assert.ok(got.sealed > 5, `nothing was sealed: ${JSON.stringify(got)}\n${page.log.join("\n")}`);
            }
          } finally {
            await page.close();
          }
        });
      }
    } finally {
      await browser.close();
    }
  });
}

test("a transform that is taken away stops the sender within 500 ms", async () => {
  const browser = await launch("chromium");
  try {
    const page = await browser.open(server.page("sabotage"));
    const got = await page.evaluate(() => window.harness.sabotage(), undefined);
    console.log(`# sabotage: ${JSON.stringify(got)}`);
    assert.ok(got.stopped || got.decoded === 0, JSON.stringify(got));
    if (got.state === "not-attached") assert.ok(got.took < 500, JSON.stringify(got));
  } finally {
    await browser.close();
  }
});
