/** The built worker for Jitsi in Frameseal's own format, message by message, in a worker's global object made up here. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";
import { runInNewContext } from "node:vm";
import { fileURLToPath } from "node:url";
import { LocalWorker, MemoryRoom, until } from "./session-rig.ts";
import { E2eeError } from "../src/errors.ts";
import { Session } from "../src/session/session.ts";

const code = readFileSync(fileURLToPath(new URL("../dist/jitsi-sframe-worker.js", import.meta.url)), "utf8");
const SESSION = new WebAssembly.Module(readFileSync(new URL("../wasm/session.wasm", import.meta.url)));
const KEY = Uint8Array.from({ length: 16 }, (_, n) => n);

/** Does not keep a test alive. */
class Channel extends BroadcastChannel {
  constructor(name: string) {
    super(name);
    (this as unknown as { unref(): void }).unref();
  }
}

interface Frame {
  data: ArrayBuffer;
  readonly type?: string;
  getMetadata(): { readonly mimeType: string };
}

/** A worker that runs, as lib-jitsi-meet begins it. */
function start(framesealPolicy?: object, sharedKey = true) {
  const said: string[] = [];
  const scope: Record<string, unknown> = {
    framesealPolicy,
    console: { warn: (text: string) => said.push(text) },
    // So that no timer outlives a test.
    setInterval: () => 0,
    ...{ crypto, CryptoKey, DataView, BigInt, performance, WebAssembly, TextEncoder, TextDecoder, Uint8Array, Uint32Array, Float64Array, ArrayBuffer, Map, Set, Error, Promise, atob, queueMicrotask },
    BroadcastChannel: Channel,
  };
  scope["self"] = scope;
  runInNewContext(code, scope);
  const post = (message: object): void => (scope["onmessage"] as (event: object) => void)({ data: message });
  post({ operation: "initialize", sharedKey });
  post({ operation: "setEnabled", enabled: true });
  return { said, post, scope };
}

type Desk = ReturnType<typeof start>;

/** The key as the page hands it over: for AES-GCM, and never to be exported, unless said otherwise. */
async function aes(bytes: Uint8Array = KEY): Promise<CryptoKey> {
  return crypto.subtle.importKey("raw", new Uint8Array(bytes), "AES-GCM", false, ["encrypt", "decrypt"]);
}

async function ready(key: unknown = undefined, keyIndex = 0): Promise<Desk> {
  const desk = start();
  desk.post({ operation: "setKey", key: key ?? (await aes()), keyIndex });
  return desk;
}

/** Sends frames through one track of the worker; gives what came out. */
async function through(desk: Desk, operation: "encode" | "decode", participantId: string, frames: Frame[]): Promise<Buffer[]> {
  const out: Buffer[] = [];
  let ended = (): void => undefined;
  const end = new Promise<void>((resolve) => (ended = resolve));
  const readable = new ReadableStream<Frame>({
    start(controller) {
      for (const frame of frames) controller.enqueue(frame);
      controller.close();
    },
  });
  const writable = new WritableStream<Frame>({ write: ({ data }) => void out.push(Buffer.from(data)), close: () => ended() });
  const transformer = { readable, writable, options: { operation, participantId } };
  (desk.scope["onrtctransform"] as (event: object) => void)({ transformer });
  await end;
  return out;
}

function frame(bytes: Uint8Array, mime = "audio/opus", type?: string): Frame {
  return { data: new Uint8Array(bytes).buffer, ...(type === undefined ? {} : { type }), getMetadata: () => ({ mimeType: mime }) };
}

const h264 = Uint8Array.from([0, 0, 0, 1, 0x67, 0x42, 0, 10, 0, 0, 0, 1, 0x68, 0xce, 0, 0, 0, 1, 0x65, 0x88, ...new Uint8Array(200).fill(7)]);
const av1 = Uint8Array.from([0x12, 0, 0x0a, 3, 1, 2, 3, 0x32, 100, ...new Uint8Array(100).fill(9)]);
const vp8 = Uint8Array.from([0x10, 2, 0, 0x9d, 1, 0x2a, 64, 1, 240, 0, ...new Uint8Array(300).fill(3)]);
const FRAMES: readonly [string, string | undefined, Uint8Array][] = [
  ["audio/opus", undefined, new Uint8Array(80).fill(1)],
  ["video/VP8", "key", vp8],
  ["video/VP9", "delta", new Uint8Array(3000).fill(2)],
  ["video/AV1", "key", av1],
  ["video/H264", "key", h264],
];

