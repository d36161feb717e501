/** The real LiveKit server on loopback, with a key of its own, and the pages beside it. */
import { build } from "esbuild";
import { type ChildProcess, spawn } from "node:child_process";
import { createHmac, randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { type AddressInfo, createServer as createTcp } from "node:net";
import { extname, join } from "node:path";
import { fileURLToPath } from "node:url";

const HERE = fileURLToPath(new URL(".", import.meta.url));
const DIST = join(HERE, "../../dist");
/** Releases of livekit-client, by the name of their package here. */
export const RELEASES: Readonly<Record<string, string>> = { "2.23.0": "livekit-client", "2.21.0": "livekit-client-2-21" };
const START_MS = 20_000;

/** A running LiveKit server. */
export interface Sfu {
  readonly url: string;
  /** `attributes`: the participant may set its own. */
  token(room: string, identity: string, attributes?: boolean): string;
  close(): void;
}

/** Starts the server named by `LIVEKIT_SERVER`. */
export async function startSfu(): Promise<Sfu> {
  const binary = process.env["LIVEKIT_SERVER"];
  if (binary === undefined || !existsSync(binary)) {
    throw new Error("LIVEKIT_SERVER does not name a LiveKit server; `cargo xtask interop livekit` builds one and runs this");
  }
  const [port, udp] = [await freePort(), await freePort()];
  const [key, secret] = ["frameseal", randomBytes(24).toString("hex")];
  const config = [
    `port: ${port}`,
    "bind_addresses: [127.0.0.1]",
    `rtc: {udp_port: ${udp}, tcp_port: 0, use_external_ip: false, node_ip: 127.0.0.1, enable_loopback_candidate: true}`,
    `keys: {${key}: ${secret}}`,
    "logging: {level: warn}",
  ].join("\n");
  let said = "";
  const server: ChildProcess = spawn(binary, ["--config-body", config], { stdio: ["ignore", "pipe", "pipe"] });
  for (const stream of [server.stdout, server.stderr]) stream?.on("data", (data: Buffer) => (said = (said + data.toString()).slice(-4000)));
  const end = Date.now() + START_MS;
  while (!(await answers(`http://127.0.0.1:${port}/`))) {
    if (server.exitCode !== null || Date.now() > end) throw new Error(`the LiveKit server did not start:\n${said}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return {
    url: `ws://127.0.0.1:${port}`,
    token: (room, identity, attributes = true) => {
      const video = { roomJoin: true, room, canPublish: true, canSubscribe: true, canUpdateOwnMetadata: attributes };
      return jwt({ iss: key, sub: identity, video }, secret);
    },
    close: () => server.kill("SIGTERM"),
  };
}

async function answers(url: string): Promise<boolean> {
  return fetch(url).then(
    ({ ok }) => ok,
    () => false,
  );
}

/** A port on loopback that nothing listens on. */
export async function freePort(): Promise<number> {
  const probe = createTcp();
  await new Promise<void>((resolve) => probe.listen(0, "127.0.0.1", resolve));
  const { port } = probe.address() as AddressInfo;
  await new Promise((resolve) => probe.close(resolve));
  return port;
}

/** A token as the server takes it (RFC 7519, HS256). */
function jwt(claims: object, secret: string): string {
  const now = Math.floor(Date.now() / 1000);
  const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString("base64url");
  const body = `${encode({ alg: "HS256", typ: "JWT" })}.${encode({ nbf: now - 60, exp: now + 3600, ...claims })}`;
  return `${body}.${createHmac("sha256", secret).update(body).digest("base64url")}`;
}

/** Serves a page for each release, the releases' own workers and Frameseal's. */
export async function startPages(): Promise<{ page(release: string): string; close(): void }> {
  if (!existsSync(join(DIST, "livekit-worker.js"))) throw new Error("sdk/dist is not built: run `cargo xtask sdk` first");
  const pages = new Map<string, string>();
  for (const [release, name] of Object.entries(RELEASES)) {
    const bundle = await build({
      entryPoints: [join(HERE, "page.ts")],
      absWorkingDir: HERE,
      alias: { "livekit-client": name },
      bundle: true,
      format: "esm",
      target: "es2022",
      write: false,
      external: ["/dist/*"],
      logLevel: "warning",
    });
    pages.set(release, bundle.outputFiles[0]?.text ?? "");
  }
  const server = createServer((request, response) => {
    void answer(new URL(request.url ?? "/", "http://localhost").pathname).then(
      ([type, body]) => response.writeHead(200, { "Content-Type": type, "Cache-Control": "no-store" }).end(body),
      () => response.writeHead(404).end(),
    );
  });
  const script = "text/javascript; charset=utf-8";
  async function answer(path: string): Promise<[string, string | Buffer]> {
    const [, what = "", release = "", file = ""] = path.split("/");
    const page = pages.get(release);
    if (what === "dist") return [release.endsWith(".wasm") ? "application/wasm" : script, await readFile(join(DIST, release))];
    if (page === undefined) throw new Error("not found");
    if (what === "page") return ["text/html; charset=utf-8", `<!doctype html><meta charset="utf-8"><body><script type="module" src="/script/${release}"></script>`];
    if (what === "script") return [script, page];
    if (what === "stock" && extname(file) === ".mjs") {
      return [script, await readFile(join(HERE, "node_modules", RELEASES[release] ?? "", "dist", file))];
    }
    throw new Error("not found");
  }
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return { page: (release) => `http://127.0.0.1:${port}/page/${release}`, close: () => server.close() };
}
