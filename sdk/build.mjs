// Builds the package: dist/index.js and dist/worker.js by esbuild, types by tsc, the media module beside them.
//   node build.mjs           build
//   node build.mjs --size    build, and print what a page loads
import { build } from "esbuild";
import { execFileSync } from "node:child_process";
import { copyFileSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { brotliCompressSync, constants } from "node:zlib";

/** What worker and media module should weigh together at most, bytes after brotli. */
const BUDGET = 40_000;
/** The same for the session module, which pages without a session never load. */
const SESSION_BUDGET = 220_000;

const here = new URL(".", import.meta.url);
const path = (name) => new URL(name, here).pathname;

if (!existsSync(path("wasm/media.wasm"))) {
  console.error("sdk/wasm/media.wasm is not there: run `cargo xtask wasm` first");
  process.exit(1);
}

// One glue serves both modules of a session.
if (readFileSync(path("wasm/session.js"), "utf8") !== readFileSync(path("wasm/session-pq.js"), "utf8")) {
  console.error("the glue of session.wasm and session-pq.wasm differ: the session worker needs both");
  process.exit(1);
}
rmSync(path("dist"), { recursive: true, force: true });
const common = { bundle: true, format: "esm", target: ["es2022"], legalComments: "none", logLevel: "warning" };
await build({
  ...common,
  entryPoints: { index: path("src/index.ts"), livekit: path("src/livekit/index.ts"), session: path("src/session/index.ts"), identity: path("src/identity/index.ts"), jitsi: path("src/jitsi/index.ts"), olm: path("src/olm/index.ts"), sas: path("src/sas/index.ts") },
  outdir: path("dist"),
  splitting: true,
  chunkNames: "shared-[hash]",
  sourcemap: true,
});
await build({
  ...common,
  entryPoints: {
    worker: path("src/worker/index.ts"),
    "session-worker": path("src/session/worker/index.ts"),
    "worker-livekit": path("src/livekit/worker/compat.ts"),
    "worker-session": path("src/session/media/engine.ts"),
    "worker-webcrypto": path("src/worker/webcrypto/engine.ts"),
    "worker-witness": path("src/worker/witness.ts"),
  },
  outdir: path("dist"),
  loader: { ".wasm": "binary" },
  minify: true,
  sourcemap: true,
  sourcesContent: false,
  plugins: [
    {
      // What few pages need are files of their own: the engine for pages without WebAssembly, and what tests use.
      name: "apart",
      setup: ({ onResolve }) =>
        onResolve({ filter: /(webcrypto\/engine|witness|livekit\/worker\/compat|session\/media\/engine)\.ts$/ }, ({ kind, path }) =>
          kind === "dynamic-import" ? { path: `./worker-${/witness|webcrypto|livekit|session/.exec(path)[0]}.js`, external: true } : undefined,
        ),
    },
  ],
});
// One file each, its module inside, for `new Worker` with and without `type: "module"`.
await build({
  ...common,
  entryPoints: { "livekit-worker": path("src/livekit/worker/index.ts"), "jitsi-worker": path("src/jitsi/worker/index.ts"), "jitsi-sframe-worker": path("src/jitsi/worker/sframe.ts") },
  outdir: path("dist"),
  format: "iife",
  loader: { ".wasm": "binary" },
  minify: true,
  sourcemap: true,
  sourcesContent: false,
});
// The same for a page's own scripts.
await build({
  ...common,
  entryPoints: { "olm-window": path("src/olm/window.ts") },
  outdir: path("dist"),
  format: "iife",
  loader: { ".wasm": "binary" },
  logOverride: { "empty-import-meta": "silent" },
  minify: true,
  sourcemap: true,
  sourcesContent: false,
});
// Imports for nothing but an order: no file here has effects that one could see, and bundlers drop them with a warning.
for (const name of readdirSync(path("dist")).filter((name) => name.endsWith(".js"))) {
  const text = readFileSync(path(`dist/${name}`), "utf8");
  writeFileSync(path(`dist/${name}`), text.replace(/^import "\.\/shared-[A-Z0-9]+\.js";$/gm, ""));
}
for (const name of ["media", "media-session", "session", "session-pq", "identity", "x509", "sas", "olm"]) copyFileSync(path(`wasm/${name}.wasm`), path(`dist/${name}.wasm`));
execFileSync(process.execPath, [path("node_modules/typescript/bin/tsc"), "-p", path("tsconfig.types.json")], { stdio: "inherit" });
for (const name of readdirSync(path("dist"), { recursive: true }).filter((name) => name.endsWith(".d.ts"))) {
  const text = readFileSync(path(`dist/${name}`), "utf8");
  writeFileSync(path(`dist/${name}`), text.replace(/(from "\.\.?\/[^"]+)\.ts"/g, '$1.js"'));
}
for (const name of ["worker", "livekit-worker", "jitsi-worker", "jitsi-sframe-worker", "session-worker"]) writeFileSync(path(`dist/${name}.d.ts`), "// Runs in a worker; exports nothing.\nexport {};\n");
writeFileSync(path("dist/olm-window.d.ts"), "// Sets window.Olm; exports nothing.\nexport {};\n");

const sizes = (...names) =>
  names.map((name) => {
    const raw = readFileSync(path(`dist/${name}`));
    const params = { [constants.BROTLI_PARAM_SIZE_HINT]: raw.length };
    return { name, raw: raw.length, brotli: brotliCompressSync(raw, { params }).length };
  });
for (const [what, budget, found] of [
  ["worker and media module", BUDGET, sizes("worker.js", "media.wasm")],
  ["the session module", SESSION_BUDGET, sizes("session.wasm")],
]) {
  const total = found.reduce((sum, { brotli }) => sum + brotli, 0);
  if (process.argv.includes("--size")) {
    for (const { name, raw, brotli } of found) console.log(`${name}: ${raw} bytes, ${brotli} brotli`);
    console.log(`together ${total} bytes brotli; budget ${budget}`);
  }
  if (total >= budget) {
    console.error(`${what}: ${total} bytes brotli, over the budget of ${budget}`);
    process.exitCode = 1;
  }
}
if (process.argv.includes("--size")) {
  for (const { name, raw, brotli } of sizes("livekit-worker.js", "jitsi-worker.js", "jitsi-sframe-worker.js")) {
    console.log(`in place of another worker: ${name}: ${raw} bytes, ${brotli} brotli`);
  }
  for (const { name, raw, brotli } of sizes("jitsi.js", "session.js", "session-worker.js", "worker-session.js", "media-session.wasm", "session-pq.wasm", "identity.js", "identity.wasm", "x509.wasm", "sas.js", "sas.wasm")) {
    console.log(`with a session: ${name}: ${raw} bytes, ${brotli} brotli`);
  }
  for (const { name, raw, brotli } of sizes("olm.js", "olm.wasm", "olm-window.js")) console.log(`olm: ${name}: ${raw} bytes, ${brotli} brotli`);
}
