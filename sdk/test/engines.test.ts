/** The two engines speak one format: what either seals, the other opens. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { CODE } from "../src/errors.ts";
import { RULE } from "../src/worker/codec.ts";
import type { EncodedFrame, Engine } from "../src/worker/engine.ts";
import { Ask } from "../src/worker/module.ts";
import { rehearse } from "../src/worker/rehearsal.ts";
import { WasmEngine } from "../src/worker/wasm.ts";
import { WebCryptoEngine } from "../src/worker/webcrypto/engine.ts";

const module = new WebAssembly.Module(readFileSync(new URL("../wasm/media.wasm", import.meta.url)));
const SECRET = new Uint8Array(32).fill(7);

function frame(bytes: Uint8Array): EncodedFrame {
  return { data: bytes.slice().buffer, getMetadata: () => ({}) };
}

function bytesOf(length: number, first: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let n = 0; n < length; n++) bytes[n] = (n * 31 + first) & 0xff;
  if (length > 0) bytes[0] = first;
  return bytes;
}

type Make = (participant: string, suite: number, padding?: boolean) => Engine;
const ENGINES: Readonly<Record<string, Make>> = {
  wasm: (participant, suite, padding = false) => new WasmEngine(module, { call: "c", participant, suite, padding }),
  webcrypto: (participant, suite, padding = false) => new WebCryptoEngine({ call: "c", participant, suite, padding }),
};

async function pair(from: Make, to: Make, suite: number, padding = false): Promise<{ a: Engine; b: Engine }> {
  const a = from("ada", suite, padding);
  const b = to("bob", suite, padding);
  await a.setRoomSecret(SECRET.slice());
  await b.setRoomSecret(SECRET.slice());
  await b.addParticipant("ada", a.announcement());
  return { a, b };
}

for (const [sealName, from] of Object.entries(ENGINES)) {
  for (const [openName, to] of Object.entries(ENGINES)) {
    for (const suite of [4, 5]) {
      test(`${openName} opens what ${sealName} sealed, suite ${suite}`, async () => {
        const { a, b } = await pair(from, to, suite);
        const seal = a.lane("send", "video", null);
        const open = b.lane("receive", "video", "ada");
        for (const [round, length] of [20, 1, 120, 1200, 4095, 4096, 60_000, 0, 33].entries()) {
          for (const rule of [RULE.opaque, RULE.vp8]) {
            if (rule === RULE.vp8 && length < 6) continue;
            // Bit 0 of the first byte: key or delta frame.
            const plain = bytesOf(length, 0x10 | (round & 1));
            const sent = frame(plain);
            assert.ok((await seal.run(sent, rule, true)) >= 0, `seal ${length} rule ${rule}`);
            const wire = new Uint8Array(sent.data).slice();
            if (length >= 20) assert.equal(Buffer.from(wire).indexOf(Buffer.from(plain.slice(6, 20))), -1, "nothing in clear");
            const got = frame(wire);
            assert.ok((await open.run(got, rule, true)) >= 0, `open ${length} rule ${rule}`);
            assert.deepEqual(new Uint8Array(got.data), plain);
            assert.equal(await open.run(frame(wire), rule, true), -CODE.Replayed);
            wire[wire.length - 3] = (wire[wire.length - 3] ?? 0) ^ 1;
            assert.ok((await open.run(frame(wire), rule, true)) < 0, "a flipped bit");
          }
          if (round === 2) await a.ratchet();
          if (round === 4) await a.rotate();
        }
      });
    }
    test(`padding hides sizes from ${sealName} to ${openName}`, async () => {
      const { a, b } = await pair(from, to, 4, true);
      const seal = a.lane("send", "audio", null);
      const open = b.lane("receive", "audio", "ada");
      const sizes = new Set<number>();
      for (const length of [10, 20, 40, 60]) {
        const sent = frame(bytesOf(length, 3));
        assert.ok((await seal.run(sent, RULE.opaque, true)) >= 0);
        sizes.add(sent.data.byteLength);
        assert.ok((await open.run(sent, RULE.opaque, true)) >= 0);
        assert.deepEqual(new Uint8Array(sent.data), bytesOf(length, 3));
      }
      assert.equal(sizes.size, 1);
    });
  }

  test(`${sealName}: who has another secret, name or kind opens nothing`, async () => {
    const { a } = await pair(from, from, 4);
    const sent = frame(bytesOf(50, 9));
    assert.ok((await a.lane("send", "audio", null).run(sent, RULE.opaque, true)) >= 0);
    const wire = new Uint8Array(sent.data).slice();
    const other = from("eve", 4);
    await other.setRoomSecret(new Uint8Array(32).fill(8));
    await other.addParticipant("ada", a.announcement());
    assert.equal(await other.lane("receive", "audio", "ada").run(frame(wire), RULE.opaque, true), -CODE.Rejected);
    const right = from("bob", 4);
    await right.setRoomSecret(SECRET.slice());
    await right.addParticipant("ada", a.announcement());
    await right.addParticipant("mallory", a.announcement());
    assert.equal(await right.lane("receive", "video", "ada").run(frame(wire), RULE.opaque, true), -CODE.Rejected);
    assert.equal(await right.lane("receive", "audio", "mallory").run(frame(wire), RULE.opaque, true), -CODE.Rejected);
    assert.equal(await right.lane("receive", "audio", "nobody").run(frame(wire), RULE.opaque, true), -CODE.UnknownKey);
    assert.ok((await right.lane("receive", "audio", "ada").run(frame(wire), RULE.opaque, true)) >= 0);
  });

  test(`${sealName}: a relay that announces something else in between resets no replay window`, async () => {
    const { a, b } = await pair(from, from, 4);
    const sent = frame(bytesOf(50, 9));
    assert.ok((await a.lane("send", "audio", null).run(sent, RULE.opaque, true)) >= 0);
    const wire = new Uint8Array(sent.data).slice();
    const open = b.lane("receive", "audio", "ada");
    assert.ok((await open.run(frame(wire), RULE.opaque, true)) >= 0);
    b.removeParticipant("ada");
    await b.addParticipant("ada", "fs1-0004-00000000000000000000000000000000");
    await b.addParticipant("ada", a.announcement());
    assert.equal(await open.run(frame(wire), RULE.opaque, true), -CODE.Replayed);
  });

  test(`${sealName}: odd bytes are refused and the lane lives on`, async () => {
    const { a, b } = await pair(from, from, 4);
    const open = b.lane("receive", "video", "ada");
    for (let length = 0; length < 64; length++) {
      for (const rule of [RULE.opaque, RULE.vp8, RULE.av1, RULE.h264, RULE.h265]) {
        assert.ok((await open.run(frame(bytesOf(length, 0x41)), rule, true)) < 0);
      }
    }
    const sent = frame(bytesOf(100, 1));
    assert.ok((await a.lane("send", "video", null).run(sent, RULE.opaque, true)) >= 0);
    assert.ok((await open.run(sent, RULE.opaque, true)) >= 0);
  });
}

test("a module that takes damaged frames, or hands frames on as they are, is refused", () => {
  rehearse(module, 4);
  const Native = WebAssembly.Instance;
  const faulty = (fault: (what: number, result: number, last: number) => number): void => {
    let reserved = 0;
    (WebAssembly as { Instance: unknown }).Instance = function (...args: ConstructorParameters<typeof Native>) {
      const { exports } = new Native(...args);
      const ask = exports["ask"] as (...numbers: number[]) => number;
      const bad = (...numbers: number[]): number => {
        const result = ask(...numbers);
        if (numbers[0] === Ask.Reserve) reserved = result - (result % 2 ** 21);
        return fault(numbers[0] ?? 0, result, reserved + (numbers[3] ?? 0));
      };
      return { exports: { ...exports, ask: bad } };
    };
  };
  try {
    faulty((what, result, given) => (what === Ask.Open && result < 0 ? given : result));
    assert.throws(() => rehearse(module, 4), /self-test/);
    faulty((what, result, given) => (what === Ask.Seal || what === Ask.Open ? given : result));
    assert.throws(() => rehearse(module, 4), /self-test/);
  } finally {
    (WebAssembly as { Instance: unknown }).Instance = Native;
  }
  rehearse(module, 4);
});

for (const what of ["sealed", "opened", "forged"] as const) {
  test(`a lane that is closed while a frame is ${what} by WebCrypto touches the module's memory no more`, async () => {
    const { a, b } = await pair(ENGINES["wasm"] as Make, ENGINES["wasm"] as Make, 4);
    const from = a.lane("send", "video", null);
    const to = b.lane("receive", "video", "ada");
    const sealed = async (): Promise<EncodedFrame> => {
      const sent = frame(bytesOf(60_000, 1));
      assert.ok((await from.run(sent, RULE.opaque, true)) >= 0);
      return sent;
    };
    // The first ones go another way: keys are learnt from them.
    for (let round = 0; round < 8; round++) assert.ok((await to.run(frame(new Uint8Array((await sealed()).data)), RULE.opaque, true)) >= 0);
    const next = what === "sealed" ? frame(bytesOf(60_000, 1)) : frame(new Uint8Array((await sealed()).data));
    if (what === "forged") new Uint8Array(next.data)[30_000] = (new Uint8Array(next.data)[30_000] as number) ^ 1;
    const [engine, lane] = what === "sealed" ? [a, from] : [b, to];
    const status = lane.run(next, RULE.opaque, true);
    assert.ok(status instanceof Promise, "WebCrypto is at work");
    lane.close();
    const another = engine.lane("send", "audio", null);
    const memory = (engine as WasmEngine).module.bytes().slice();
    assert.equal(await status, -CODE.Refused);
    assert.equal(lane.run(frame(bytesOf(200, 1)), RULE.opaque, false), -CODE.Refused);
    lane.close();
    assert.ok(Buffer.from(memory).equals((engine as WasmEngine).module.bytes()), "nobody wrote");
    assert.ok((await another.run(frame(bytesOf(80, 1)), RULE.opaque, false)) >= 0, "the other lane is there");
  });
}
