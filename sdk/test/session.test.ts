/** Sessions: who is in, whose frames open, and what happens when somebody comes, goes or cheats. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { CODE, type E2eeError } from "../src/errors.ts";
import { load } from "../src/session/media/engine.ts";
import type { SessionMember } from "../src/session/members.ts";
import type { ToMedia } from "../src/session/port.ts";
import { RULE } from "../src/worker/codec.ts";
import { TURBO } from "../src/worker/engine.ts";
import { isRefusal } from "../src/worker/refusal.ts";
import { media, MemoryRoom, Person, sleep, until } from "./session-rig.ts";

async function pair(room: string): Promise<{ ada: Person; bob: Person; log: MemoryRoom }> {
  const log = new MemoryRoom();
  const ada = await Person.join(room, "ada", log.transport(), { name: "Ada" });
  await ada.joined();
  const bob = await Person.join(room, "bob", log.transport());
  await bob.joined();
  await same(ada, bob);
  return { ada, bob, log };
}

/** Waits until all seal in one epoch, and see one another. */
async function same(...all: Person[]): Promise<void> {
  const epoch = (): number => Math.max(...all.map((one) => one.session.epoch));
  await until(() => all.every((one) => one.sealing() === epoch() && one.session.members.length === all[0]?.session.members.length), "one epoch");
  assert.equal(new Set(all.map((one) => one.session.code)).size, 1, "one code");
}

function close(...all: Person[]): void {
  for (const { session } of all) session.close();
}

function named(of: Person, participant: string): SessionMember {
  const found = of.session.members.find((member) => member.participant === participant);
  assert.ok(found !== undefined, `${participant} is a member`);
  return found;
}

