/** The transport over the relay, against the relay itself: `target/debug/frameseal-log`, or what FRAMESEAL_LOG says. */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { createServer } from "node:net";
import { describe, test } from "node:test";
// Comes with the browser driver; browsers and later Nodes have their own.
// @ts-expect-error it has no types here
import Socket from "ws";
import { CODE, type E2eeError } from "../src/errors.ts";
import { type LogTransport, logTransport } from "../src/session/log-transport.ts";
import type { TransportEvents } from "../src/session/transport.ts";
import { PROGRAM, Relay } from "./relay.ts";
import { Person, sleep, until } from "./session-rig.ts";

const here = existsSync(PROGRAM) ? false : `${PROGRAM} is not there: cargo build -p e2ee-log`;
const OPTIONS = { WebSocket: Socket as typeof WebSocket };

/** Everything that a transport tells, as text. */
function listen(transport: LogTransport): string[] {
  const told: string[] = [];
  const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
  const events: TransportEvents = {
    head: (position, entry) => told.push(`head ${position} ${text(entry)}`),
    entry: (position, entry) => told.push(`entry ${position} ${text(entry)}`),
    conflict: (expect) => told.push(`conflict ${expect}`),
    tooOld: () => told.push("too old"),
    knock: (keyPackage) => told.push(`knock ${text(keyPackage)}`),
    message: (bytes) => told.push(`message ${text(bytes)}`),
    gone: (participant) => told.push(`gone ${participant}`),
    participants: (all) => told.push(`participants ${all.join()}`),
    connected: (yes) => told.push(yes ? "connected" : "disconnected"),
    trouble: ({ code, message }) => told.push(`trouble ${code} ${message}`),
  };
  transport.start(events);
  return told;
}

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

describe("the relay's log", { skip: here, concurrency: true }, () => {
  test("entries in order, conflicts, knocks and messages", async () => {
    const relay = await Relay.start();
    const [one, two] = [logTransport(relay.url("a room/ä"), OPTIONS), logTransport(relay.url("a room/ä"), OPTIONS)];
    const [ones, twos] = [listen(one), listen(two)];
    const has = (told: string[], line: string) => until(() => told.includes(line), `${line} in ${told.join("; ")}`);
    try {
      await has(ones, "head 0 ");
      await has(twos, "head 0 ");
      one.append(0, bytes("first"));
      await has(twos, "entry 1 first");
      await has(ones, "entry 1 first");
      two.append(0, bytes("late"));
      await has(twos, "conflict 0");
      one.append(1, bytes("second"));
      await has(twos, "entry 2 second");
      one.knock(bytes("let me in"));
      await has(twos, "knock let me in");
      two.send(bytes("to all"));
      await has(ones, "message to all");
      assert.ok(!ones.includes("knock let me in") && !twos.includes("message to all"), "nothing comes back to its sender");
      one.gone("x");
      one.participants(["x", "y"]);
      assert.deepEqual(ones.slice(-2), ["gone x", "participants x,y"]);
      const late = logTransport(relay.url("a room/ä"), OPTIONS);
      const lates = listen(late);
      await has(lates, "head 2 second");
      late.read(0);
      await has(lates, "entry 2 second");
      assert.ok(lates.indexOf("entry 1 first") < lates.indexOf("entry 2 second"), lates.join("; "));
      late.take();
      await has(lates, "knock let me in");
      late.append(2, new Uint8Array(5 << 20));
      await until(() => lates.some((line) => line.startsWith(`trouble ${CODE.RelayTooLarge}`) || line.startsWith(`trouble ${CODE.RelayUnreachable}`)), "a refusal");
      late.close();
      assert.ok(![...ones, ...twos].some((line) => line.startsWith("trouble")), "no trouble else");
    } finally {
      one.close();
      two.close();
      await relay.close();
    }
  });

  test("a relay that is not there is said, and tried again", async () => {
    const relay = await Relay.start();
    await relay.down();
    const transport = logTransport(relay.url("away"), OPTIONS);
    const told = listen(transport);
    try {
      await until(() => told.filter((line) => line.startsWith(`trouble ${CODE.RelayUnreachable}`)).length >= 2, "two attempts");
      assert.ok(!told.includes("connected"));
      await relay.up();
      await until(() => told.includes("head 0 "), "the head");
      transport.append(0, bytes("kept"));
      await until(() => told.includes("entry 1 kept"), "the entry");
      await relay.down();
      await until(() => told.includes("disconnected"), "the loss");
      transport.append(1, bytes("lost on its way"));
      await relay.up();
      await until(() => told.includes("head 1 kept"), "the head again");
      assert.deepEqual(told.filter((line) => /connected/.test(line)), ["connected", "disconnected", "connected"]);
    } finally {
      transport.close();
      await relay.close();
    }
  });

  test("what is no relay is said, and nothing hangs", async () => {
    const silent = createServer(() => undefined);
    await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
    const { port } = silent.address() as { port: number };
    const transport = logTransport(`http://127.0.0.1:${port}/log?room=r`, OPTIONS);
    const told = listen(transport);
    await until(() => told.some((line) => /does not answer/.test(line)), "the patience to end", 15_000);
    transport.close();
    silent.close();
    for (const bad of ["ftp://relay.example/log", "", "::"]) {
      assert.throws(() => logTransport(bad, OPTIONS), (error: E2eeError) => error.code === CODE.BadOption, bad);
    }
  });

  test("members agree over it, and a relay that is restarted keeps what they agreed on", async () => {
    const relay = await Relay.start();
    const enter = (who: string) => Person.join("real", who, logTransport(relay.url("real"), OPTIONS));
    const ada = await (await enter("ada")).joined();
    const bob = await (await enter("bob")).joined();
    const agree = (...all: Person[]) => until(() => new Set(all.map((one) => `${one.session.code} ${one.sealing()} ${one.session.members.length}`)).size === 1 && all[0]?.session.members.length === all.length, "one code");
    try {
      await agree(ada, bob);
      assert.equal(await bob.open("ada", await ada.seal("over the relay")), "over the relay");
      await relay.down();
      await until(() => ada.events.includes("disconnected") && bob.events.includes("disconnected"), "the loss");
      assert.equal(await bob.open("ada", await ada.seal("without the relay")), "without the relay");
      const epoch = ada.session.epoch;
      await ada.session.rotate();
      await sleep(300);
      assert.equal(ada.session.epoch, epoch, "nothing is agreed on without the log");
      await relay.up();
      await until(() => ada.session.epoch > epoch, "the rotation", 20_000);
      const carol = await (await enter("carol")).joined();
      await agree(ada, bob, carol);
      assert.equal(await carol.open("bob", await bob.seal("welcome")), "welcome");
      carol.session.close();
    } finally {
      ada.session.close();
      bob.session.close();
      await relay.close();
    }
  });
});
