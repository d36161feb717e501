/** Compiling a module. */
import type { PostableWasm } from "../protocol.ts";

/** Compiles a module, wherever it comes from. */
export async function compile(source: PostableWasm | URL): Promise<WebAssembly.Module> {
  if (source instanceof WebAssembly.Module) return source;
  if (source instanceof ArrayBuffer) return WebAssembly.compile(source);
  const response = await fetch(source);
  if (!response.ok) throw new Error(`${response.status} ${response.statusText} for ${response.url}`);
  // Streaming wants the right media type; a server that does not know it must not break a call.
  return response.headers.get("Content-Type")?.startsWith("application/wasm") === true
    ? WebAssembly.compileStreaming(response)
    : WebAssembly.compile(await response.arrayBuffer());
}
