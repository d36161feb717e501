/** Two members compare codes: alike where nobody stands in between, and only there. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { CODE, type E2eeError } from "../src/errors.ts";
import { type Comparison, type PairwiseSas, pairwiseSas } from "../src/sas/index.ts";
import { MemoryRoom, Person, until } from "./session-rig.ts";

const wasm = new WebAssembly.Module(readFileSync(new URL("../wasm/sas.wasm", import.meta.url)));
type Member = Parameters<typeof pairwiseSas>[0]["own"];
const member = (participant: string, digit: string, proof = new Uint8Array()): Member => ({ participant, key: digit.repeat(64), proof });
const [ADA, BOB, EVE] = [member("ada", "1", Uint8Array.of(3, 9)), member("bob", "2"), member("eve", "5")];

/** One side, what it sends, and what its person was shown. */
interface Side {
  readonly sas: PairwiseSas;
  readonly sent: Uint8Array[];
  readonly seen: Comparison[];
  readonly ends: string[];
}

async function side(own: Member, other: Member, room = "r"): Promise<Side> {
  const [sent, seen, ends]: [Uint8Array[], Comparison[], string[]] = [[], [], []];
  const sas = await pairwiseSas({ room, own, other, send: (message) => sent.push(message), wasm });
  sas.on("compare", (codes) => seen.push(codes));
  sas.on("verified", () => ends.push("verified"));
  sas.on("over", ({ message }) => ends.push(message));
  return { sas, sent, seen, ends };
}

/** Carries everything both ways until nobody says anything. */
function carry(a: Side, b: Side): void {
  while (a.sent.length + b.sent.length > 0) {
    for (const [from, to] of [[a, b], [b, a]] as const) for (const message of from.sent.splice(0)) to.sas.receive(message);
  }
}

test("two members of a session make sure of each other", async () => {
  const log = new MemoryRoom();
  const [one, two] = [await Person.join("sure", "ada", log.transport(), { proof: () => Uint8Array.of(7) }), await Person.join("sure", "bob", log.transport())];
  await until(() => one.session.members.length === 2 && two.session.members.length === 2, "both are in");
  const find = (of: Person, participant: string): Member => of.session.members.find((member) => member.participant === participant) as Member;
  const [ada, bob] = [await side(find(one, "ada"), find(one, "bob"), "sure"), await side(find(two, "bob"), find(two, "ada"), "sure")];
  bob.sas.start();
  carry(ada, bob);
  assert.equal(ada.seen.length, 1);
  assert.deepEqual(ada.seen, bob.seen, "the same for both");
  assert.equal(ada.seen[0]?.emoji.length, 7);
  assert.ok(ada.seen[0]?.numbers.every((number) => number >= 1000 && number <= 9191));
  ada.sas.same();
  carry(ada, bob);
  assert.deepEqual([ada.sas.verified, bob.sas.verified], [false, false], "until both said so");
  bob.sas.same();
  carry(ada, bob);
  assert.deepEqual([ada.ends, bob.ends], [["verified"], ["verified"]]);
  assert.deepEqual([ada.sas.verified, bob.sas.verified], [true, true]);
  one.session.close();
  two.session.close();
});

test("who stands in between shows each other codes, and cannot say that they are the same", async () => {
  const [ada, bob] = [await side(ADA, BOB), await side(BOB, ADA)];
  const [toAda, toBob] = [await side(BOB, ADA), await side(ADA, BOB)];
  ada.sas.start();
  carry(ada, toAda);
  toBob.sas.start();
  carry(toBob, bob);
  assert.notDeepEqual(ada.seen, bob.seen);
  // The person compares, and says no.
  ada.sas.cancel();
  assert.match(ada.ends.join(), /cancelled/);
  assert.equal(bob.sas.verified, false);
});

test("whose keys are seen otherwise by the other is not verified", async () => {
  for (const [own, other, room] of [[{ ...BOB, key: EVE.key }, ADA, "r"], [BOB, { ...ADA, proof: Uint8Array.of(3, 8) }, "r"], [BOB, ADA, "another"]] as const) {
    const [ada, bob] = [await side(ADA, BOB), await side(own, other, room)];
    ada.sas.start();
    carry(ada, bob);
    assert.notDeepEqual(ada.seen, bob.seen);
    // People who do not look.
    ada.sas.same();
    bob.sas.same();
    carry(ada, bob);
    assert.match(ada.ends.join(), /the keys that each sees of the other differ/);
    assert.deepEqual([ada.sas.verified, bob.sas.verified], [false, false]);
  }
});

test("both may start at once, and codes that are shown are not replaced", async () => {
  const [ada, bob] = [await side(ADA, BOB), await side(BOB, ADA)];
  ada.sas.start();
  bob.sas.start();
  carry(ada, bob);
  assert.deepEqual([ada.seen.length, ada.seen], [1, bob.seen]);
  // Somebody in between would have the answer to these codes be one to others.
  const eve = await side(BOB, ADA);
  eve.sas.start();
  carry(eve, { ...ada, sent: [] });
  assert.equal(ada.seen.length, 1);
  ada.sas.same();
  bob.sas.same();
  carry(ada, bob);
  assert.deepEqual([ada.ends, bob.ends], [["verified"], ["verified"]]);
});

test("noise changes nothing, and what cannot be is said", async () => {
  const [ada, bob] = [await side(ADA, BOB), await side(BOB, ADA)];
  const noise = (): void => {
    for (const bytes of [new Uint8Array(), Uint8Array.of(1), Uint8Array.of(1, 1), Uint8Array.of(1, 3), crypto.getRandomValues(new Uint8Array(50))]) {
      ada.sas.receive(bytes);
      bob.sas.receive(bytes);
    }
  };
  assert.throws(() => ada.sas.same(), (error: E2eeError) => error.code === CODE.NoSuchQuestion);
  noise();
  ada.sas.start();
  noise();
  carry(ada, bob);
  noise();
  ada.sas.same();
  bob.sas.same();
  noise();
  carry(ada, bob);
  assert.deepEqual([ada.sas.verified, bob.sas.verified], [true, true]);
  await assert.rejects(pairwiseSas({ room: "r", own: ADA, other: ADA, send: () => undefined, wasm }), (error: E2eeError) => error.code === CODE.BadOption);
});
