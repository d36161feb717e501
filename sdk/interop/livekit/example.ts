/** The React example in two pages, from Vite's development server and from a production build. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { TestBrowser, TestPage } from "../../e2e/browsers.ts";
import { freePort, type Sfu } from "./server.ts";

const FOLDER = fileURLToPath(new URL("../../../examples/livekit-react", import.meta.url));
const VITE = join(FOLDER, "node_modules/vite/bin/vite.js");
const SECRET = "00112233445566778899aabbccddeeff0011223344556677";
const OTHER = SECRET.replaceAll("0", "9");
const START_MS = 30_000;
const WAIT_MS = 20_000;

export type Build = "development" | "production";

/** Ada and bob with one secret see each other, and eve with another sees nobody: `null`, or what was not so. */
export async function example(build: Build, room: string, sfu: Sfu, browser: TestBrowser): Promise<string | null> {
  const port = await freePort();
  const fixed = ["--host", "127.0.0.1", "--port", String(port), "--strictPort"];
  if (build === "production") {
    const built = spawnSync(process.execPath, [VITE, "build"], { cwd: FOLDER, encoding: "utf8" });
    if (built.status !== 0) return `the build failed: ${built.stderr.slice(-300)}`;
  }
  const server = spawn(process.execPath, [VITE, ...(build === "production" ? ["preview"] : []), ...fixed], { cwd: FOLDER, stdio: "ignore" });
  const pages: TestPage[] = [];
  try {
    const base = `http://127.0.0.1:${port}/`;
    await started(server, base);
    const open = async (identity: string, secret: string): Promise<TestPage> => {
      const address = `${base}?${new URLSearchParams({ url: sfu.url, token: sfu.token(room, identity) }).toString()}#${secret}`;
      const page = await browser.open(address);
      pages.push(page);
      return page;
    };
    const [ada, bob, eve] = [await open("ada", SECRET), await open("bob", SECRET), await open("eve", OTHER)];
    for (const [page, who, state] of [[ada, "bob", "encrypted"], [bob, "ada", "encrypted"], [eve, "ada", "failing"], [ada, "eve", "failing"]] as const) {
      const found = await shown(page, who, state);
      if (found !== state) return `${who} was to be shown as ${state}, and is ${found}`;
    }
    // The own picture is one of them.
    const end = Date.now() + WAIT_MS;
    let seen = 0;
    while ((seen = await playing(ada)) < 2) if (Date.now() > end) return `ada's page plays ${seen} pictures`;
    const dark = await playing(eve);
    return dark <= 1 ? null : `eve's page plays ${dark} pictures`;
  } finally {
    for (const page of pages) await page.close();
    server.kill("SIGTERM");
  }
}

async function started(server: ChildProcess, address: string): Promise<void> {
  const end = Date.now() + START_MS;
  while (!(await fetch(address).then(({ ok }) => ok, () => false))) {
    if (server.exitCode !== null || Date.now() > end) throw new Error("Vite did not start");
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** The state that a page shows of somebody, when it is the one that is waited for or time is up. */
async function shown(page: TestPage, identity: string, wanted: string): Promise<string> {
  const end = Date.now() + WAIT_MS;
  for (;;) {
    const state = await page.evaluate((identity) => document.querySelector<HTMLElement>(`[data-identity="${identity}"]`)?.dataset["state"] ?? "absent", identity);
    if (state === wanted || Date.now() > end) return state;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

/** How many video elements show pictures that go on. */
async function playing(page: TestPage): Promise<number> {
  return page.evaluate(async () => {
    const videos = [...document.querySelectorAll("video")];
    const before = videos.map((video) => video.getVideoPlaybackQuality().totalVideoFrames);
    await new Promise((resolve) => setTimeout(resolve, 1500));
    return videos.filter((video, n) => video.videoWidth > 16 && video.getVideoPlaybackQuality().totalVideoFrames > (before[n] ?? 0) + 10).length;
  }, null);
}
