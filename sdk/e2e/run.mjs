// Runs the browser tests: `npm run test:browser`. A browser that is missing is a failure that says how to get it.
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";

const here = fileURLToPath(new URL(".", import.meta.url));
if (!existsSync(`${here}../dist/worker.js`)) {
  console.error("sdk/dist is not built: run `cargo xtask sdk` first");
  process.exit(1);
}
// Names on the command line pick files: `npm run test:browser -- hostile`.
const wanted = process.argv.slice(2);
const files = readdirSync(here, { recursive: true })
  .filter((name) => name.endsWith(".test.ts") && (wanted.length === 0 || wanted.some((part) => name.includes(part))))
  .map((name) => `${here}${name}`);
if (files.length === 0) {
  console.error(`no test file has ${wanted.join(" or ")} in its name`);
  process.exit(1);
}
const { status } = spawnSync(process.execPath, ["--test", "--test-concurrency=1", "--import", "tsx", ...files], {
  cwd: `${here}..`,
  stdio: "inherit",
});
process.exit(status ?? 1);
