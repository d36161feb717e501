/** Certificates as credentials of members: real chains, real sessions. */
import assert from "node:assert/strict";
import { createHash, sign } from "node:crypto";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { CODE, type E2eeError } from "../src/errors.ts";
import { x509Identity, type X509Identity, type X509Options } from "../src/identity/index.ts";
import type { Somebody } from "../src/session/members.ts";
import { certified, type Details, type Holder, pem, webKey } from "./certificate.ts";
import { MemoryRoom, Person, until } from "./session-rig.ts";

const wasm = new WebAssembly.Module(readFileSync(new URL("../wasm/x509.wasm", import.meta.url)));
const city = certified("City of Lyon", null);
const elsewhere = certified("Somebody else", null);

const identity = (room: string, more: Partial<X509Options> = {}): Promise<X509Identity> => x509Identity({ room, authorities: pem(city.certificate), wasm, ...more });
const holds = async (holder: Holder, room: string): Promise<X509Identity> => identity(room, { own: { chain: pem(holder.certificate), key: await webKey(holder) } });

test("a member is known by its certificate, and refused by one of somebody else", async () => {
  const log = new MemoryRoom();
  const room = "chain";
  const adas = certified("Ada Lovelace", city, { email: "ada@lyon.example" });
  const ada = await Person.join(room, "ada", log.transport(), { identity: await holds(adas, room) });
  await ada.joined();
  const bobs = await holds(certified("Bob", city), room);
  const bob = await Person.join(room, "bob", log.transport(), { identity: bobs });
  await bob.joined();
  await until(() => ada.session.members.length === 2, "both are in");
  const seen = bob.session.members.find(({ participant }) => participant === "ada");
  assert.equal(seen?.trust, "verified");
  const fingerprint = createHash("sha256").update(adas.certificate).digest("hex");
  assert.deepEqual(bobs.who(seen), { voucher: "City of Lyon", id: fingerprint, name: "Ada Lovelace", email: "ada@lyon.example" });
  assert.equal(await bob.open("ada", await ada.seal("known")), "known");

  // Another's proof, and a certificate of an authority that nobody pinned.
  const stolen = seen.proof;
  const stranger = await holds(certified("Eve", elsewhere), room);
  for (const proof of [() => stolen, (key: Uint8Array) => stranger.proof(key)]) {
    const eve = await Person.join(room, "eve", log.transport(), { proof });
    await until(() => eve.session.state === "removed" || ada.session.members.every(({ participant }) => participant !== "eve"), "eve is out");
    eve.session.close();
  }
  await until(() => ada.session.members.length === 2, "two are left");
  for (const one of [ada, bob]) one.session.close();
});

test("every rule of a chain is kept", async () => {
  const key = crypto.getRandomValues(new Uint8Array(32));
  const words = async (holder: Holder, more: Partial<X509Options> = {}, room = "r"): Promise<string> => {
    const proof = await (await holds(holder, room)).proof(key);
    const shown: Somebody = { participant: "p", name: "p", key: Buffer.from(key).toString("hex"), proof };
    const judge = await identity("r", more);
    const verdict = await judge.verdict(shown, "knocks");
    try {
      const known = judge.who(shown);
      assert.equal(verdict, "verified");
      return known?.name ?? "";
    } catch (error) {
      assert.equal(verdict, "refused");
      assert.equal((error as E2eeError).code, CODE.NotAuthentic);
      return (error as Error).message;
    }
  };
  const by = (details: Details): Holder => certified("Ada", city, details);
  assert.equal(await words(by({})), "Ada");
  assert.match(await words(by({}), {}, "another room"), /sign/, "a proof is for one room");
  assert.match(await words(by({ server: true })), /extended key usage/);
  assert.match(await words(by({ until: Date.now() - 1000 })), /expired|past/);
  assert.match(await words(certified("Ada", elsewhere)), /no pinned authority/);
  assert.equal(await words(certified("Ada", elsewhere), { authorities: [city.certificate, elsewhere.certificate] }), "Ada");
});

test("keys of WebCrypto and of a card sign, and what cannot is refused in words", async () => {
  const key = crypto.getRandomValues(new Uint8Array(32));
  const hex = Buffer.from(key).toString("hex");
  const judge = await identity("r");
  const known = (proof: Uint8Array): string | undefined => judge.who({ participant: "p", name: "p", key: hex, proof })?.name;
  const large = certified("Large", city, { curve: "P-384" });
  const own = { chain: large.certificate, key: await webKey(large, "P-384") };
  assert.equal(known(await (await identity("r", { own })).proof(key)), "Large");
  const carded = certified("Card", city);
  const card = { scheme: "ecdsa_secp256r1_sha256", sign: (message: Uint8Array) => sign("sha256", message, carded.key) } as const;
  // WebCrypto's signatures vary in length, as their numbers do.
  for (let n = 0; n < 40; n++) {
    assert.equal(known(await (await identity("r", { own: { chain: [carded.certificate], key: n % 2 ? card : await webKey(carded) } })).proof(key)), "Card");
  }
  assert.deepEqual(await judge.proof(key), new Uint8Array(), "who has none shows none");
  assert.equal(await judge.verdict({ participant: "p", name: "p", key: hex, proof: new Uint8Array() }, "knocks"), "unverified");
  const refused = (made: Promise<unknown>, words: RegExp): Promise<void> =>
    assert.rejects(made, (error: E2eeError) => error.code === CODE.BadOption && words.test(error.message));
  await refused(identity("r", { authorities: new Uint8Array(5) }), /authorities/);
  await refused(identity("r", { authorities: "no certificate" }), /PEM/);
  await refused(identity("r", { revocationLists: [new Uint8Array(3)] }), /list/);
  const hmac = await crypto.subtle.generateKey({ name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
  await refused(identity("r", { own: { chain: carded.certificate, key: hmac } }), /HMAC/);
  await refused((await identity("r", { own: { chain: new Uint8Array(9000), key: card } })).proof(key), /own/);
});
