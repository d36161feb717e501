/** Serves the bench's pages, the built package and livekit-client's worker on loopback, isolated for fine clocks. */
import { build } from "esbuild";
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { createRequire } from "node:module";
import { dirname, extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";

const HERE = fileURLToPath(new URL(".", import.meta.url));
const DIST = join(HERE, "../dist");
const TYPES: Readonly<Record<string, string>> = {
  ".js": "text/javascript; charset=utf-8",
  ".mjs": "text/javascript; charset=utf-8",
  ".wasm": "application/wasm",
};
const PAGE = `<!doctype html><meta charset="utf-8"><title>Frameseal bench</title><script type="module" src="/bench/page.js"></script>`;

/** Where livekit-client is installed, and its version. */
export async function peer(): Promise<{ dist: string; version: string }> {
  const entry = createRequire(import.meta.url).resolve("livekit-client");
  const dist = dirname(entry);
  const { version } = JSON.parse(await readFile(join(dist, "../package.json"), "utf8")) as { version: string };
  return { dist, version };
}

/** A running server. */
export interface BenchServer {
  readonly url: string;
  close(): void;
}

/** Bundles the pages, with the product's sources as the package's own build has them, and serves. */
export async function serve(): Promise<BenchServer> {
  if (!existsSync(join(DIST, "worker.js"))) throw new Error("sdk/dist is not built: run `cargo xtask sdk` first");
  const { dist } = await peer();
  const entries = ["page", "hot-worker", "probe", "plain-worker"].map((name) => join(HERE, `pages/${name}.ts`));
  const bundled = await build({
    entryPoints: entries.filter((path) => existsSync(path)),
    outdir: "/bench",
    bundle: true,
    minify: true,
    format: "esm",
    target: "es2022",
    write: false,
    loader: { ".wasm": "binary" },
    external: ["/dist/*", "/livekit/*", "/bench/*"],
    logLevel: "warning",
  });
  const pages = new Map(bundled.outputFiles.map(({ path, text }) => [path, text]));

  async function answer(path: string): Promise<{ type: string; body: string | Buffer }> {
    if (path === "/") return { type: "text/html; charset=utf-8", body: PAGE };
    const type = TYPES[extname(path)] ?? "application/octet-stream";
    // One worker that loads the probe and then the product's or the peer's own worker, unchanged.
    const probed = /^\/probed(\/.+)$/.exec(path);
    if (probed !== null) return { type, body: `import "/bench/probe.js";\nimport "${probed[1]}";\n` };
    const page = pages.get(path);
    if (page !== undefined) return { type, body: page };
    if (path.startsWith("/dist/")) return { type, body: await readFile(join(DIST, path.slice(6))) };
    if (path.startsWith("/livekit/")) return { type, body: await readFile(join(dist, path.slice(9))) };
    throw new Error("not found");
  }

  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? "/", "http://localhost");
    void answer(normalize(pathname)).then(
      ({ type, body }) => {
        response.writeHead(200, {
          "Content-Type": type,
          "Cross-Origin-Opener-Policy": "same-origin",
          "Cross-Origin-Embedder-Policy": "require-corp",
          "Cache-Control": "no-store",
        });
        response.end(body);
      },
      () => {
        response.writeHead(404);
        response.end();
      },
    );
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}/`, close: () => server.close() };
}
