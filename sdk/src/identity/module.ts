/** Loads the modules of identities. */
import { initSync } from "../../wasm/identity.js";
import { initSync as initX509 } from "../../wasm/x509.js";
import { E2eeError } from "../errors.ts";

/** A module: where it is served, or itself. */
export type IdentityWasm = string | URL | ArrayBuffer | WebAssembly.Module;

async function compile(source: IdentityWasm): Promise<WebAssembly.Module> {
  if (source instanceof WebAssembly.Module) return source;
  if (source instanceof ArrayBuffer) return WebAssembly.compile(source);
  const response = await fetch(new URL(source, globalThis.location?.href));
  if (!response.ok) throw new Error(`${response.status} ${response.statusText} for ${response.url}`);
  return WebAssembly.compile(await response.arrayBuffer());
}

async function guarded<T>(what: string, source: IdentityWasm, init: (given: { module: WebAssembly.Module }) => T): Promise<T> {
  try {
    return init({ module: await compile(source) });
  } catch (error) {
    throw new E2eeError("WasmFailed", `${what} did not load: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** Loads the identity module, once; its memory. Rejects with `WasmFailed`. */
export async function load(wasm: IdentityWasm | undefined): Promise<WebAssembly.Memory> {
  return (await guarded("the identity module", wasm ?? new URL("./identity.wasm", import.meta.url), initSync)).memory;
}

/** The same for what checks certificates. */
export async function loadX509(wasm: IdentityWasm | undefined): Promise<void> {
  await guarded("the module for certificates", wasm ?? new URL("./x509.wasm", import.meta.url), initX509);
}
