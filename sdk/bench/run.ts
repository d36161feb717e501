/**
 * The browser bench: `cargo xtask bench --browser`. Ends by itself; loopback only.
 *   --hot | --call   only that part
 *   --livekit        the hot loop alone, ours in LiveKit's format too
 *   --jitsi          the hot loop alone, ours in Jitsi's format against WebCrypto in the same layout
 *   --rounds N       rounds of the hot loop for each size (200)
 *   --sizes A,B      sizes of the hot loop, bytes
 *   --calls N        calls of each mode (5), and --seconds S of each that count (6)
 *   --json FILE      every figure, for machines
 */
import { writeFileSync } from "node:fs";
import { cpus, loadavg } from "node:os";
import { parseArgs } from "node:util";
import { launch } from "../e2e/browsers.ts";
import { callBars, calls, callTable, MODES } from "./call.ts";
import { type Bar, barLines } from "./figures.ts";
import { hotBars, hotTables } from "./hot.ts";
import { peer, serve } from "./server.ts";
import type {} from "./pages/page.ts";

const { values: args } = parseArgs({
  options: {
    hot: { type: "boolean", default: false },
    call: { type: "boolean", default: false },
    livekit: { type: "boolean", default: false },
    jitsi: { type: "boolean", default: false },
    rounds: { type: "string", default: "200" },
    sizes: { type: "string", default: "60,120,1200,5000,10000,50000,200000" },
    calls: { type: "string", default: "5" },
    seconds: { type: "string", default: "6" },
    json: { type: "string" },
  },
});
const alone = args.livekit || args.jitsi;
const all = args.hot === args.call && !alone;
const format = args.jitsi ? "jitsi" : args.livekit ? "livekit" : "frameseal";

const load = (): string => loadavg().map((n) => n.toFixed(1)).join(" ");

const server = await serve();
const browser = await launch("chromium");
const bars: Bar[] = [];
const figures: Record<string, unknown> = {};
try {
  const { version } = await peer();
  const [cpu] = cpus();
  const about = {
    when: new Date().toISOString(),
    browser: `Chromium ${browser.version}`,
    peer: `livekit-client ${version}`,
    processor: `${cpus().length} x ${cpu?.model.trim() ?? "unknown"}`,
    loadBefore: load(),
  };
  Object.assign(figures, about);
  console.log(`${about.browser}, ${about.peer}, ${about.processor}, load ${about.loadBefore}`);
  if (all || args.hot || alone) {
    const page = await browser.open(server.url);
    const order = {
      sizes: args.sizes.split(",").map(Number),
      rounds: Number(args.rounds),
      format: format as "jitsi",
      livekit: "/livekit/livekit-client.e2ee.worker.mjs",
    };
    console.error(`hot loop: ${order.sizes.length} sizes`);
    const sizes = await page.evaluate((order) => window.bench.hot(order, ({ bytes }) => console.log(`${bytes} bytes done`)), order);
    await page.close();
    const against = args.jitsi ? (["webcrypto", "WebCrypto"] as const) : ([] as const);
    console.log(`\n${hotTables(sizes, against[0])}`);
    bars.push(...hotBars(sizes, against[1]));
    figures["hot"] = sizes;
  }
  if (all || args.call) {
    const page = await browser.open(server.url);
    const rounds = await calls(page, MODES, Number(args.calls), Number(args.seconds), (line) => console.error(line));
    await page.close();
    console.log(`\n${callTable(rounds, MODES)}`);
    bars.push(...callBars(rounds));
    figures["calls"] = rounds;
  }
  figures["loadAfter"] = load();
  figures["bars"] = bars;
  console.log(`\nBars (load now ${load()})\n${barLines(bars)}`);
  if (args.json !== undefined) writeFileSync(args.json, `${JSON.stringify(figures)}\n`);
} finally {
  await browser.close();
  server.close();
}
