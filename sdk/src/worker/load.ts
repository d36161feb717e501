/** Chooses and makes the engine: the WebAssembly core, or WebCrypto alone where the page's policy refuses it. */
import { Code } from "../codes.ts";
import type { Request } from "../protocol.ts";
import { compile } from "./compile.ts";
import type { Engine } from "./engine.ts";
import { rehearse } from "./rehearsal.ts";
import { turboSuite } from "./turbo.ts";
import { WasmEngine } from "./wasm.ts";
import { Refusal } from "./refusal.ts";

/** What {@link loadEngine} found. */
export interface Loaded {
  readonly engine: Engine;
  /** Why WebAssembly is not used, in the browser's words. */
  readonly wasmError: string | null;
}

/** Makes the engine of a worker. */
export async function loadEngine(request: Extract<Request, { t: "init" }>): Promise<Loaded> {
  // Few pages need it: a file of its own.
  if (request.session) return (await import("../session/media/engine.ts")).load(request);
  if (request.engine === "webcrypto") return { engine: await fallback(request, null), wasmError: null };
  let module: WebAssembly.Module;
  try {
    module = await compile(request.wasm ?? new URL("./media.wasm", import.meta.url));
    rehearse(module, request.suite);
  } catch (error) {
    const wasmError = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
    if (request.engine === "wasm") throw new Refusal(Code.WasmFailed, `the media module did not load: ${wasmError}`);
    return { engine: await fallback(request, wasmError), wasmError };
  }
  return { engine: new WasmEngine(module, request), wasmError: null };
}

/** A file of its own (`dist/worker-webcrypto.js`), which pages with WebAssembly never load. */
async function fallback(request: Extract<Request, { t: "init" }>, wasmError: string | null): Promise<Engine> {
  if (!turboSuite(request.suite)) {
    const why = wasmError === null ? "" : ` WebAssembly was refused: ${wasmError}`;
    throw new Refusal(Code.UnsupportedSuite, `WebCrypto alone has the AES-GCM suites only.${why}`);
  }
  const { WebCryptoEngine } = await import("./webcrypto/engine.ts");
  return new WebCryptoEngine(request);
}
