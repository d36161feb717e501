/** `frameseal/olm` against libolm itself (npm `@matrix-org/olm`): both ways, the same answers, and nothing left behind. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { before, test } from "node:test";
import Ours from "../src/olm/index.ts";
import { initSync } from "../wasm/olm.js";

type Olm = Pick<typeof Ours, "Account" | "Session" | "SAS" | "Utility" | "init" | "get_library_version">;
type Account = InstanceType<Olm["Account"]>;
type Session = InstanceType<Olm["Session"]>;

const Lib = createRequire(import.meta.url)("@matrix-org/olm") as Olm;
const module = new WebAssembly.Module(readFileSync(new URL("../wasm/olm.wasm", import.meta.url)));
const PAIRS: readonly (readonly [string, Olm, Olm])[] = [
  ["ours to libolm", Ours, Lib],
  ["libolm to ours", Lib, Ours],
  ["ours to ours", Ours, Ours],
];

before(async () => {
  assert.throws(() => new Ours.Account().create(), /OLM\.NOT_INITIALISED/);
  await Promise.all([Ours.init({ wasm: module }), Lib.init()]);
});

const account = (olm: Olm): Account => {
  const made = new olm.Account();
  made.create();
  return made;
};
const identity = (of: Account): { curve25519: string; ed25519: string } => JSON.parse(of.identity_keys()) as { curve25519: string; ed25519: string };
const oneTime = (of: Account): string => {
  of.generate_one_time_keys(1);
  const [key] = Object.values((JSON.parse(of.one_time_keys()) as { curve25519: Record<string, string> }).curve25519);
  of.mark_keys_as_published();
  assert.ok(key);
  return key;
};

interface Pair {
  readonly alice: Account;
  readonly bob: Account;
  readonly from: Session;
  readonly to: Session;
}

/** As lib-jitsi-meet does it: who is asked begins the session, who asked accepts its first message. */
function pair(one: Olm, other: Olm, first = "first"): Pair {
  const [alice, bob] = [account(one), account(other)];
  const from = new one.Session();
  from.create_outbound(alice, identity(bob).curve25519, oneTime(bob));
  const message = from.encrypt(first);
  assert.equal(message.type, 0);
  const to = new other.Session();
  to.create_inbound(bob, message.body);
  bob.remove_one_time_keys(to);
  assert.equal(to.has_received_message(), false);
  assert.equal(to.decrypt(0, message.body), first);
  assert.equal(to.has_received_message(), true);
  return { alice, bob, from, to };
}

function pass(from: Session, to: Session, text: string): void {
  const { type, body } = from.encrypt(text);
  assert.equal(to.decrypt(type, body), text);
}

const refused = (work: () => unknown): string => {
  try {
    work();
    return "nothing";
  } catch (error) {
    assert.ok(error instanceof Error);
    return error.message;
  }
};

