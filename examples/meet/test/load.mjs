/** Loads a TypeScript module of the page into node. */

import { build } from 'esbuild';
import { fileURLToPath } from 'node:url';

/** @param {string} name below src/ */
export async function load(name) {
  const entry = fileURLToPath(new URL(`../src/${name}`, import.meta.url));
  const { outputFiles } = await build({ entryPoints: [entry], bundle: true, format: 'esm', write: false, target: 'es2022', external: ['frameseal'] });
  return import(`data:text/javascript;base64,${Buffer.from(outputFiles[0].contents).toString('base64')}`);
}
