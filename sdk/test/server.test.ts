/** Importing the package where there is no browser does nothing and breaks nothing. */
import assert from "node:assert/strict";
import { test } from "node:test";

test("the package can be imported on a server, and says that it is not supported there", async () => {
  const before = new Set(Object.getOwnPropertyNames(globalThis));
  const frameseal = await import("../src/index.ts");
  assert.equal(frameseal.isSupported(), false);
  await assert.rejects(
    frameseal.createE2EE({ call: "c", participant: "p", keys: { secret: "s" } }),
    (error: unknown) => error instanceof frameseal.E2eeError && error.code === frameseal.CODE.Unsupported,
  );
  const added = Object.getOwnPropertyNames(globalThis).filter((name) => !before.has(name));
  assert.deepEqual(added, []);
});
