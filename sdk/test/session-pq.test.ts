/**
 * Rooms of the post-quantum draft: a module of its own, and nobody in them who speaks another suite. A file of its own, as one process
 * has one module for all its sessions; this one speaks both.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import type { SessionOptions } from "../src/session/types.ts";
import { MemoryRoom, Person, until } from "./session-rig.ts";

const wasm = new WebAssembly.Module(readFileSync(new URL("../wasm/session-pq.wasm", import.meta.url)));
const PQ: Partial<SessionOptions> = { agreement: "mlkem768-x25519-draft", wasm };

test("two members meet in a room of the post-quantum draft, and who speaks another suite stays out", async () => {
  const log = new MemoryRoom();
  const ada = await (await Person.join("later", "ada", log.transport(), PQ)).joined();
  const bob = await (await Person.join("later", "bob", log.transport(), PQ)).joined();
  await until(() => ada.sealing() === bob.sealing() && ada.session.code === bob.session.code, "one epoch");
  assert.equal(await bob.open("ada", await ada.seal("for long")), "for long");
  assert.equal(await ada.open("bob", await bob.seal("as long")), "as long");
  // A hybrid key has 1216 bytes where X25519 has 32.
  assert.ok((log.entries.at(-1)?.length ?? 0) > 5000, `${log.entries.at(-1)?.length} bytes`);
  const [before, frame] = [ada.session.epoch, await ada.seal("before")];
  await ada.session.rotate();
  await until(() => ada.session.epoch > before && ada.sealing() === bob.sealing() && bob.session.epoch === ada.session.epoch, "fresh keys");
  assert.equal(await bob.open("ada", frame), "before");
  assert.equal((await ada.session.report()).agreement, "mlkem768-x25519-draft");

  const eve = await Person.join("later", "eve", log.transport());
  await until(() => eve.session.state === "other-suite", `a word to eve, who is ${eve.session.state}`);
  assert.equal(eve.sealing(), null);
  assert.deepEqual(ada.who(), ["ada", "bob"]);
  for (const one of [ada, bob, eve]) one.session.close();
});
