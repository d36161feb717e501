/** The LiveKit manager without a browser: keys, announcements as messages, both formats in one engine. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { readAnnounced, sealedAnnouncement } from "../src/livekit/announce.ts";
import { linkSecretOf, livekitSecret, newLinkSecret, type RoomKeys, roomSecret } from "../src/livekit/keys.ts";
import type { CompatOptions, SealedData } from "../src/compat.ts";
import { Code } from "../src/codes.ts";
import { RULE } from "../src/worker/codec.ts";
import type { EncodedFrame, Engine, Lane, Status } from "../src/worker/engine.ts";
import { WasmEngine } from "../src/worker/wasm.ts";

const bytes = (text: string): Uint8Array<ArrayBuffer> => new TextEncoder().encode(text);
const OWN = "fs1-0004-00112233445566778899aabbccddeeff";

describe("keys of a room", () => {
  test("a link's secret has 192 bits, and comes back out of an address", () => {
    const made = newLinkSecret();
    assert.match(made, /^[0-9a-f]{48}$/);
    assert.notEqual(made, newLinkSecret());
    assert.equal(linkSecretOf(`#${made}`), made);
    for (const hash of ["", "#", "#room", `#${made}0`, `#${made.toUpperCase()}X`]) assert.equal(linkSecretOf(hash), null);
  });

  test("what cannot be a key says what to do", () => {
    const bad: [unknown, RegExp][] = [
      [{ passphrase: "" }, /empty/],
      [{ passphrase: bytes("words as bytes!!") }, /"raw"/],
      [{ raw: "a passphrase" }, /"passphrase"/],
      [{ raw: new Uint8Array(15) }, /16 to 256 bytes, got 15/],
      [{ link: "a room" }, /newLinkSecret/],
    ];
    for (const [keys, words] of bad) assert.throws(() => roomSecret(keys as RoomKeys), words);
  });

  test("in LiveKit's format words go through PBKDF2 and bytes through HKDF, as livekit-client does it", () => {
    assert.deepEqual(livekitSecret({ passphrase: "words" }), { kdf: "PBKDF2", secret: bytes("words") });
    assert.equal(livekitSecret({ link: newLinkSecret() }).kdf, "PBKDF2");
    assert.equal(livekitSecret({ raw: new Uint8Array(16) }).kdf, "HKDF");
  });
});

describe("an announcement as a message", () => {
  test("goes out as itself alone, and is read back", () => {
    const sealed = sealedAnnouncement(bytes(`\u{12}$${OWN}\u{22}\u{09}frameseal`), "frameseal", OWN);
    assert.ok(sealed !== null);
    assert.deepEqual(sealed.payload, bytes(OWN));
    assert.equal(readAnnounced(sealed.payload, sealed.iv), OWN);
  });

  test("nothing else passes unencrypted", () => {
    const other = OWN.replaceAll("0", "f");
    for (const text of ["hello", `about ${OWN}`, `${other} frameseal`, `${OWN} frameseal`.padEnd(257)]) {
      assert.equal(sealedAnnouncement(bytes(text), "frameseal", OWN), null, text);
    }
    assert.equal(sealedAnnouncement(bytes("frameseal"), "frameseal", ""), null);
    const sealed = sealedAnnouncement(bytes(`${OWN} frameseal`), "frameseal", OWN);
    // Another IV, or another text under the mark, announces nothing.
    assert.equal(readAnnounced(bytes(OWN), new Uint8Array(12)), null);
    assert.equal(readAnnounced(bytes("hello"), sealed?.iv ?? new Uint8Array()), null);
  });
});

describe("both formats in one engine", () => {
  const path = (name: string): string => fileURLToPath(new URL(name, import.meta.url));
  const ROOM = new Uint8Array(32).fill(7);
  type CompatClass = new (inner: Engine, options: CompatOptions, own: string) => Engine;
  let Compat: CompatClass;
  let module: WebAssembly.Module;
  before(async () => {
    module = new WebAssembly.Module(readFileSync(path("../dist/media.wasm")));
    ({ Compat } = (await import(path("../dist/worker-livekit.js"))) as { Compat: CompatClass });
  });

  const COMPAT = { keyBits: 128, ringSize: 16, ratchetWindow: 8, ratchetSalt: "LKFrameEncryptionKey" } as const;

  async function member(own: string, policy: CompatOptions["policy"] | null): Promise<Engine> {
    const inner = new WasmEngine(module, { call: "room", participant: own, suite: 4, padding: false } as ConstructorParameters<typeof WasmEngine>[1]);
    const engine: Engine = policy === null ? inner : new Compat(inner, { ...COMPAT, policy }, own);
    await engine.setRoomSecret(ROOM.slice());
    await engine.compat?.({ what: "key", participant: null, index: 0, kdf: "PBKDF2", secret: bytes("words") });
    return engine;
  }

  const frame = (data: Uint8Array<ArrayBuffer>, rule: number, type?: "key" | "delta"): EncodedFrame & { timestamp: number } => ({
    data: data.slice().buffer,
    type,
    timestamp: 4711,
    getMetadata: () => ({ synchronizationSource: 17, ...(type === undefined ? {} : { mimeType: rule === RULE.av1 ? "video/AV1" : "video/VP8" }) }),
  });

  async function run(lane: Lane, data: Uint8Array<ArrayBuffer>, rule: number, type?: "key" | "delta"): Promise<{ status: Status; data: Uint8Array<ArrayBuffer> }> {
    const one = frame(data, rule, type);
    return { status: await lane.run(one, rule, false), data: new Uint8Array(one.data) };
  }

  /** Ada and bob under a policy, and a lane of each. */
  async function pair(policy: CompatOptions["policy"], bobs: CompatOptions["policy"] | null = policy): Promise<{ ada: Engine; send: Lane; receive: Lane }> {
    const [ada, bob] = [await member("ada", policy), await member("bob", bobs)];
    await bob.addParticipant("ada", ada.announcement());
    return { ada, send: ada.lane("send", "video", null), receive: bob.lane("receive", "video", "ada") };
  }

  const VP8 = Uint8Array.from({ length: 90 }, (_, n) => (n === 0 ? 0x10 : n));

  test("a sender that changes its format in mid-call is followed, frame by frame and back", async () => {
    const { ada, send, receive } = await pair("auto");
    for (const format of ["sframe", "livekit", "livekit", "sframe", "sframe", "livekit"] as const) {
      await ada.compat?.({ what: "send", format });
      const sealed = await run(send, VP8, RULE.vp8, "key");
      assert.ok(sealed.status >= 0);
      // LiveKit's trailer: the IV's length and the slot.
      assert.equal(Buffer.from(sealed.data.subarray(-2)).toString("hex") === "0c00", format === "livekit");
      const opened = await run(receive, sealed.data, RULE.vp8, "key");
      assert.ok(opened.status >= 0, `${format}: ${opened.status}`);
      assert.deepEqual(opened.data, VP8);
      // A repeat is one in either format.
      assert.equal((await run(receive, sealed.data, RULE.vp8, "key")).status, -Code.Replayed);
    }
  });

  test("one policy alone opens one format alone", async () => {
    const auto = await pair("auto", "livekit");
    const own = await run(auto.send, VP8, RULE.vp8, "key");
    assert.ok((await run(auto.receive, own.data, RULE.vp8, "key")).status < 0, "Frameseal's format under the policy livekit");
    const strict = await pair("livekit", null);
    const stock = await run(strict.send, VP8, RULE.vp8, "key");
    assert.ok(stock.status >= 0);
    assert.ok((await run(strict.receive, stock.data, RULE.vp8, "key")).status < 0, "LiveKit's format under the policy sframe");
  });

  test("damage opens in neither format", async () => {
    for (const format of ["sframe", "livekit"] as const) {
      const { ada, send, receive } = await pair("auto");
      await ada.compat?.({ what: "send", format });
      const { data } = await run(send, VP8, RULE.vp8, "key");
      for (let at = 0; at < data.length; at++) {
        const bad = data.slice();
        bad[at] = (bad[at] ?? 0) ^ 1;
        assert.ok((await run(receive, bad, RULE.vp8, "key")).status < 0, `${format}, byte ${at}`);
      }
      assert.ok((await run(receive, data, RULE.vp8, "key")).status >= 0);
    }
  });

  test("AV1 is not sent in LiveKit's format", async () => {
    const { send } = await pair("livekit");
    assert.equal((await run(send, VP8, RULE.av1, "key")).status, -Code.SealUnknownCodec);
  });

  test("a key index outside of the ring is refused with what to do", async () => {
    const ada = await member("ada", "livekit");
    const outside = ada.compat?.({ what: "key", participant: null, index: 16, kdf: "HKDF", secret: new Uint8Array(16) });
    await assert.rejects(async () => outside, /key index 16 is outside of the ring of 16.* raise ringSize/);
  });

  test("messages of LiveKit's format open once, and not when they were changed", async () => {
    const [ada, bob] = [await member("ada", "livekit"), await member("bob", "livekit")];
    const { payload, iv, keyIndex } = (await ada.compat?.({ what: "seal", data: bytes("hello") })) as SealedData;
    const open = (data: Uint8Array): unknown => bob.compat?.({ what: "open", participant: "ada", data, iv, keyIndex });
    const bad = payload.slice();
    bad[0] = (bad[0] ?? 0) ^ 1;
    await assert.rejects(async () => open(bad));
    assert.deepEqual(await open(payload), bytes("hello"));
    await assert.rejects(async () => open(payload));
  });
});