describe("sessions", { concurrency: true }, () => {
  test("two agree on keys, and the page is told none", async () => {
    const { ada, bob } = await pair("two");
    assert.deepEqual(ada.who(), ["ada", "bob"]);
    assert.match(ada.session.code, /^(\d{5} ?){6}$/);
    const [self, other] = [named(ada, "ada"), named(ada, "bob")];
    assert.deepEqual([self.self, self.name, other.self, other.trust, other.heard], [true, "Ada", false, "unverified", true]);
    assert.equal(await bob.open("ada", await ada.seal("hello")), "hello");
    assert.equal(await ada.open("bob", await bob.seal("and you")), "and you");
    assert.equal(await bob.open("eve", await ada.seal("hello")), CODE.UnknownKey, "a frame is of the owner of its key");
    const report = await ada.session.report();
    assert.deepEqual([report.state, report.mediaWorkers, report.connected], ["joined", 1, true]);
    // No message to the page has bytes but what goes out to the others, and keys that are public.
    const known = new Set(["append", "knock", "send", "decide", "members", "done"]);
    for (const message of ada.worker.told) {
      const bytes = JSON.stringify(message, (_, value) => (value instanceof Uint8Array ? "BYTES" : value)).includes("BYTES");
      assert.ok(!bytes || known.has(message.t), `${message.t} has bytes in it`);
    }
    close(ada, bob);
  });

  test("a third joins, one is removed: it stops opening, and the others go on", async () => {
    const { ada, bob, log } = await pair("three");
    const eve = await (await Person.join("three", "eve", log.transport())).joined();
    await same(ada, bob, eve);
    assert.equal(await eve.open("ada", await ada.seal("all three")), "all three");
    await ada.session.remove(named(ada, "eve"));
    await until(() => eve.session.state === "removed", "eve removed");
    await same(ada, bob);
    const late = await ada.seal("between us");
    assert.equal(await bob.open("ada", late), "between us");
    assert.equal(await eve.open("ada", late), CODE.UnknownKey);
    assert.equal(await eve.seal("still here?"), CODE.NoSenderKey, "who is out seals nothing");
    await assert.rejects(eve.session.rotate(), (error: E2eeError) => error.code === CODE.SessionOver);
    close(ada, bob, eve);
  });

  test("no frame is lost when keys rotate", async () => {
    const { ada, bob } = await pair("turn");
    const before = ada.session.epoch;
    let frames = 0;
    let stop = false;
    const flow = (async () => {
      while (!stop) {
        const text = `frame ${++frames}`;
        assert.equal(await bob.open("ada", await ada.seal(text)), text);
        await sleep(2);
      }
    })();
    for (let round = 1; round <= 4; round++) {
      await (round % 2 === 0 ? ada : bob).session.rotate();
      await until(() => ada.session.epoch >= before + round, "a new epoch");
      await same(ada, bob);
      await sleep(100);
    }
    stop = true;
    await flow;
    assert.ok(frames > 50, `${frames} frames`);
    assert.ok(ada.codes.length >= 4 && new Set(ada.codes).size === ada.codes.length, "another code in every epoch");
    close(ada, bob);
  });

  test("who waits in the lobby gets no key until a member lets it in", async () => {
    const log = new MemoryRoom();
    const options = { policy: { admit: "members" as const }, lobby: true };
    const ada = await (await Person.join("lobby", "ada", log.transport(), options)).joined();
    assert.equal(ada.session.policy?.admit, "members");
    const bob = await Person.join("lobby", "bob", log.transport(), { name: "Bob" });
    await until(() => ada.session.knocking.length === 1, "a knock");
    await until(() => bob.session.state === "waiting", "bob in the lobby");
    assert.deepEqual(ada.session.knocking.map(({ name }) => name), ["Bob"]);
    assert.equal(bob.sealing(), null);
    const [who] = ada.session.knocking;
    if (who !== undefined) await ada.session.admit(who, "verified");
    await bob.joined();
    await same(ada, bob);
    assert.deepEqual([ada.session.knocking.length, named(ada, "bob").trust], [0, "verified"]);
    await assert.rejects(ada.session.admit(who ?? named(ada, "bob")), (error: E2eeError) => error.code === CODE.NoSuchQuestion);
    close(ada, bob);
  });

  test("who is refused by the application stays outside", async () => {
    const log = new MemoryRoom();
    const asked: string[] = [];
    const verdict = async ({ name }: { name: string }, why: string) => {
      asked.push(`${name} ${why}`);
      if (name === "Broken") throw new Error("out of order");
      return name === "Eve" ? ("refused" as const) : ("verified" as const);
    };
    const ada = await (await Person.join("door", "ada", log.transport(), { verdict, policy: { admit: "members" } })).joined();
    const eve = await Person.join("door", "eve", log.transport(), { name: "Eve" });
    const broken = await Person.join("door", "broken", log.transport(), { name: "Broken" });
    const bob = await (await Person.join("door", "bob", log.transport(), { name: "Bob" })).joined();
    await same(ada, bob);
    assert.deepEqual(ada.who(), ["ada", "bob"]);
    assert.equal(named(ada, "bob").trust, "verified");
    assert.ok(asked.includes("Eve knocks") && asked.includes("Broken knocks"), asked.join("; "));
    assert.ok(ada.events.some((line) => line.includes("out of order")), "an error of the application is told");
    assert.deepEqual([eve.sealing(), broken.sealing()], [null, null]);
    close(ada, bob, eve, broken);
  });

  test("who comes again under a name that is taken is not heard until the one before is out", async () => {
    const { ada, bob, log } = await pair("again");
    const first = named(bob, "ada").key;
    const again = await Person.join("again", "ada", log.transport(), { name: "Ada" });
    const lists = () => bob.worker.told.flatMap((message) => (message.t === "members" && message.members.length === 3 ? [message.members] : []));
    await until(() => lists().length > 0, "two of one name");
    const two = (lists()[0] ?? []).filter(({ participant }) => participant === "ada");
    assert.deepEqual(two.map(({ heard, key }) => heard === (Buffer.from(key).toString("hex") === first)), [true, true], "the first one is heard, and no other");
    await until(() => ada.session.state === "removed", "the one before out");
    await same(bob, await again.joined());
    assert.notEqual(named(bob, "ada").key, first, "everybody sees that it is another");
    assert.ok(bob.events.includes("went"));
    assert.equal(await bob.open("ada", await again.seal("back again")), "back again");
    close(ada, bob, again);
  });

  test("a room with a secret is entered by who has it", async () => {
    const log = new MemoryRoom();
    const secret = new Uint8Array(32).fill(9);
    const ada = await (await Person.join("vault", "ada", log.transport(), { secret })).joined();
    assert.equal(ada.session.policy?.secret, true);
    const bob = await (await Person.join("vault", "bob", log.transport(), { secret })).joined();
    await same(ada, bob);
    assert.equal(await bob.open("ada", await ada.seal("inside")), "inside");
    assert.equal(secret[0], 9, "the caller's secret stays the caller's");
    const eve = await Person.join("vault", "eve", log.transport());
    const mallory = await Person.join("vault", "mallory", log.transport(), { secret: new Uint8Array(32).fill(8) });
    await until(() => eve.session.state === "no-secret", `a word to eve, who is ${eve.session.state}`);
    // Who has another one only gets into a group of its own, and finds out.
    await until(() => mallory.session.state === "forked", `a word to mallory, who is ${mallory.session.state}`);
    const frame = await ada.seal("for who has the secret");
    assert.equal(await bob.open("ada", frame), "for who has the secret");
    for (const one of [eve, mallory]) assert.deepEqual([one.sealing(), await one.open("ada", frame)], [null, CODE.UnknownKey]);
    assert.notEqual(mallory.session.code, ada.session.code);
    await ada.session.setPolicy({ suite: "AES_256_GCM_SHA512_128" });
    await until(() => bob.session.policy?.suite === "AES_256_GCM_SHA512_128", "the other suite");
    assert.equal(bob.session.policy?.secret, true, "a change of rules keeps the secret");
    await assert.rejects(Person.join("vault", "short", log.transport(), { secret: new Uint8Array(3) }), (error: E2eeError) => error.code === CODE.BadKey);
    close(ada, bob, eve, mallory);
  });

  test("who leaves is out, and so is who the transport says is gone", async () => {
    const { ada, bob, log } = await pair("leave");
    const carol = await (await Person.join("leave", "carol", log.transport())).joined();
    await same(ada, bob, carol);
    await carol.session.leave();
    assert.equal(carol.session.state, "left");
    await until(() => ada.who().join() === "ada,bob", "carol out");
    bob.session.close();
    const way = log.transport();
    const watch = await (await Person.join("leave", "dan", way)).joined();
    way.events?.gone("bob");
    await until(() => ada.who().join() === "ada,dan", "bob out");
    close(ada, watch);
  });

  test("a relay that is away takes nothing that was agreed", async () => {
    const { ada, bob, log } = await pair("away");
    const [first, second] = [ada.transport, bob.transport] as [import("./session-rig.ts").MemoryTransport, import("./session-rig.ts").MemoryTransport];
    first.cut = second.cut = true;
    await ada.session.rotate();
    await sleep(600);
    assert.equal(await bob.open("ada", await ada.seal("on with the old keys")), "on with the old keys");
    const before = log.entries.length;
    second.mend();
    first.mend();
    await until(() => log.entries.length > before, "the rotation in the log");
    await same(ada, bob);
    assert.equal(await bob.open("ada", await ada.seal("new keys")), "new keys");
    close(ada, bob);
  });

  test("bytes that are no messages change nothing", async () => {
    const { ada, bob, log } = await pair("noise");
    const events = (ada.transport as import("./session-rig.ts").MemoryTransport).events;
    for (const bytes of [new Uint8Array(), Uint8Array.of(1), crypto.getRandomValues(new Uint8Array(300))]) {
      events?.knock(bytes);
      events?.message(bytes);
      events?.conflict(77);
      log.entries.push(bytes);
      for (const one of [ada, bob]) (one.transport as import("./session-rig.ts").MemoryTransport).events?.entry(log.entries.length, bytes);
    }
    await until(() => ada.events.some((line) => line.startsWith("trouble")), "an event");
    assert.equal(ada.session.state, "joined");
    await bob.session.rotate();
    await until(() => ada.events.filter((what) => what === "keys").length >= 2, "fresh keys nevertheless");
    await same(ada, bob);
    assert.equal(await bob.open("ada", await ada.seal("as ever")), "as ever");
    close(ada, bob);
  });

  test("others hear that an epoch was read once the media worker has its keys", async () => {
    const { ada, bob } = await pair("read");
    const port = bob.session.attach(() => undefined) as unknown as MessagePort;
    let newest = -1;
    let answers = true;
    port.onmessage = ({ data }: { data: ToMedia }) => {
      if (data.t !== "epoch") return;
      newest = data.epoch;
      if (answers) port.postMessage({ t: "opened", epoch: newest });
    };
    await until(() => newest >= 0, "keys in the second media worker");
    const said = (): number => bob.worker.told.filter(({ t }) => t === "send").length;
    answers = false;
    const [epoch, before] = [newest, said()];
    await ada.session.rotate();
    await until(() => newest > epoch, "the next keys");
    await sleep(300);
    assert.equal(said(), before);
    assert.equal(ada.sealing(), epoch, "Ada seals with what Bob opens");
    port.postMessage({ t: "opened", epoch: newest });
    await until(() => said() > before && ada.sealing() === newest, "Ada heard of it");
    // One that never answers is not waited for.
    const again = said();
    await ada.session.rotate();
    await until(() => said() > again, "Bob says so all the same", 3000);
    port.close();
    close(ada, bob);
  });

  test("two media workers of one session never seal with one key", async () => {
    const { ada, bob } = await pair("twice");
    const second = media(ada.session);
    await until(async () => (await ada.session.report()).mediaWorkers === 2, "the second media worker");
    await until(() => (second.report() as { sender: unknown }).sender !== null, "keys in the second media worker");
    const [one, two] = [await ada.seal("same"), await Person.prototype.seal.call({ engine: second } as Person, "same")];
    assert.notDeepEqual(one, two);
    assert.deepEqual([await bob.open("ada", one), await bob.open("ada", two)], ["same", "same"]);
    close(ada, bob);
    await until(async () => (await ada.seal("after the end")) === CODE.NoSenderKey, "silence after the end");
  });

  test("large frames have their cipher run in WebCrypto, across a rotation", async () => {
    const { ada, bob } = await pair("turbo");
    const [out, into] = [ada.engine.lane("send", "video", null), bob.engine.lane("receive", "video", "ada")];
    const statuses: string[] = [];
    for (let n = 0; n < 30; n++) {
      if (n === 15) {
        await ada.session.rotate();
        await until(() => ada.events.filter((what) => what === "keys").length >= 2, "fresh keys");
        await same(ada, bob);
      }
      const bytes = new Uint8Array(4000).fill(n);
      const frame = { data: bytes.slice().buffer, getMetadata: () => ({}) };
      const sealed = await out.run(frame, RULE.opaque, true);
      assert.notDeepEqual(new Uint8Array(frame.data).subarray(10, 100), bytes.subarray(10, 100));
      statuses.push(`${sealed}${await into.run(frame, RULE.opaque, true)}`);
      assert.deepEqual(new Uint8Array(frame.data), bytes, `frame ${n}: ${statuses.join(" ")}`);
      await sleep(5);
    }
    // A key's first frames go through the core, while the key is imported.
    assert.ok(statuses.filter((both) => both === `${TURBO}${TURBO}`).length >= 20, statuses.join(" "));
    assert.ok(statuses.at(14) === "11" && statuses.at(29) === "11", statuses.join(" "));
    close(ada, bob);
  });

  test("a session worker that dies stops what is sent", async () => {
    const { ada, bob } = await pair("dead");
    let hushed = 0;
    media(ada.session, () => hushed++);
    ada.worker.onerror?.({ message: "out of memory", preventDefault: () => undefined });
    assert.deepEqual([ada.session.state, hushed], ["failed", 1]);
    assert.ok(ada.events.some((line) => line.includes("out of memory")), ada.events.join("; "));
    await ada.engine.compat({ what: "hush" });
    assert.equal(await ada.seal("still?"), CODE.NoSenderKey);
    await assert.rejects(ada.session.rotate(), (error: E2eeError) => error.code === CODE.SessionOver);
    assert.throws(() => media(ada.session), (error: E2eeError) => error.code === CODE.SessionOver);
    assert.equal((await ada.session.report()).state, "failed");
    close(ada, bob);
  });

  test("who compares sees the same seven emoji as the others", async () => {
    const { ada, bob } = await pair("emoji");
    assert.deepEqual(ada.session.emoji, []);
    await ada.session.compare();
    await until(() => ada.session.emoji.length === 7 && bob.session.emoji.length === 7, "seven emoji");
    assert.deepEqual(ada.session.emoji, bob.session.emoji);
    assert.ok(ada.session.emoji.every(({ symbol, en, fr }) => symbol !== "" && en !== "" && fr !== ""));
    await bob.session.rotate();
    await until(() => ada.session.emoji.length === 0 && bob.session.emoji.length === 0, "void with the epoch");
    close(ada, bob);
  });

  test("who comes after people compared is told of", async () => {
    const { ada, bob, log } = await pair("compared");
    const uncompared: string[][] = [];
    ada.session.on("event", (event) => event.what === "uncompared" && uncompared.push(event.who.map(({ participant }) => participant)));
    await ada.session.same();
    await bob.session.rotate();
    await until(() => ada.session.epoch === bob.session.epoch && ada.session.epoch > 1, "fresh keys");
    assert.deepEqual(uncompared, []);
    const cleo = await (await Person.join("compared", "cleo", log.transport())).joined();
    await same(ada, bob, cleo);
    assert.deepEqual(uncompared, [["cleo"]]);
    assert.ok(!bob.events.includes("uncompared"), "Bob compared with nobody");
    await ada.session.same();
    await ada.session.same(1);
    assert.deepEqual(uncompared, [["cleo"]], "with her they compared now");
    close(ada, bob, cleo);
  });

  test("all change the cipher suite together", async () => {
    const { ada, bob } = await pair("suite");
    await bob.session.setPolicy({ suite: "AES_256_CTR_HMAC_SHA512_80" });
    await until(() => ada.session.policy?.suite === "AES_256_CTR_HMAC_SHA512_80", "the other suite");
    await same(ada, bob);
    const frame = await ada.seal("counter mode");
    assert.equal(typeof frame === "number" ? frame : frame.length, "counter mode".length + 2 + 10, "layout, header and a tag of 80 bits");
    assert.equal(await bob.open("ada", frame), "counter mode");
    close(ada, bob);
  });

  test("what a session cannot do is said", async () => {
    const refused = async (run: () => unknown): Promise<number> => {
      try {
        await run();
      } catch (error) {
        if (isRefusal(error)) return error.code;
        throw error;
      }
      return 0;
    };
    const request = { t: "init", id: 1, call: "c", participant: "p", suite: 4, engine: "webcrypto", wasm: null, padding: false, diagnostics: null, compat: null, session: null } as const;
    assert.equal(await refused(() => load(request)), CODE.BadOption);
    assert.equal(await refused(() => load({ ...request, engine: "auto", wasm: new ArrayBuffer(3) })), CODE.WasmFailed);
    const { ada, bob } = await pair("cannot");
    assert.equal(await refused(() => ada.engine.setRoomSecret()), CODE.BadOption);
    assert.equal(await refused(() => ada.engine.rotate()), CODE.BadOption);
    await assert.rejects(ada.session.remove({ ...named(ada, "bob"), key: "00" }), (error: E2eeError) => error.code === CODE.NoSuchMember);
    const log = new MemoryRoom();
    await assert.rejects(Person.join("", "x", log.transport()), (error: E2eeError) => error.code === CODE.BadOption);
    await assert.rejects(Person.join("room", "a\u202eb", log.transport()), (error: E2eeError) => error.code === CODE.BadName);
    await assert.rejects(Person.join("room", "a", log.transport(), { agreement: "rot13" as never }), (error: E2eeError) => error.code === CODE.BadOption);
    // This module does not speak it.
    await assert.rejects(Person.join("room", "a", log.transport(), { agreement: "mlkem768-x25519-draft" }), (error: E2eeError) => error.code === CODE.UnsupportedSuite && error.message.includes("session-pq.wasm"));
    await assert.rejects(Person.join("room", "a", log.transport(), { proof: () => new Uint8Array(20_000) }), (error: E2eeError) => error.code === CODE.BadName);
    close(ada, bob);
  });
});
