/** Serves the built package and the test pages on loopback. Pages are bundled in memory. */
import { build } from "esbuild";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";

const SDK = fileURLToPath(new URL("..", import.meta.url));
const TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".json": "application/json",
  ".wasm": "application/wasm",
};

/** The policy that the README promises to work under. */
export const CSP = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; connect-src 'self'; media-src 'self' blob:";
/** The same for a site that refuses WebAssembly. */
export const CSP_WITHOUT_WASM = CSP.replace(" 'wasm-unsafe-eval'", "");

/** A running server. */
export interface TestServer {
  /** A page with the harness; `policy` picks its Content-Security-Policy. */
  page(name: string, policy?: "wasm" | "no-wasm" | "trusted-types"): string;
  close(): void;
}

const POLICIES = {
  wasm: CSP,
  "no-wasm": CSP_WITHOUT_WASM,
  "trusted-types": `${CSP}; require-trusted-types-for 'script'`,
} as const;

/** Bundles `pages/*.ts` and starts serving. */
export async function serve(): Promise<TestServer> {
  const bundled = await build({
    entryPoints: [join(SDK, "e2e/pages/harness.ts")],
    bundle: true,
    format: "esm",
    target: "es2022",
    write: false,
    external: ["/dist/*"],
    logLevel: "warning",
  });
  const harness = bundled.outputFiles[0]?.text ?? "";
  const server = createServer((request, response) => {
    void answer(request.url ?? "/").then(
      ({ type, body, policy }) => {
        response.writeHead(200, {
          "Content-Type": type,
          "Content-Security-Policy": policy,
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

  async function answer(target: string): Promise<{ type: string; body: string | Buffer; policy: string }> {
    const url = new URL(target, "http://localhost");
    // A worker has the policy of its own response, so the wish travels in the path: /no-wasm/dist/worker.js
    const [, wish = "wasm", ...rest] = url.pathname.split("/");
    const policy = POLICIES[wish as keyof typeof POLICIES];
    const path = normalize(`/${rest.join("/")}`);
    if (path === "/page.html") {
      const body = `<!doctype html><meta charset="utf-8"><title>test</title><script type="module" src="/${wish}/harness.js"></script>`;
      return { type: TYPES[".html"] ?? "", body, policy };
    }
    if (path === "/harness.js") return { type: TYPES[".js"] ?? "", body: harness.replaceAll('"/dist/', `"/${wish}/dist/`), policy };
    if (!path.startsWith("/dist/")) throw new Error("not found");
    return { type: TYPES[extname(path)] ?? "application/octet-stream", body: await readFile(join(SDK, path)), policy };
  }

  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    page: (_name, policy = "wasm") => `http://127.0.0.1:${port}/${policy}/page.html`,
    close: () => server.close(),
  };
}
