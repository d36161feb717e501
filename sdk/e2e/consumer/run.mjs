// What somebody meets who installs the package: `npm run consumer`. Packs it, installs it in an empty project, checks
// types as bundlers and as Node resolve them, bundles, and imports it on a server. Needs no network.
import { execFileSync } from "node:child_process";
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const sdk = fileURLToPath(new URL("../..", import.meta.url));
const project = mkdtempSync(join(tmpdir(), "frameseal-consumer-"));
const run = (command, args, cwd) => execFileSync(command, args, { cwd, encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] });
const must = (what, fine) => {
  if (!fine) throw new Error(`consumer: ${what}`);
  console.log(`ok ${what}`);
};

try {
  const [packed] = JSON.parse(run("npm", ["pack", "--silent", "--json", "--pack-destination", project], sdk));
  const files = packed.files.map(({ path }) => path);
  const expected = ["dist/index.js", "dist/index.d.ts", "dist/worker.js", "dist/worker-webcrypto.js", "dist/worker-livekit.js", "dist/livekit.js", "dist/livekit/index.d.ts", "dist/livekit-worker.js", "dist/session.js", "dist/session/index.d.ts", "dist/session-worker.js", "dist/worker-session.js", "dist/session.wasm", "dist/olm.js", "dist/olm/index.d.ts", "dist/olm-window.js", "dist/olm.wasm", "dist/media-session.wasm", "dist/media.wasm", "README.md", "LICENSE-MIT", "LICENSE-APACHE", "package.json", "dist/session-pq.wasm", "dist/identity.js", "dist/identity/index.d.ts", "dist/identity.wasm", "dist/x509.wasm", "dist/sas.js", "dist/sas/index.d.ts", "dist/sas.wasm"];
  must(`the package has ${expected.join(", ")}`, expected.every((file) => files.includes(file)));
  must("and nothing of its sources or tests", files.every((file) => !/^(src|e2e|interop|test|bench|node_modules)\//.test(file)));

  writeFileSync(join(project, "package.json"), JSON.stringify({ name: "consumer", private: true, type: "module" }));
  run("npm", ["install", "--silent", "--offline", "--no-audit", "--no-fund", join(project, packed.filename)], project);
  cpSync(fileURLToPath(new URL("app.ts", import.meta.url)), join(project, "app.ts"));

  const tsc = join(sdk, "node_modules/typescript/bin/tsc");
  const common = ["--noEmit", "--strict", "--target", "es2022", "--lib", "es2022,dom,dom.iterable", "--types", ""];
  for (const [module, resolution] of [["esnext", "bundler"], ["node16", "node16"]]) {
    run(process.execPath, [tsc, ...common, "--module", module, "--moduleResolution", resolution, "app.ts"], project);
    must(`types as ${resolution} resolves them`, true);
  }

  const out = join(project, "out");
  await build({ absWorkingDir: project, entryPoints: ["app.ts"], bundle: true, format: "esm", outdir: out, logLevel: "warning" });
  must("a bundle", existsSync(join(out, "app.js")) && readdirSync(out).length === 1);
  must("the worker is where a bundler looks for it", readFileSync(join(out, "app.js"), "utf8").includes('new URL("./worker.js", import.meta.url)'));

  const server = 'import("frameseal").then(({ isSupported }) => console.log(isSupported()))';
  must("imported on a server it does nothing, and says no", run(process.execPath, ["--input-type=module", "-e", server], project).trim() === "false");
  const manager = 'import("frameseal/livekit").then(({ newLinkSecret, linkSecretOf }) => console.log(linkSecretOf("#" + newLinkSecret()) !== null))';
  must("so does frameseal/livekit, where link secrets can be made", run(process.execPath, ["--input-type=module", "-e", manager], project).trim() === "true");
  const session = 'import("frameseal/session").then(({ createSession }) => console.log(typeof createSession))';
  must("and frameseal/session", run(process.execPath, ["--input-type=module", "-e", session], project).trim() === "function");
  const jitsi = 'import("frameseal/jitsi").then(({ jitsiSession }) => console.log(typeof jitsiSession))';
  must("and frameseal/jitsi", run(process.execPath, ["--input-type=module", "-e", jitsi], project).trim() === "function");
  const olm = 'import("frameseal/olm").then(({ default: Olm }) => console.log(Olm.get_library_version().join(".")))';
  must("and frameseal/olm", run(process.execPath, ["--input-type=module", "-e", olm], project).trim() === "3.2.15");
  const page = 'await import("frameseal/olm-window"); globalThis.Olm = null; await Olm.init(); const one = new Olm.Account(); one.create(); console.log(JSON.parse(one.identity_keys()).ed25519.length)';
  must("frameseal/olm-window sets window.Olm for good, its module inside", run(process.execPath, ["--input-type=module", "-e", page], project).trim() === "43");
  const identity = 'Promise.all([import("frameseal/identity"), import("frameseal/sas")]).then(([{ indexedDbIdentity }, { pairwiseSas }]) => console.log(typeof indexedDbIdentity, typeof pairwiseSas))';
  must("and frameseal/identity and frameseal/sas", run(process.execPath, ["--input-type=module", "-e", identity], project).trim() === "function function");
  const later = 'import { runInThisContext } from "node:vm"; runInThisContext("var Olm = {}"); await import("frameseal/olm-window"); await Olm.init(); console.log(Olm.get_backend().split(" ")[0])';
  must("and takes the place of a libolm that was there", run(process.execPath, ["--input-type=module", "-e", later], project).trim() === "vodozemac");
  for (const name of ["livekit-worker", "jitsi-worker", "jitsi-sframe-worker"]) {
    const where = `console.log(import.meta.resolve("frameseal/${name}"))`;
    const worker = run(process.execPath, ["--input-type=module", "-e", where], project).trim();
    must(`frameseal/${name} is one file, which asks for no other`, worker.endsWith(`/${name}.js`) && !/\bimport\s*[(.{"']/.test(readFileSync(fileURLToPath(worker), "utf8")));
  }
} finally {
  rmSync(project, { recursive: true, force: true });
}
