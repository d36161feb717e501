// Builds the package: dist/index.js and dist/worker.js by esbuild, types by tsc, the media module beside them.
//   node build.mjs           build
//   node build.mjs --size    build, and print what a page loads
import { build } from "esbuild";
import { execFileSync } from "node:child_process";
import { copyFileSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { brotliCompressSync, constants } from "node:zlib";

/** What worker and media module should weigh together at most, bytes after brotli. */
const GOAL = 40_000;
/** What they may weigh until the goal is reached: a little more than they do, so that growth is noticed. */
const BUDGET = 46_500;

const here = new URL(".", import.meta.url);
const path = (name) => new URL(name, here).pathname;

if (!existsSync(path("wasm/media.wasm"))) {
  console.error("sdk/wasm/media.wasm is not there: run `cargo xtask wasm` first");
  process.exit(1);
}

rmSync(path("dist"), { recursive: true, force: true });
const common = { bundle: true, format: "esm", target: ["es2022"], legalComments: "none", logLevel: "warning" };
await build({ ...common, entryPoints: [path("src/index.ts")], outfile: path("dist/index.js"), sourcemap: true });
await build({
  ...common,
  entryPoints: [path("src/worker/index.ts")],
  outfile: path("dist/worker.js"),
  minify: true,
  sourcemap: true,
  sourcesContent: false,
});
copyFileSync(path("wasm/media.wasm"), path("dist/media.wasm"));
execFileSync(process.execPath, [path("node_modules/typescript/bin/tsc"), "-p", path("tsconfig.types.json")], { stdio: "inherit" });
for (const name of readdirSync(path("dist")).filter((name) => name.endsWith(".d.ts"))) {
  const text = readFileSync(path(`dist/${name}`), "utf8");
  writeFileSync(path(`dist/${name}`), text.replace(/(from "\.\/[^"]+)\.ts"/g, '$1.js"'));
}
writeFileSync(path("dist/worker.d.ts"), "// Runs in a worker; exports nothing.\nexport {};\n");

const sizes = ["worker.js", "media.wasm"].map((name) => {
  const raw = readFileSync(path(`dist/${name}`));
  const params = { [constants.BROTLI_PARAM_SIZE_HINT]: raw.length };
  return { name, raw: raw.length, brotli: brotliCompressSync(raw, { params }).length };
});
const total = sizes.reduce((sum, { brotli }) => sum + brotli, 0);
if (process.argv.includes("--size")) {
  for (const { name, raw, brotli } of sizes) console.log(`${name}: ${raw} bytes, ${brotli} brotli`);
  console.log(`together ${total} bytes brotli; budget ${BUDGET}, goal ${GOAL}${total > GOAL ? ": goal MISSED" : ""}`);
}
if (total >= BUDGET) {
  console.error(`worker and media module are ${total} bytes brotli: over the budget of ${BUDGET}`);
  process.exitCode = process.argv.includes("--size") ? 1 : 0;
}
