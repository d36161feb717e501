/** Bundles the page into dist/: scripts, the SDK's worker and media module, and what lies in public/. */

import { build } from 'esbuild';
import { cp, mkdir, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const out = join(here, 'dist');
const sdk = join(here, '../../sdk/dist');

/** What the workers look for beside themselves. */
const BESIDE = ['media.wasm', 'worker-webcrypto.js', 'worker-witness.js', 'worker-session.js', 'media-session.wasm', 'session-worker.js', 'session.wasm'];

for (const file of ['index.js', 'session.js', 'worker.js', ...BESIDE]) {
  await stat(join(sdk, file)).catch(() => {
    console.error(`sdk/dist/${file} is missing: build the SDK first, with "cargo xtask demo" or "npm run build" in sdk/`);
    process.exit(1);
  });
}

await rm(out, { recursive: true, force: true });
await mkdir(out, { recursive: true });
await cp(join(here, 'public'), out, { recursive: true });
await build({
  entryPoints: { main: join(here, 'src/main.ts'), 'scene.worker': join(here, 'src/scene.worker.ts'), 'tell.worker': join(here, 'src/tell.worker.ts') },
  outdir: out,
  bundle: true,
  format: 'esm',
  target: 'es2022',
  minify: true,
  sourcemap: true,
  legalComments: 'none',
  logLevel: 'warning',
});
await cp(join(sdk, 'worker.js'), join(out, 'frameseal.worker.js'));
for (const file of BESIDE) await cp(join(sdk, file), join(out, file));
