/** The relay itself for tests: `target/debug/frameseal-log`, or what FRAMESEAL_LOG says. */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

/** The relay's program. */
export const PROGRAM = process.env["FRAMESEAL_LOG"] ?? fileURLToPath(new URL("../../target/debug/frameseal-log", import.meta.url));

/** A relay on a free port of loopback; its log is in a file, so that it outlives the program. */
export class Relay {
  #process: ChildProcess | null = null;
  port = 0;

  private constructor(readonly folder: string) {}

  static async start(): Promise<Relay> {
    if (!existsSync(PROGRAM)) throw new Error(`${PROGRAM} is not there: cargo build -p e2ee-log (or set FRAMESEAL_LOG)`);
    const relay = new Relay(await mkdtemp(join(tmpdir(), "frameseal-log-")));
    await relay.up();
    return relay;
  }

  async up(): Promise<void> {
    const args = ["--port", String(this.port), "--backend", `sqlite:${join(this.folder, "log.db")}`, "--until-eof"];
    const process = spawn(PROGRAM, args, { stdio: ["pipe", "pipe", "inherit"] });
    this.#process = process;
    const line = await new Promise<string>((resolve, reject) => {
      process.once("exit", (code) => reject(new Error(`the relay ended with ${code}`)));
      createInterface({ input: process.stdout }).once("line", resolve);
    });
    process.removeAllListeners("exit");
    this.port = Number(/:(\d+)/.exec(line)?.[1]);
  }

  async down(): Promise<void> {
    const process = this.#process;
    this.#process = null;
    if (process === null) return;
    const ended = new Promise((resolve) => process.once("exit", resolve));
    process.kill("SIGKILL");
    await ended;
  }

  url(room: string): string {
    return `ws://127.0.0.1:${this.port}/log?room=${encodeURIComponent(room)}`;
  }

  async close(): Promise<void> {
    await this.down();
    await rm(this.folder, { recursive: true, force: true });
  }
}
