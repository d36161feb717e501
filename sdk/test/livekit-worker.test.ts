/** The built LiveKit worker, message by message, in a worker's global object made up here; figures from `vectors/livekit`. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";
import { runInNewContext } from "node:vm";
import { fileURLToPath } from "node:url";

const path = (name: string): string => fileURLToPath(new URL(name, import.meta.url));
const code = readFileSync(path("../dist/livekit-worker.js"), "utf8");
const hex = (text: string): Uint8Array<ArrayBuffer> => Uint8Array.from(Buffer.from(text, "hex"));

interface VectorCase {
  readonly kdf: string;
  readonly material: string;
  readonly salt: string;
  readonly key_bits: number;
  readonly ratchet_steps: number;
  readonly key_index: number;
  readonly codec: string;
  readonly frame_type: string | null;
  readonly iv: string;
  readonly plaintext: string;
  readonly sealed: string;
}
const vectors = JSON.parse(readFileSync(path("../../vectors/livekit/livekit.json"), "utf8")) as {
  readonly groups: { readonly kind: string; readonly cases: VectorCase[] }[];
};
const cases = (kind: string): VectorCase[] => vectors.groups.filter((group) => group.kind === kind).flatMap((group) => group.cases);

interface Message {
  readonly kind: string;
  readonly data: Record<string, unknown> & { readonly error?: Error };
}
const OPTIONS = { sharedKey: false, ratchetSalt: "LKFrameEncryptionKey", ratchetWindowSize: 8, failureTolerance: 10, keyringSize: 256, keySize: 128 };

/** A worker that runs; frames go through pipes as a browser makes them. */
function start(options: Partial<typeof OPTIONS> = {}, search = "") {
  const said: Message[] = [];
  let pulse = (): void => undefined;
  const scope: Record<string, unknown> = {
    location: { search },
    postMessage: (message: Message) => said.push(message),
    // So that no timer outlives a test; a test calls it.
    setInterval: (work: () => void) => (pulse = work),
    ...{ crypto, performance, WebAssembly, TextEncoder, TextDecoder, URLSearchParams, Uint8Array, ArrayBuffer, BigInt, DataView, Map, Error, Promise, atob },
  };
  scope["self"] = scope;
  runInNewContext(code, scope);
  const post = (message: unknown): void => (scope["onmessage"] as (event: object) => void)({ data: message });
  post({ kind: "init", data: { keyProviderOptions: { ...OPTIONS, ...options } } });
  return { said, post, scope, pulse: () => pulse() };
}

async function key(kdf: string, material: Uint8Array<ArrayBuffer>): Promise<CryptoKey> {
  return crypto.subtle.importKey("raw", material, kdf === "hkdf" ? "HKDF" : "PBKDF2", false, ["deriveBits", "deriveKey"]);
}

type Desk = ReturnType<typeof start>;

/** Sends frames through a pipe of the worker; gives what came out. */
async function through(desk: Desk, kind: "encode" | "decode", frames: object[], order: object = {}): Promise<{ data: ArrayBuffer }[]> {
  const out: { data: ArrayBuffer }[] = [];
  let ended = (): void => undefined;
  const end = new Promise<void>((resolve) => (ended = resolve));
  const readableStream = new ReadableStream({
    start(controller) {
      for (const frame of frames) controller.enqueue(frame);
      controller.close();
    },
  });
  const writableStream = new WritableStream({ write: (frame: { data: ArrayBuffer }) => void out.push(frame), close: () => ended() });
  desk.post({ kind, data: { participantIdentity: "ada", trackId: "track", readableStream, writableStream, ...order } });
  await end;
  return out;
}

function frame(data: Uint8Array<ArrayBuffer>, type: string | null, codec: string, ssrc = 7): object {
  const mimeType = codec === "opus" ? "audio/opus" : `video/${codec.toUpperCase()}`;
  return { data: data.slice().buffer, ...(type === null ? {} : { type }), timestamp: 90_000, getMetadata: () => ({ mimeType, synchronizationSource: ssrc }) };
}

const hexOf = (frames: { data: ArrayBuffer }[]): string[] => frames.map(({ data }) => Buffer.from(data).toString("hex"));
const errors = (desk: Desk): string[] => desk.said.filter(({ kind }) => kind === "error").map(({ data }) => data.error?.message ?? "");
const idle = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 50));

