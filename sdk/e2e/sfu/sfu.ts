/** Starts the SFU in test mode with the test page, and a browser that looks at it. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { type BrowserName, launch, type TestBrowser, type TestPage } from "../browsers.ts";
import type {} from "../pages/sfu.ts";

const SDK = fileURLToPath(new URL("../..", import.meta.url));

/** What is done to frames on their way; see the SFU's protocol. */
export type Mode = "none" | "replay" | "duplicate" | "truncate" | "flip" | "swap" | "swap-kind" | "inject" | "clear";

/** What the SFU found in what it forwarded, of one room. */
export interface Verdict {
  readonly frames: number;
  readonly compared: number;
  readonly plaintext: number;
}

/** A browser with pages of the SFU. */
export class Rig {
  private constructor(
    readonly url: string,
    readonly browser: TestBrowser,
    private readonly server: ChildProcess,
    private readonly root: string,
  ) {}

  /** `script`: which of `pages/` the page runs. */
  static async start(name: BrowserName, script: "sfu" | "jitsi" | "conference" = "sfu"): Promise<Rig> {
    // Where it is missing this fails, and nothing else runs yet that would have to be ended.
    const browser = await launch(name);
    const root = await mkdtemp(join(tmpdir(), "frameseal-sfu-"));
    const workers = { sfu: [], jitsi: ["jitsi-stock-worker"], conference: ["jitsi-told-worker"] }[script];
    const entryPoints = Object.fromEntries([script, ...workers].map((name) => [name, join(SDK, `e2e/pages/${name}.ts`)]));
    await build({ entryPoints, outdir: root, bundle: true, format: "esm", target: "es2022", external: ["/dist/*"], logLevel: "warning" });
    const html = `<!doctype html><meta charset="utf-8"><title>test</title><script type="module" src="/${script}.js"></script>`;
    await writeFile(join(root, "index.html"), html);
    const loads = { frameseal: ["/dist/jitsi-worker.js"], stock: ["/jitsi-stock-worker.js"], sframe: ["/jitsi-told-worker.js", "/dist/jitsi-sframe-worker.js"] };
    for (const [name, files] of Object.entries(script === "sfu" ? {} : loads)) {
      await writeFile(join(root, `load-${name}.js`), `importScripts(${files.map((file) => `"${file}"`).join(", ")});`);
    }
    // A stock Firefox takes no media from loopback.
    const more = name === "firefox" ? ["--interface"] : [];
    const dirs = ["--dir", `/=${root}`, "--dir", `/dist=${join(SDK, "dist")}`];
    const server = spawn(program(), ["--test", "--port", "0", "--until-eof", ...dirs, ...more], { stdio: ["pipe", "pipe", "inherit"] });
    const url = await new Promise<string>((resolve, reject) => {
      server.once("exit", (code) => reject(new Error(`the SFU ended with ${code}`)));
      createInterface({ input: server.stdout }).once("line", resolve);
    }).catch(async (error: unknown) => {
      await browser.close();
      throw error;
    });
    return new Rig(url.trim().replace(/\/$/, ""), browser, server, root);
  }

  /** A page on which participants can be made. */
  async page(): Promise<TestPage> {
    const page = await this.browser.open(`${this.url}/index.html`);
    const ready = await page.evaluate(async () => {
      for (let n = 0; n < 250 && document.title !== "ready"; n++) await new Promise((resolve) => setTimeout(resolve, 20));
      return document.title;
    }, null);
    assert.equal(ready, "ready", page.log.join("\n"));
    return page;
  }

  /** From now on the SFU does this to every `every`-th frame. Gives how often it did what it was told before. */
  async hostile(mode: Mode, order: { every?: number; of?: string; kind?: string } = {}): Promise<void> {
    const response = await fetch(`${this.url}/api/hostile`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ mode, every: 10, ...order }),
    });
    assert.equal(response.status, 200, await response.text());
  }

  /** Waits until the SFU did it `times` times. */
  async done(times: number, ms = 20_000): Promise<number> {
    const end = Date.now() + ms;
    for (;;) {
      const { done } = (await (await fetch(`${this.url}/api/hostile`)).json()) as { done: number };
      if (done >= times) return done;
      if (Date.now() > end) throw new Error(`the SFU did it ${done} times in ${ms} ms, not ${times}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  /** What the SFU found in one room's frames, once at least `compared` could be compared. */
  async verdict(room: string, compared: number, ms = 10_000): Promise<Verdict> {
    const end = Date.now() + ms;
    for (;;) {
      type Line = { room?: string; frames: number; compared: number; plaintextFrames: number };
      const { streams } = (await (await fetch(`${this.url}/api/verdict`)).json()) as { streams: Line[] };
      const of = streams.filter((stream) => stream.room === room);
      const sum = (what: (line: Line) => number): number => of.reduce((all, line) => all + what(line), 0);
      const verdict = { frames: sum((l) => l.frames), compared: sum((l) => l.compared), plaintext: sum((l) => l.plaintextFrames) };
      if (verdict.compared >= compared) return verdict;
      if (Date.now() > end) throw new Error(`${compared} frames to compare in ${room}: ${JSON.stringify(verdict)}`);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }

  async close(): Promise<void> {
    await this.browser.close();
    this.server.removeAllListeners("exit");
    this.server.kill();
    await rm(this.root, { recursive: true, force: true });
  }
}

/** The SFU's program. */
export function program(): string {
  const given = process.env["FRAMESEAL_SFU"];
  const path = given ?? join(SDK, "../target/demo/frameseal-sfu");
  if (!existsSync(path)) throw new Error(`${path} is not there: \`cargo xtask test sdk-browser\` builds it (or set FRAMESEAL_SFU)`);
  return path;
}
