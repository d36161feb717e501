/** The built Jitsi worker, message by message, in a worker's global object made up here; figures from `vectors/jitsi`. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";
import { runInNewContext } from "node:vm";
import { fileURLToPath } from "node:url";
import { ratcheted, Stock, type StockFrame } from "../e2e/pages/jitsi-stock.ts";

const path = (name: string): string => fileURLToPath(new URL(name, import.meta.url));
const code = readFileSync(path("../dist/jitsi-worker.js"), "utf8");
const hex = (text: string): Uint8Array<ArrayBuffer> => Uint8Array.from(Buffer.from(text, "hex"));
const KEY = hex("51".repeat(32));

interface VectorCase {
  readonly material?: string;
  readonly aes_key?: string;
  readonly ratchet_steps?: number;
  readonly key_index: number;
  readonly frame_type: string | null;
  readonly plaintext: string;
  readonly sealed: string;
}
const files = ["jitsi", "peers"].map((name) => JSON.parse(readFileSync(path(`../../vectors/jitsi/${name}.json`), "utf8")) as { groups: { kind: string; cases: VectorCase[] }[] });
const cases = files.flatMap(({ groups }) => groups.filter(({ kind }) => kind === "jitsi.frame").flatMap((group) => group.cases));

/** A worker that runs; frames go through pipes as a browser makes them. */
function start(framesealPolicy?: object) {
  const said: string[] = [];
  let pulse = (): void => undefined;
  const scope: Record<string, unknown> = {
    framesealPolicy,
    console: { warn: (text: string) => said.push(text) },
    // So that no timer outlives a test; a test calls it.
    setInterval: (work: () => void) => (pulse = work),
    ...{ crypto, CryptoKey, performance, WebAssembly, TextEncoder, TextDecoder, Uint8Array, ArrayBuffer, Map, Error, Promise, atob },
  };
  scope["self"] = scope;
  runInNewContext(code, scope);
  const post = (message: object): void => (scope["onmessage"] as (event: object) => void)({ data: message });
  post({ operation: "initialize", sharedKey: false });
  return { said, post, scope, pulse: () => pulse() };
}

type Desk = ReturnType<typeof start>;

/** With encryption on and ada's key set. */
function ready(key: unknown = KEY.slice(), keyIndex = 0): Desk {
  const desk = start();
  desk.post({ operation: "setEnabled", enabled: true });
  desk.post({ operation: "setKey", participantId: "ada", key, keyIndex });
  return desk;
}

/** Sends frames through a pipe of the worker; gives what came out. */
async function through(desk: Desk, operation: string, frames: StockFrame[], script = false): Promise<string[]> {
  const out: string[] = [];
  let ended = (): void => undefined;
  const end = new Promise<void>((resolve) => (ended = resolve));
  const readable = new ReadableStream({
    start(controller) {
      for (const frame of frames) controller.enqueue(frame);
      controller.close();
    },
  });
  const writable = new WritableStream({ write: ({ data }: StockFrame) => void out.push(Buffer.from(data).toString("hex")), close: () => ended() });
  if (script) {
    const transformer = { readable, writable, options: { operation, participantId: "ada" } };
    (desk.scope["onrtctransform"] as (event: object) => void)({ transformer });
  } else desk.post({ operation, participantId: "ada", readableStream: readable, writableStream: writable });
  await end;
  return out;
}

let clock = 0;
function frame(bytes: Uint8Array<ArrayBuffer> | string, type: string | null = null): StockFrame {
  const data = (typeof bytes === "string" ? hex(bytes) : bytes.slice()).buffer;
  return { data, ...(type === null ? {} : { type }), timestamp: (clock += 960), getMetadata: () => ({ synchronizationSource: 7 }) };
}