for (const [name, one, other] of PAIRS) {
  test(`sessions, ${name}: first and later messages, ids, types`, () => {
    const { from, to } = pair(one, other, "päivää 🦁\uFEFF");
    assert.equal(from.session_id(), to.session_id());
    assert.equal(from.has_received_message(), false);
    assert.equal(from.encrypt("still a pre-key message").type, 0);
    pass(to, from, "answer");
    assert.equal(from.encrypt("and now").type, 1);
    for (let round = 0; round < 100; round += 1) {
      const [sender, receiver] = round % 3 === 0 ? [to, from] : [from, to];
      pass(sender, receiver, `${round} ${"é".repeat(round * 5)}`);
    }
    pass(from, to, "");
  });

  test(`sessions, ${name}: out of order, replays and damage`, () => {
    const { from, to } = pair(one, other);
    const early = Array.from({ length: 6 }, (_, at) => from.encrypt(`early ${at}`));
    for (const at of [5, 0, 3, 1, 4, 2]) assert.equal(to.decrypt(early[at]?.type ?? 9, early[at]?.body ?? ""), `early ${at}`);
    for (const { type, body } of early) assert.equal(refused(() => to.decrypt(type, body)), "OLM.BAD_MESSAGE_MAC");
    pass(to, from, "turn");
    const late = Array.from({ length: 6 }, (_, at) => from.encrypt(`late ${at}`));
    pass(to, from, "turn again");
    pass(from, to, "a newer chain");
    for (const at of [4, 2, 5, 0, 1, 3]) assert.equal(to.decrypt(late[at]?.type ?? 9, late[at]?.body ?? ""), `late ${at}`);
    for (const { type, body } of late) assert.equal(refused(() => to.decrypt(type, body)), "OLM.BAD_MESSAGE_MAC");
    const { type, body } = from.encrypt("whole");
    for (let bit = 0; bit < 8; bit += 1) {
      const bytes = Buffer.from(body, "base64");
      bytes[bytes.length - 1 - bit * 3] = (bytes[bytes.length - 1 - bit * 3] ?? 0) ^ (1 << bit);
      assert.equal(refused(() => to.decrypt(type, bytes.toString("base64").replace(/=+$/, ""))), "OLM.BAD_MESSAGE_MAC");
    }
    assert.equal(to.decrypt(type, body), "whole");
  });

  test(`sessions, ${name}: a first message by another than expected`, () => {
    const [alice, bob, eve] = [account(one), account(other), account(one)];
    const from = new one.Session();
    from.create_outbound(alice, identity(bob).curve25519, oneTime(bob));
    const { body } = from.encrypt("hello");
    const to = new other.Session();
    assert.equal(refused(() => to.create_inbound_from(bob, identity(eve).curve25519, body)), "OLM.BAD_MESSAGE_KEY_ID");
    to.create_inbound_from(bob, identity(alice).curve25519, body);
    assert.ok(to.matches_inbound(body) && to.matches_inbound_from(identity(alice).curve25519, body));
    assert.ok(!to.matches_inbound_from(identity(eve).curve25519, body) && !to.matches_inbound("AAAA"));
    bob.remove_one_time_keys(to);
    assert.equal(refused(() => bob.remove_one_time_keys(to)), "OLM.BAD_MESSAGE_KEY_ID");
    assert.equal(refused(() => new other.Session().create_inbound(bob, body)), "OLM.BAD_MESSAGE_KEY_ID");
    assert.equal(to.decrypt(0, body), "hello");
  });

  test(`short authentication strings, ${name}: bytes and both spellings of MACs`, () => {
    for (let round = 0; round < 30; round += 1) {
      const [a, b] = [new one.SAS(), new other.SAS()];
      assert.equal(a.is_their_key_set(), false);
      a.set_their_key(b.get_pubkey());
      b.set_their_key(a.get_pubkey());
      assert.ok(a.is_their_key_set() && b.is_their_key_set());
      const info = `71750cdf|${a.get_pubkey()}|82f9fa16|${b.get_pubkey()}`;
      for (const length of [1, 5, 6, 100]) assert.deepEqual(Buffer.from(a.generate_bytes(info, length)), Buffer.from(b.generate_bytes(info, length)));
      for (const input of ["", "ed25519:a", `key ${round} ä`]) {
        const why = `Jitsi-KEY_VERIFICATION_MAC${round}`;
        assert.equal(a.calculate_mac(input, why), b.calculate_mac(input, why));
        assert.equal(a.calculate_mac_fixed_base64(input, why), b.calculate_mac_fixed_base64(input, why));
        assert.notEqual(a.calculate_mac(input, why), b.calculate_mac_fixed_base64(input, why));
      }
      a.free();
      b.free();
    }
  });

  test(`signatures and hashes, ${name}`, () => {
    const signer = account(one);
    const [hash, check] = [new one.Utility(), new other.Utility()];
    for (const message of ["", "abc", "ä".repeat(300)]) {
      assert.equal(hash.sha256(message), check.sha256(message));
      check.ed25519_verify(identity(signer).ed25519, message, signer.sign(message));
      assert.equal(refused(() => check.ed25519_verify(identity(signer).ed25519, `${message}.`, signer.sign(message))), "OLM.BAD_MESSAGE_MAC");
    }
    check.free();
    hash.free();
  });

  test(`pickles, ${name}: an account moves with its keys`, () => {
    const key = "pickle key ä";
    const before = account(one);
    const listed = oneTime(before);
    before.generate_one_time_keys(3);
    const after = new other.Account();
    after.unpickle(key, before.pickle(key));
    assert.deepEqual(identity(after), identity(before));
    const list = (of: Account): string[] => Object.values((JSON.parse(of.one_time_keys()) as { curve25519: Record<string, string> }).curve25519).sort();
    assert.deepEqual(list(after), list(before));
    new Lib.Utility().ed25519_verify(identity(before).ed25519, "by", after.sign("by"));
    const guest = account(Lib);
    const from = new Lib.Session();
    from.create_outbound(guest, identity(after).curve25519, listed);
    const { type, body } = from.encrypt("to the old key");
    const to = new other.Session();
    to.create_inbound_from(after, identity(guest).curve25519, body);
    assert.equal(to.decrypt(type, body), "to the old key");
    assert.equal(refused(() => new other.Account().unpickle("wrong", before.pickle(key))), "OLM.BAD_ACCOUNT_KEY");
  });

  test(`pickles, ${name}: a session moves in each of its states`, () => {
    const move = (session: Session): Session => {
      const moved = new other.Session();
      moved.unpickle("k", session.pickle("k"));
      assert.equal(moved.session_id(), session.session_id());
      assert.equal(moved.has_received_message(), session.has_received_message());
      return moved;
    };
    // Nothing was answered yet.
    let { from, to } = pair(one, Lib);
    const waiting = from.encrypt("waits");
    from = move(from);
    pass(from, to, "from a new place");
    assert.equal(to.decrypt(waiting.type, waiting.body), "waits");
    pass(to, from, "answer");
    pass(from, to, "turn");
    // It has heard, and said nothing.
    ({ from, to } = pair(Lib, one));
    to = move(to);
    pass(to, from, "first words");
    pass(from, to, "second");
    // Messages were skipped on two chains, and it has the last word.
    ({ from, to } = pair(Lib, one));
    const skipped = [from.encrypt("s0"), from.encrypt("s1")];
    pass(from, to, "s2");
    pass(to, from, "turn");
    skipped.push(from.encrypt("s3"), from.encrypt("s4"));
    pass(from, to, "s5");
    pass(to, from, "mine");
    to = move(to);
    const at = [0, 1, 3, 4];
    for (const [index, { type, body }] of skipped.entries()) assert.equal(to.decrypt(type, body), `s${at[index]}`);
    for (const { type, body } of skipped) assert.equal(refused(() => to.decrypt(type, body)), "OLM.BAD_MESSAGE_MAC");
    for (let round = 0; round < 20; round += 1) pass(...(round % 2 === 0 ? ([from, to] as const) : ([to, from] as const)), `${round}`);
    // Six chains, of which five are kept.
    ({ from, to } = pair(Lib, one));
    for (let round = 0; round < 6; round += 1) {
      pass(to, from, `a${round}`);
      pass(from, to, `b${round}`);
    }
    to = move(to);
    for (let round = 0; round < 6; round += 1) {
      pass(from, to, `c${round}`);
      pass(to, from, `d${round}`);
    }
  });
}