interface SharedCase {
  readonly cipher_suite: number;
  readonly key: string;
  readonly secret: string;
  readonly participant: string;
  readonly kind: string;
  readonly index: string;
  readonly run: string;
  readonly ctr: string;
  readonly plaintext: string;
  readonly sealed: string;
}
const hex = (text: string): Uint8Array<ArrayBuffer> => Uint8Array.from(Buffer.from(text, "hex"));
const vectors = (JSON.parse(readFileSync(new URL("../../vectors/jitsi/sframe.json", import.meta.url), "utf8")) as { groups: { cases: SharedCase[] }[] }).groups.flatMap(({ cases }) => cases);

/** HKDF in its two steps, for info that ends in no terms of WebCrypto's. */
async function hmac(hash: string, key: Uint8Array<ArrayBuffer>, ...data: Uint8Array[]): Promise<Uint8Array<ArrayBuffer>> {
  const made = await crypto.subtle.importKey("raw", key, { name: "HMAC", hash }, false, ["sign"]);
  return new Uint8Array(await crypto.subtle.sign("HMAC", made, Buffer.concat(data)));
}
async function expand(hash: string, prk: Uint8Array<ArrayBuffer>, info: Uint8Array, length: number): Promise<Uint8Array<ArrayBuffer>> {
  return (await hmac(hash, prk, info, Uint8Array.of(1))).slice(0, length);
}

/** A frame of an application's key, opaque codec, from the text of docs/formats.md and RFC 9605, by WebCrypto alone. */
async function sealedBy(v: SharedCase): Promise<{ secret: string; sealed: string }> {
  const text = new TextEncoder();
  const strong = v.cipher_suite === 5;
  const [hash, hashLength, keyLength] = strong ? (["SHA-512", 64, 32] as const) : (["SHA-256", 32, 16] as const);
  const own = await crypto.subtle.importKey("raw", hex(v.key), "AES-GCM", false, ["encrypt"]);
  const stream = await crypto.subtle.encrypt({ name: "AES-GCM", iv: text.encode("frameseal 01") }, own, new Uint8Array(32));
  const secret = new Uint8Array(stream.slice(0, 32));
  const named = (name: string): Buffer => Buffer.concat([Uint8Array.of(0, name.length), text.encode(name)]);
  const bound = Buffer.concat([text.encode("Frameseal 1 media"), named("Jitsi"), named(v.participant), Uint8Array.of(v.kind === "audio" ? 0 : 1)]);
  const base = await expand(hash, await hmac(hash, new Uint8Array(hashLength), secret), bound, hashLength);
  const kid = Buffer.alloc(8);
  kid.writeBigUInt64BE((BigInt(v.run) << 4n) | (BigInt(v.index) & 15n));
  const prk = await hmac(hash, new Uint8Array(hashLength), base);
  const label = (what: string): Buffer => Buffer.concat([text.encode(`SFrame 1.0 Secret ${what} `), kid, Uint8Array.of(0, v.cipher_suite)]);
  const key = await crypto.subtle.importKey("raw", await expand(hash, prk, label("key"), keyLength), "AES-GCM", false, ["encrypt"]);
  const iv = await expand(hash, prk, label("salt"), 12);
  const ctr = Buffer.alloc(8);
  ctr.writeBigUInt64BE(BigInt(v.ctr));
  ctr.forEach((byte, at) => (iv[4 + at] = (iv[4 + at] ?? 0) ^ byte));
  const digits = (bytes: Buffer): Buffer => bytes.subarray(Math.min(bytes.findIndex((byte) => byte !== 0) >>> 0, 7));
  const [id, count] = [digits(kid), digits(ctr)];
  const short = BigInt(v.ctr) < 8n;
  const header = Buffer.concat([Uint8Array.of(0x80 | ((id.length - 1) << 4) | (short ? Number(v.ctr) : 8 | (count.length - 1))), id, short ? new Uint8Array() : count]);
  const additionalData = Buffer.concat([header, Uint8Array.of(0x41)]);
  const body = await crypto.subtle.encrypt({ name: "AES-GCM", iv, additionalData }, key, hex(v.plaintext));
  return { secret: Buffer.from(secret).toString("hex"), sealed: Buffer.concat([Uint8Array.of(0x41), header, new Uint8Array(body)]).toString("hex") };
}