describe("livekit worker", () => {
  test("every frame of the vectors opens, and what is sealed opens again", async () => {
    let count = 0;
    for (const v of cases("livekit.frame").filter(({ ratchet_steps }) => ratchet_steps === 0)) {
      const desk = start({ keySize: v.key_bits, ratchetSalt: v.salt });
      const set = { participantIdentity: "ada", key: await key(v.kdf, hex(v.material)), keyIndex: v.key_index, updateCurrentKeyIndex: true };
      desk.post({ kind: "setKey", data: set });
      assert.deepEqual(hexOf(await through(desk, "decode", [frame(hex(v.sealed), v.frame_type, v.codec)])), [v.plaintext]);
      const sealed = await through(desk, "encode", [frame(hex(v.plaintext), v.frame_type, v.codec)]);
      if (v.plaintext !== "") assert.notDeepEqual(hexOf(sealed), [v.plaintext]);
      const back = sealed.map(({ data }) => frame(new Uint8Array(data), v.frame_type, v.codec));
      assert.deepEqual(hexOf(await through(desk, "decode", back)), [v.plaintext]);
      assert.deepEqual(errors(desk), []);
      count++;
    }
    assert.ok(count > 40, `${count} cases`);
  });

  test("every data packet of the vectors opens once", async () => {
    for (const v of cases("livekit.data")) {
      const desk = start({ keySize: v.key_bits });
      const data = { participantIdentity: "ada", key: await key(v.kdf, hex(v.material)), keyIndex: v.key_index };
      desk.post({ kind: "setKey", data });
      const packet = { participantIdentity: "ada", payload: hex(v.sealed), iv: hex(v.iv), keyIndex: v.key_index };
      for (const uuid of ["first", "second"]) desk.post({ kind: "decryptDataRequest", data: { ...packet, uuid } });
      desk.post({ kind: "encryptDataRequest", data: { participantIdentity: "ada", payload: hex("abcd"), uuid: "third" } });
      while (desk.said.length < 4) await idle();
      const [, opened, again, sealed] = desk.said;
      assert.equal(opened?.kind, "decryptDataResponse");
      assert.equal(Buffer.from(opened.data["payload"] as Uint8Array).toString("hex"), v.plaintext);
      assert.equal(again?.kind, "error");
      assert.equal(again.data["uuid"], "second");
      assert.equal(sealed?.kind, "encryptDataResponse");
      assert.equal((sealed.data["payload"] as Uint8Array).length, 2 + 16);
    }
  });

  test("nothing goes out in clear: without a key, switched off, or switched off behind the application's back", async () => {
    const desk = start();
    const plain = (): object => frame(hex("78aabbcc"), null, "opus");
    assert.deepEqual(await through(desk, "encode", [plain()]), []);
    desk.post({ kind: "setKey", data: { participantIdentity: "ada", key: await key("hkdf", hex("11".repeat(32))), keyIndex: 0 } });
    desk.post({ kind: "enable", data: { participantIdentity: "ada", enabled: true } });
    desk.post({ kind: "enable", data: { participantIdentity: "ada", enabled: false } });
    const sealed = await through(desk, "encode", [plain()]);
    assert.equal(sealed[0]?.data.byteLength, 4 + 30);
    const never = start();
    never.post({ kind: "enable", data: { participantIdentity: "ada", enabled: false } });
    assert.deepEqual(await through(never, "encode", [plain()]), []);
    assert.deepEqual(await through(never, "decode", [plain()]), []);
    assert.match(errors(never)[0] ?? "", /nothing is sent in clear; switch it on, or add clear=send/);
    const asked = start({}, "?clear=send");
    asked.post({ kind: "enable", data: { participantIdentity: "ada", enabled: false } });
    assert.deepEqual(hexOf(await through(asked, "encode", [plain()])), ["78aabbcc"]);
    assert.deepEqual(await through(asked, "decode", [plain()]), []);
    assert.match(errors(asked)[0] ?? "", /does not encrypt, and nothing in clear is shown; add clear=receive/);
  });

  test("a server that says a participant does not encrypt changes nothing for what is encrypted", async () => {
    const desk = start();
    desk.post({ kind: "setKey", data: { participantIdentity: "ada", key: await key("hkdf", hex("11".repeat(32))) } });
    desk.post({ kind: "enable", data: { participantIdentity: "ada", enabled: true } });
    const sealed = await through(desk, "encode", [frame(hex("78aabbcc"), null, "opus")]);
    const bob = start();
    bob.post({ kind: "setKey", data: { participantIdentity: "ada", key: await key("hkdf", hex("11".repeat(32))) } });
    bob.post({ kind: "enable", data: { participantIdentity: "ada", enabled: false } });
    const opened = await through(bob, "decode", sealed.map(({ data }) => frame(new Uint8Array(data), null, "opus")));
    assert.deepEqual(hexOf(opened), ["78aabbcc"]);
    assert.deepEqual(errors(bob), []);
  });

  test("who encrypted once is not shown in clear, where others may be", async () => {
    const desk = start({}, "?clear=receive");
    for (const enabled of [true, false]) desk.post({ kind: "enable", data: { participantIdentity: "ada", enabled } });
    desk.post({ kind: "enable", data: { participantIdentity: "bob", enabled: false } });
    const plain = (): object => frame(hex("78aabbcc"), null, "opus");
    assert.deepEqual(await through(desk, "decode", [plain()]), []);
    assert.deepEqual(hexOf(await through(desk, "decode", [plain()], { participantIdentity: "bob" })), ["78aabbcc"]);
  });

  test("bad input is answered with what to do", async () => {
    const shared = start();
    shared.post({ kind: "setKey", data: { key: await key("hkdf", hex("11".repeat(32))) } });
    const aes = await crypto.subtle.generateKey({ name: "AES-GCM", length: 128 }, false, ["encrypt"]);
    shared.post({ kind: "setKey", data: { participantIdentity: "bob", key: aes } });
    shared.post({ kind: "newer-than-this-worker", data: {} });
    await idle();
    assert.match(errors(shared)[0] ?? "", /^InvalidKey: a key without a participant was set/);
    assert.match(errors(shared)[1] ?? "", /^InvalidKey: a key for AES-GCM was set; import it for HKDF \(raw keys\) or PBKDF2/);
    assert.match(errors(shared)[2] ?? "", /^InternalError: livekit-client said "newer-than-this-worker".* newer frameseal/);
    const small = start({ keyringSize: 16 });
    small.post({ kind: "setKey", data: { participantIdentity: "bob", key: await key("hkdf", hex("11".repeat(32))), keyIndex: 16 } });
    await idle();
    assert.match(errors(small)[0] ?? "", /^InvalidKey: a key was set with index 16, and the ring has 16: it went into slot 0.* raise keyringSize/);
    const ring = start({ keyringSize: 300 });
    await idle();
    assert.match(errors(ring)[0] ?? "", /a ring of 300 keys of 128 bits: a ring has 1 to 256/);
    const av1 = start();
    av1.post({ kind: "setKey", data: { participantIdentity: "ada", key: await key("hkdf", hex("11".repeat(32))) } });
    assert.deepEqual(await through(av1, "encode", [frame(hex("12003204aabb"), "key", "av1")]), []);
    assert.match(errors(av1)[0] ?? "", /cannot carry AV1 .* publish another codec/);
  });

  test("a ratchet request steps the key and hands the step to the application", async () => {
    const [ada, bob] = [start(), start()];
    for (const desk of [ada, bob]) {
      desk.post({ kind: "setKey", data: { participantIdentity: "ada", key: await key("hkdf", hex("22".repeat(32))), keyIndex: 0 } });
    }
    const plain = (): object => frame(hex("1101020304"), "delta", "vp8");
    ada.post({ kind: "ratchetRequest", data: { participantIdentity: "ada", keyIndex: 0 } });
    const sealed = await through(ada, "encode", [plain()]);
    const event = ada.said.find(({ kind }) => kind === "ratchetKey");
    assert.equal((event?.data["ratchetResult"] as { chainKey: ArrayBuffer }).chainKey.byteLength, 32);
    const opened = await through(bob, "decode", sealed.map(({ data }) => frame(new Uint8Array(data), "delta", "vp8")));
    assert.deepEqual(hexOf(opened), ["1101020304"]);
    // Who followed by the frame alone tells the same secret, for an application that hands it on.
    bob.pulse();
    await idle();
    const chainKey = (desk: Desk): string => {
      const said = desk.said.find(({ kind }) => kind === "ratchetKey");
      return Buffer.from((said?.data["ratchetResult"] as { chainKey: ArrayBuffer }).chainKey).toString("hex");
    };
    assert.equal(chainKey(bob), chainKey(ada));
  });

  test("metadata behind a frame is read, told and left out of it", async () => {
    const desk = start();
    desk.post({ kind: "setKey", data: { participantIdentity: "ada", key: await key("hkdf", hex("33".repeat(32))) } });
    const order = { packetTrailer: { timestamp: true, frameId: true } };
    const sealed = await through(desk, "encode", [frame(hex("1101020304"), "delta", "vp8")], order);
    const bytes = new Uint8Array(sealed[0]?.data ?? new ArrayBuffer(0));
    assert.equal(Buffer.from(bytes.slice(-4)).toString(), "LKTS");
    const opened = await through(desk, "decode", [frame(bytes, "delta", "vp8")], { hasPacketTrailer: true });
    assert.deepEqual(hexOf(opened), ["1101020304"]);
    const told = desk.said.find(({ kind }) => kind === "packetTrailerMetadata")?.data["metadata"] as { frameId: number; userTimestamp: bigint };
    assert.equal(told.frameId, 1);
    assert.ok(told.userTimestamp > 1_700_000_000_000_000n);
  });
});