test("what is wrong is refused in libolm's words", () => {
  const answers = (olm: Olm): Record<string, string> => {
    const { alice, bob, from, to } = pair(olm, Lib);
    pass(to, from, "turn");
    const { type, body } = to.encrypt("later");
    const key = identity(bob).curve25519;
    const fresh = (): Session => new olm.Session();
    const flip = (at: number): string => {
      const bytes = Buffer.from(body, "base64");
      bytes[at] = (bytes[at] ?? 0) ^ 1;
      return bytes.toString("base64").replace(/=+$/, "");
    };
    const util = new olm.Utility();
    const lone = new olm.SAS();
    return Object.fromEntries(
      Object.entries({
        "a key that is too short": () => fresh().create_outbound(alice, "xx", key),
        "a key with padding": () => fresh().create_outbound(alice, `${key}=`, key),
        "an empty key": () => fresh().create_outbound(alice, key, ""),
        "no message": () => fresh().create_inbound(alice, ""),
        "a short message": () => fresh().create_inbound(alice, "Awog"),
        "a message with padding": () => from.decrypt(type, `${body}=`),
        "another version": () => from.decrypt(type, flip(0)),
        "another ciphertext": () => from.decrypt(type, flip(60)),
        "another MAC": () => from.decrypt(type, flip(Buffer.from(body, "base64").length - 1)),
        "half a message": () => from.decrypt(type, body.slice(0, 20)),
        "an empty message": () => from.decrypt(1, ""),
        "as a pre-key message": () => from.decrypt(0, body),
        "once": () => from.decrypt(type, body),
        "twice": () => from.decrypt(type, body),
        "a wrong pickle key": () => new olm.Account().unpickle("other", alice.pickle("key")),
        "no pickle": () => new olm.Account().unpickle("key", "AAAA"),
        "a pickle of something else": () => new olm.Account().unpickle("key", from.pickle("key")),
        "no signature": () => util.ed25519_verify(identity(alice).ed25519, "x", "AAAA"),
        "no verifying key": () => util.ed25519_verify("AAAA", "x", alice.sign("x")),
        "bytes without a key": () => lone.generate_bytes("x", 6),
        "a MAC without a key": () => lone.calculate_mac("x", "y"),
        "a fixed MAC without a key": () => lone.calculate_mac_fixed_base64("x", "y"),
        "a short key": () => lone.set_their_key("AAAA"),
      }).map(([what, work]) => [what, refused(work)]),
    );
  };
  const [ours, libolms] = [answers(Ours), answers(Lib)];
  // One pickle in the place of the other: each refuses, by what it meets first.
  const other = "a pickle of something else";
  assert.match(ours[other] ?? "", /^OLM\.(UNKNOWN_PICKLE_VERSION|CORRUPTED_PICKLE)$/);
  delete ours[other];
  delete libolms[other];
  assert.deepEqual(ours, libolms);
  assert.equal(Object.values(ours).filter((answer) => answer === "nothing").length, 1);
});