describe("jitsi worker", () => {
  test("every frame of the vectors opens, and what is sealed opens again, by both kinds of transform", async () => {
    let count = 0;
    for (const v of cases.filter(({ material }) => material !== undefined)) {
      const script = count % 2 === 0;
      const desk = ready(hex(v.material ?? ""), v.key_index);
      assert.deepEqual(await through(desk, "decode", [frame(v.sealed, v.frame_type)], script), [v.plaintext]);
      const [sealed] = await through(desk, "encode", [frame(v.plaintext, v.frame_type)], script);
      assert.equal(sealed?.length, v.plaintext.length + 60);
      assert.deepEqual(await through(desk, "decode", [frame(sealed, v.frame_type)], script), [v.plaintext]);
      assert.deepEqual(desk.said, []);
      count++;
    }
    assert.ok(count > 80, `${count} cases`);
  });

  test("a key that the application manages opens the vectors, exported or not, bare or in an object", async () => {
    let count = 0;
    for (const v of cases.filter(({ aes_key }) => aes_key !== undefined)) {
      for (const extractable of [true, false]) {
        for (const bare of [true, false]) {
          const key = await crypto.subtle.importKey("raw", hex(v.aes_key ?? ""), "AES-GCM", extractable, ["encrypt", "decrypt"]);
          const desk = start();
          desk.post({ operation: "initialize", sharedKey: true });
          desk.post({ operation: "setKey", key: bare ? key : { encryptionKey: key }, keyIndex: v.key_index });
          desk.post({ operation: "setEnabled", enabled: true });
          // Twice the same: a repeat.
          assert.deepEqual(await through(desk, "decode", [frame(v.sealed, v.frame_type), frame(v.sealed, v.frame_type)]), [v.plaintext]);
          const [sealed] = await through(desk, "encode", [frame(v.plaintext, v.frame_type)]);
          assert.equal(sealed?.length, v.plaintext.length + 60);
          assert.deepEqual(desk.said, []);
          const forged = hex(sealed);
          forged[forged.length - 20] = (forged[forged.length - 20] ?? 0) ^ 1;
          assert.deepEqual(await through(desk, "decode", [frame(forged, v.frame_type)]), []);
          assert.match(desk.said.join(), /does not open with the key/);
          assert.deepEqual(await through(desk, "decode", [frame(sealed, v.frame_type)]), [v.plaintext]);
          count++;
        }
      }
    }
    assert.ok(count >= 24, `${count} cases`);
  });

  test("a participant of the field opens ours and we open theirs, at every size, steps ahead followed", async () => {
    const stock = new Stock();
    await stock.setKey(KEY, 3);
    const desk = ready(KEY.slice(), 3);
    let key: Uint8Array<ArrayBuffer> = KEY;
    for (const steps of [0, 1, 3]) {
      for (let n = 0; n < steps; n++) key = await ratcheted(key);
      const ahead = new Stock();
      await ahead.setKey(key, 3);
      const sender = ready(key.slice(), 3);
      for (const [size, type] of [[1, null], [120, null], [10, "key"], [1200, "delta"], [30_000, "key"]] as const) {
        const plain = crypto.getRandomValues(new Uint8Array(size));
        const text = Buffer.from(plain).toString("hex");
        const theirs = frame(plain, type);
        await ahead.seal(theirs);
        assert.deepEqual(await through(desk, "decode", [frame(new Uint8Array(theirs.data), type)]), [text], `${steps} steps, ${size} bytes`);
        for (const wire of await through(sender, "encode", [frame(plain, type), frame(plain, type), frame(plain, type)])) {
          const ours = frame(wire, type);
          assert.equal(await stock.open(ours), true, `${steps} steps, ${size} bytes`);
          assert.equal(Buffer.from(ours.data).toString("hex"), text);
        }
      }
    }
    assert.deepEqual(desk.said, []);
  });

  test("WebCrypto opens large frames, and again after a step ahead was followed", async () => {
    const desk = ready();
    const opened = { right: 0, wrong: 0 };
    const decrypt = crypto.subtle.decrypt.bind(crypto.subtle);
    const counted: typeof decrypt = (...order) =>
      decrypt(...order).then(
        (plain) => (opened.right++, plain),
        (error: unknown) => (opened.wrong++, Promise.reject(error)),
      );
    const subtle = new Proxy(crypto.subtle, { get: (of, name) => (name === "decrypt" ? counted : (Reflect.get(of, name) as () => void).bind(of)) });
    Object.defineProperty(crypto, "subtle", { value: subtle, configurable: true });
    try {
      for (const key of [KEY, await ratcheted(KEY)]) {
        const stock = new Stock();
        await stock.setKey(key, 0);
        const frames = Array.from({ length: 20 }, () => frame("ab".repeat(20_000), "delta"));
        for (const one of frames) await stock.seal(one);
        opened.right = opened.wrong = 0;
        assert.equal((await through(desk, "decode", frames)).length, 20);
        // One fails under the key before, and one goes the other way while the key is imported.
        assert.ok(opened.right >= 15 && opened.wrong <= 1, JSON.stringify(opened));
      }
    } finally {
      Reflect.deleteProperty(crypto, "subtle");
    }
  });

  test("a frame that WebCrypto opened under a key that was replaced meanwhile is the new key's to judge", async () => {
    const desk = ready();
    const stock = new Stock();
    await stock.setKey(KEY, 0);
    const frames = Array.from({ length: 10 }, () => frame("ab".repeat(20_000), "delta"));
    for (const one of frames) await stock.seal(one);
    const decrypt = crypto.subtle.decrypt.bind(crypto.subtle);
    const opened = (): number => frames.filter((one) => one.data.byteLength === 20_000).length;
    let [calls, before] = [0, 0];
    const replacing: typeof decrypt = (...order) => {
      const opening = decrypt(...order);
      if (++calls === 5) {
        before = opened();
        desk.post({ operation: "setKey", participantId: "ada", key: hex("77".repeat(32)), keyIndex: 0 });
      }
      return opening;
    };
    const subtle = new Proxy(crypto.subtle, { get: (of, name) => (name === "decrypt" ? replacing : (Reflect.get(of, name) as () => void).bind(of)) });
    Object.defineProperty(crypto, "subtle", { value: subtle, configurable: true });
    try {
      assert.equal((await through(desk, "decode", frames)).length, before);
      assert.ok(before >= 4 && opened() === before, `${before}`);
    } finally {
      Reflect.deleteProperty(crypto, "subtle");
    }
  });

  test("frames of no byte, too short or of no known type are dropped, and the pipe goes on", async () => {
    const desk = ready();
    const odd = [frame(""), frame("", "delta"), frame("1122", "delta"), frame("10".repeat(9), "key"), frame("aabbcc", "empty"), frame("f8")];
    const out = await through(desk, "encode", odd);
    assert.deepEqual(out.map((wire) => wire.length / 2), [31]);
    assert.deepEqual(await through(desk, "decode", [frame(""), frame("00"), frame("aa".repeat(60), "empty"), frame(out[0] ?? "")]), ["f8"]);
    const passes = start({ empty: "pass" });
    passes.post({ operation: "setEnabled", enabled: true });
    assert.deepEqual(await through(passes, "encode", [frame(""), frame("f8")]), [""]);
    assert.deepEqual(await through(passes, "decode", [frame(""), frame("f8")]), [""]);
  });

  test("nothing passes in clear: before the page said anything, without a key, after the key was taken away", async () => {
    const plain = (): StockFrame => frame("78aabbcc");
    const silent = start();
    for (const operation of ["encode", "decode"]) assert.deepEqual(await through(silent, operation, [plain()]), []);
    silent.post({ operation: "setKey", participantId: "ada", key: KEY.slice(), keyIndex: 0 });
    assert.deepEqual(await through(silent, "encode", [plain()]), []);
    silent.post({ operation: "setEnabled", enabled: true });
    assert.equal((await through(silent, "encode", [plain()])).length, 1);
    assert.deepEqual(await through(silent, "decode", [plain()]), []);
    assert.match(silent.said.join(), /a frame is not encrypted, and is not shown \(participant ada\)/);
    for (const gone of [{ operation: "setKey", participantId: "ada", key: false, keyIndex: 1 }, { operation: "cleanup", participantId: "ada" }, { operation: "cleanupAll" }, { operation: "setKey", participantId: "ada", key: "text", keyIndex: 0 }, { operation: "setKey", participantId: "ada", key: new Uint8Array(5000), keyIndex: 0 }]) {
      const desk = ready();
      const [sealed] = await through(desk, "encode", [plain()]);
      desk.post(gone);
      assert.deepEqual(await through(desk, "encode", [plain()]), [], JSON.stringify(gone));
      assert.deepEqual(await through(desk, "decode", [frame(sealed ?? "")]), [], JSON.stringify(gone));
      desk.post({ operation: "setKey", participantId: "ada", key: KEY.slice(), keyIndex: 2 });
      assert.equal((await through(desk, "encode", [plain()])).length, 1);
    }
  });

  test("switched off by the page, media passes in clear, unless the deployment says never", async () => {
    const desk = ready();
    desk.post({ operation: "setEnabled", enabled: false });
    for (const operation of ["encode", "decode"]) assert.deepEqual(await through(desk, operation, [frame("78aabbcc")]), ["78aabbcc"]);
    desk.post({ operation: "setEnabled", enabled: true });
    assert.equal((await through(desk, "encode", [frame("78aabbcc")]))[0]?.length, 2 * 34);
    const never = start({ clear: "never" });
    never.post({ operation: "setEnabled", enabled: false });
    for (const operation of ["encode", "decode"]) assert.deepEqual(await through(never, operation, [frame("78aabbcc")]), []);
  });

  test("a repeat is dropped quietly, also after the participant left and came back", async () => {
    const desk = ready();
    const [sealed = ""] = await through(desk, "encode", [frame("78aabbcc")]);
    assert.deepEqual(await through(desk, "decode", [frame(sealed), frame(sealed)]), ["78aabbcc"]);
    desk.post({ operation: "cleanup", participantId: "ada" });
    desk.post({ operation: "setKey", participantId: "ada", key: KEY.slice(), keyIndex: 0 });
    assert.deepEqual(await through(desk, "decode", [frame(sealed)]), []);
    assert.deepEqual(desk.said, []);
  });

  test("who returns where one key is shared has it again, and who comes late seals with the last one set", async () => {
    const key = (byte: string): Promise<CryptoKey> => crypto.subtle.importKey("raw", hex(byte.repeat(16)), "AES-GCM", true, ["encrypt", "decrypt"]);
    const desk = start();
    desk.post({ operation: "initialize", sharedKey: true });
    desk.post({ operation: "setEnabled", enabled: true });
    for (const [index, byte] of [[4, "aa"], [1, "bb"], [20, "cc"]] as const) desk.post({ operation: "setKey", key: await key(byte), keyIndex: index });
    const [sealed = ""] = await through(desk, "encode", [frame("78aabbcc")]);
    assert.equal(sealed.slice(-2), "04");
    desk.post({ operation: "cleanup", participantId: "ada" });
    assert.deepEqual(await through(desk, "decode", [frame(sealed)]), ["78aabbcc"]);
    desk.post({ operation: "setKey", key: "no key", keyIndex: 0 });
    assert.deepEqual(await through(desk, "encode", [frame("78aabbcc")]), []);
    assert.match(desk.said.join(), /not a CryptoKey for AES-GCM/);
  });

  test("the console hears of trouble once in a while, and never of a key", async () => {
    const desk = ready();
    desk.post({ operation: "later" });
    desk.post({ operation: "setKey", key: KEY.slice(), keyIndex: 0 });
    desk.post({ operation: "setKey", participantId: "ada", key: KEY.slice(), keyIndex: -1 });
    const forged = frame(`78${"00".repeat(40)}0c00`);
    for (let n = 0; n < 50; n++) assert.deepEqual(await through(desk, "decode", [forged]), []);
    desk.pulse();
    assert.equal(desk.said.length, 4);
    assert.ok(desk.said.every((line) => line.startsWith("frameseal: ") && !line.includes("5151")), desk.said.join("\n"));
  });
});