describe("jitsi sframe worker", () => {
  test("frames of the vectors open, and are what the text of the format makes of their keys", async () => {
    assert.ok(vectors.length >= 8);
    for (const v of vectors) {
      assert.deepEqual(await sealedBy(v), { secret: v.secret, sealed: v.sealed });
      const desk = await ready(await aes(hex(v.key)), Number(v.index));
      const said = v.kind === "audio" ? frame(hex(v.sealed)) : frame(hex(v.sealed), "video/VP9", "key");
      assert.deepEqual(await through(desk, "decode", v.participant, [said]), [Buffer.from(v.plaintext, "hex")], desk.said.join("; "));
    }
  });

  test("frames of every codec go from worker to worker under the application's key, by whatever kind of key", async () => {
    const hkdf = await crypto.subtle.importKey("raw", KEY, "HKDF", false, ["deriveBits"]);
    const strong = Uint8Array.from({ length: 32 }, (_, n) => n);
    for (const key of [await aes(), { encryptionKey: await aes(strong) }, hkdf, KEY.slice(), KEY.slice().buffer]) {
      const [ada, bob] = [await ready(structuredClone(key), 3), await ready(structuredClone(key), 3)];
      for (const [mime, type, plain] of FRAMES) {
        const [sealed] = await through(ada, "encode", "ada", [frame(plain, mime, type)]);
        assert.ok(sealed !== undefined, `${mime}: ${ada.said.join("; ")}`);
        assert.ok(sealed.length > plain.length + 17, mime);
        assert.ok(!sealed.includes(Buffer.from(plain.slice(-40))), `${mime} in clear`);
        const opened = await through(bob, "decode", "ada", [frame(sealed, mime, type), frame(sealed, mime, type)]);
        assert.deepEqual(opened.map((bytes) => bytes.toString("hex")), [Buffer.from(plain).toString("hex")], "once, for the second is a repeat");
      }
      assert.deepEqual([ada.said, bob.said], [[], []]);
    }
  });

  test("bytes of a key are the key that WebCrypto makes of them", async () => {
    const [ada, bob] = [await ready(KEY.slice()), await ready(await aes())];
    const [sealed] = await through(ada, "encode", "ada", [frame(new Uint8Array(50))]);
    assert.equal((await through(bob, "decode", "ada", [frame(sealed ?? KEY)])).length, 1);
  });

  test("a page that is loaded again under the same key repeats no keystream, and is opened at once", async () => {
    const bob = await ready();
    const bodies = new Set<string>();
    for (let load = 0; load < 8; load++) {
      const ada = await ready();
      const sealed = await through(ada, "encode", "ada", [frame(new Uint8Array(64)), frame(new Uint8Array(64))]);
      for (const bytes of sealed) bodies.add(bytes.subarray(-80, -16).toString("hex"));
      assert.equal((await through(bob, "decode", "ada", sealed.map((bytes) => frame(bytes)))).length, 2, `load ${load}: ${bob.said.join("; ")}`);
    }
    assert.equal(bodies.size, 16);
  });

  test("large frames, whose cipher runs in WebCrypto, open as others do, across a change of keys", async () => {
    const [ada, bob] = [await ready(), await ready()];
    const plain = Array.from({ length: 12 }, (_, n) => new Uint8Array(20_000).fill(n));
    for (const index of [0, 1]) {
      const key = await aes(new Uint8Array(16).fill(index));
      for (const desk of [ada, bob]) desk.post({ operation: "setKey", key, keyIndex: index });
      const sealed = await through(ada, "encode", "ada", plain.map((bytes) => frame(bytes, "video/VP9", "delta")));
      const opened = await through(bob, "decode", "ada", sealed.map((bytes) => frame(bytes, "video/VP9", "delta")));
      assert.deepEqual(opened, plain.map((bytes) => Buffer.from(bytes)));
    }
    assert.deepEqual(bob.said, []);
  });

  test("a frame of one participant does not open as another's", async () => {
    const [ada, bob] = [await ready(), await ready()];
    const [sealed] = await through(ada, "encode", "ada", [frame(new Uint8Array(64))]);
    assert.deepEqual(await through(bob, "decode", "eve", [frame(sealed ?? KEY)]), []);
    assert.match(bob.said.join(), /wrong-key.*participant eve/);
    assert.equal((await through(bob, "decode", "ada", [frame(sealed ?? KEY)])).length, 1);
  });

  test("who has another key opens nothing, and a key that is taken away is used no more", async () => {
    const [ada, eve] = [await ready(), await ready(await aes(new Uint8Array(16)))];
    const [sealed] = await through(ada, "encode", "ada", [frame(new Uint8Array(64))]);
    assert.deepEqual(await through(eve, "decode", "ada", [frame(sealed ?? KEY)]), []);
    ada.post({ operation: "setKey", key: false, keyIndex: 0 });
    assert.deepEqual(await through(ada, "encode", "ada", [frame(new Uint8Array(64))]), []);
    assert.match(ada.said.join(), /no key to send with; nothing is sent \(participant ada\)/);
    ada.post({ operation: "setKey", key: await aes(), keyIndex: 1 });
    assert.equal((await through(ada, "encode", "ada", [frame(new Uint8Array(64))])).length, 1);
  });

  test("what is no key for this worker ends what was sealed before, and is told", async () => {
    const bad = [
      [{ key: new Uint8Array(15), keyIndex: 0 }, /a key that is neither/],
      [{ key: "secret", keyIndex: 0 }, /a key that is neither/],
      [{ key: KEY.slice(), keyIndex: 0, participantId: "ada" }, /externallyManagedKey/],
      [{ key: await aes(), keyIndex: -1 }, /an index that is none/],
      [{ key: { frameseal: { channel: "", room: "r", participant: "p" } }, keyIndex: 0 }, /a key that is neither/],
    ] as const;
    for (const [order, why] of bad) {
      const desk = await ready();
      assert.equal((await through(desk, "encode", "ada", [frame(KEY)])).length, 1);
      desk.post({ operation: "setKey", ...order });
      assert.deepEqual(await through(desk, "encode", "ada", [frame(KEY)]), []);
      assert.match(desk.said.join(), why);
    }
    const single = start(undefined, false);
    single.post({ operation: "setKey", key: await aes(), keyIndex: 0 });
    assert.deepEqual(await through(single, "encode", "ada", [frame(KEY)]), []);
  });

  test("a codec without a rule, and a frame in clear, pass in neither direction", async () => {
    const [ada, bob] = [await ready(), await ready()];
    assert.deepEqual(await through(ada, "encode", "ada", [frame(vp8, "video/theora", "key")]), []);
    assert.deepEqual(await through(bob, "decode", "ada", [frame(vp8, "video/VP8", "key"), frame(new Uint8Array(0))]), []);
    assert.match(ada.said.join(), /nothing of a track is sent: unknown-version/);
    bob.post({ operation: "setEnabled", enabled: false });
    assert.equal((await through(bob, "decode", "ada", [frame(vp8, "video/VP8", "key")])).length, 1, "switched off by the user");
    const strict = start({ clear: "never" });
    strict.post({ operation: "setEnabled", enabled: false });
    assert.deepEqual(await through(strict, "encode", "ada", [frame(KEY)]), []);
  });

  test("a session's keys come over its channel, follow its members, and end with it", async () => {
    const room = new MemoryRoom();
    const join = async (participant: string) => {
      const worker = new LocalWorker();
      const session = await Session.create({ room: "r", participant, transport: room.transport(), worker: worker as unknown as Worker, wasm: SESSION }, () => {
        throw new E2eeError("Internal", "a worker was given");
      });
      const desk = start();
      const channel = session.attachChannel(() => desk.post({ operation: "setKey", key: false, keyIndex: 0 }));
      desk.post({ operation: "setKey", key: { encryptionKey: { frameseal: { channel, room: "r", participant } } }, keyIndex: 0 });
      return { session, worker, desk };
    };
    const speaks = async (from: Awaited<ReturnType<typeof join>>, to: Desk): Promise<boolean> => {
      const [sealed] = await through(from.desk, "encode", from.session.participant, [frame(new Uint8Array(60))]);
      return sealed !== undefined && (await through(to, "decode", from.session.participant, [frame(sealed)])).length === 1;
    };
    const [ada, bob] = [await join("ada"), await join("bob")];
    for (const [from, to] of [[ada, bob], [bob, ada]] as const) await until(() => speaks(from, to.desk), "keys of the group");
    const cem = await join("cem");
    await until(() => speaks(ada, cem.desk), "keys for who came");
    // A worker that is made anew, as for another media session, is given them again.
    const again = start();
    const channel = ada.session.attachChannel(() => undefined);
    again.post({ operation: "setKey", key: { frameseal: { channel, room: "r", participant: "ada" } }, keyIndex: 0 });
    await until(() => speaks(bob, again), "keys for a second worker");
    // And what two workers of one member seal at once is sealed under keys of their own, from the first frame on.
    await until(async () => (await through(again, "encode", "ada", [frame(new Uint8Array(60))])).length === 1, "a sealer of its own");
    const bodies = new Set<string>();
    for (const desk of [ada.desk, again]) {
      for (const bytes of await through(desk, "encode", "ada", Array.from({ length: 4 }, () => frame(new Uint8Array(60))))) bodies.add(bytes.subarray(-76, -16).toString("hex"));
    }
    assert.equal(bodies.size, 8);
    // Who learns the name of the channel later gets nothing by it.
    const overheard: unknown[] = [];
    const listener = new Channel(channel);
    listener.onmessage = ({ data }: MessageEvent) => overheard.push(data);
    const late = start();
    late.post({ operation: "setKey", key: { frameseal: { channel, room: "r", participant: "ada" } }, keyIndex: 0 });
    listener.postMessage({ t: "said", run: "", toMedia: true, words: { about: '{"t":"hush"}', bytes: new Uint8Array(16) } });
    await ada.session.rotate();
    await until(() => overheard.filter((one) => (one as { t: string }).t === "said").length > 2, "the next keys on the channel");
    await until(() => speaks(bob, again), "the next keys");
    assert.deepEqual(await through(late, "encode", "ada", [frame(KEY)]), []);
    assert.ok(overheard.every((one) => !JSON.stringify(one).includes('"secret":"') && !JSON.stringify(one).includes('"secret":{')));
    listener.close();
    const gone = ada.session.members.find(({ participant }) => participant === "cem");
    assert.ok(gone !== undefined);
    await ada.session.remove(gone);
    await until(() => cem.session.state === "removed", "cem out");
    await until(() => speaks(ada, bob.desk), "the next keys");
    await until(async () => !(await speaks(ada, cem.desk)), "cem left without keys");
    assert.equal(await speaks(ada, bob.desk), true);
    const [more] = await through(cem.desk, "encode", "cem", [frame(KEY)]);
    assert.equal(more, undefined, "who is out seals nothing");
    // What the page saw of it all has no key in it.
    assert.ok(ada.worker.told.every((message) => !("secret" in message)));
    ada.session.close();
    await until(async () => (await through(ada.desk, "encode", "ada", [frame(KEY)])).length === 0, "nothing sealed without the session");
    bob.session.close();
    cem.session.close();
  });
});