test("where it is stricter than libolm", () => {
  const sas = new Ours.SAS();
  sas.set_their_key(new Ours.SAS().get_pubkey());
  assert.equal(refused(() => sas.set_their_key(new Ours.SAS().get_pubkey())), "OLM.OLM_SAS_THEIR_KEY_ALREADY_SET");
  const zero = "A".repeat(43);
  assert.equal(refused(() => new Ours.SAS().set_their_key(zero)), "OLM.BAD_SESSION_KEY");
  const [alice, bob] = [account(Ours), account(Ours)];
  assert.equal(refused(() => new Ours.Session().create_outbound(alice, "!".repeat(43), zero)), "OLM.INVALID_BASE64");
  assert.equal(refused(() => new Ours.Session().create_outbound(alice, zero, identity(bob).curve25519)), "OLM.BAD_SESSION_KEY");
  assert.equal(refused(() => new Ours.Account().identity_keys()), "OLM.BAD_ACCOUNT_KEY");
  assert.equal(refused(() => new Ours.Session().encrypt("x")), "OLM.BAD_SESSION_KEY");
  // A first message opens one session, whether its key was removed or not.
  const from = new Ours.Session();
  from.create_outbound(alice, identity(bob).curve25519, oneTime(bob));
  const { body } = from.encrypt("once");
  new Ours.Session().create_inbound(bob, body);
  assert.equal(refused(() => new Ours.Session().create_inbound(bob, body)), "OLM.BAD_MESSAGE_KEY_ID");
  bob.free();
  bob.free();
  assert.equal(refused(() => bob.sign("x")), "OLM.OBJECT_FREED");
  assert.equal(refused(() => bob.create()), "OLM.OBJECT_FREED");
});

test("one-time and fallback keys are listed as libolm lists them", () => {
  for (const olm of [Ours, Lib]) {
    const made = account(olm);
    assert.equal(made.one_time_keys(), '{"curve25519":{}}');
    assert.equal(made.fallback_key(), '{"curve25519":{}}');
    assert.equal(made.max_number_of_one_time_keys(), 100);
    made.generate_one_time_keys(2);
    const ids = Object.keys((JSON.parse(made.one_time_keys()) as { curve25519: object }).curve25519);
    assert.ok(ids.length === 2 && ids.every((id) => id.length === 6) && (ids[0] ?? "") > (ids[1] ?? ""), ids.join());
    made.generate_fallback_key();
    const fallback = made.fallback_key();
    assert.match(fallback, /^\{"curve25519":\{"[^"]{6}":"[^"]{43}"\}\}$/);
    assert.equal(made.unpublished_fallback_key(), fallback);
    made.mark_keys_as_published();
    assert.equal(made.one_time_keys(), '{"curve25519":{}}');
    assert.deepEqual([made.fallback_key(), made.unpublished_fallback_key()], [fallback, '{"curve25519":{}}']);
    made.forget_old_fallback_key();
  }
  assert.deepEqual(Ours.get_library_version(), Lib.get_library_version());
  assert.match(Ours.get_backend(), /^vodozemac \d/);
});

test("10,000 rounds of make and free leave the memory as large as it was", () => {
  const { memory } = initSync({ module });
  const round = (): void => {
    const { alice, bob, from, to } = pair(Ours, Ours, "x".repeat(1000));
    const sas = new Ours.SAS();
    for (const one of [alice, bob, from, to, sas]) one.free();
  };
  for (let warm = 0; warm < 50; warm += 1) round();
  const size = memory.buffer.byteLength;
  for (let rounds = 0; rounds < 300; rounds += 1) round();
  for (let rounds = 0; rounds < 10_000; rounds += 1) {
    const made = account(Ours);
    made.generate_one_time_keys(1);
    made.free();
    const sas = new Ours.SAS();
    sas.free();
  }
  assert.equal(memory.buffer.byteLength, size);
});

test("what was freed is wiped", () => {
  const { memory } = initSync({ module });
  const secret = "the words of a message nobody else wrote";
  const found = (what: string): boolean => Buffer.from(memory.buffer).includes(what);
  const { alice, bob, from, to } = pair(Ours, Ours, secret);
  pass(to, from, `${secret}, again`);
  const pickled = from.pickle(secret);
  for (const one of [alice, bob, from, to]) one.free();
  assert.ok(!found(secret), "text or pickle key");
  assert.ok(!found(pickled.slice(0, 40)), "pickle");
});
