/** Where the worker of this package is. */
import { E2eeError } from "./errors.ts";

/** The worker of this package; `url` says where `frameseal/worker` is served. */
export function createWorker(url?: string | URL): Worker {
  // Spelled out in one expression, so that bundlers find the worker.
  return url === undefined
    ? new Worker(new URL("./worker.js", import.meta.url), { type: "module", name: "frameseal" })
    : new Worker(url, { type: "module", name: "frameseal" });
}

/** The same for a call's options: says what to do when the page's policy refuses it. */
export function workerOf(url?: string | URL): () => Worker {
  return () => {
    try {
      return createWorker(url);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      throw new E2eeError("WorkerFailed", `the worker could not be made: ${why}. A page with trusted types passes its own as "worker".`);
    }
  };
}
