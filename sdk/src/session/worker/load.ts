/** Loads the session module. */
import { Code } from "../../codes.ts";
import type { PostableWasm } from "../../protocol.ts";
import { compile as compileAny } from "../../worker/compile.ts";
import { Refusal } from "../../worker/refusal.ts";

/** Compiles it; throws `WasmFailed` with the browser's words. */
export async function compile(source: PostableWasm | URL): Promise<WebAssembly.Module> {
  try {
    return await compileAny(source);
  } catch (error) {
    const why = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
    throw new Refusal(Code.WasmFailed, `the session module did not load: ${why}`);
  }
}
