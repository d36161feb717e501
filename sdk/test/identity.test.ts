/** ID tokens as credentials of members: real signatures, real sessions. */
import assert from "node:assert/strict";
import { generateKeyPairSync, sign } from "node:crypto";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { CODE, type E2eeError } from "../src/errors.ts";
import { type OpenIdIdentity, openIdIdentity } from "../src/identity/index.ts";
import { MemoryRoom, Person, until } from "./session-rig.ts";

const ISSUER = "https://login.example";
const wasm = new WebAssembly.Module(readFileSync(new URL("../wasm/identity.wasm", import.meta.url)));
const provider = generateKeyPairSync("ec", { namedCurve: "P-256" });
const other = generateKeyPairSync("ec", { namedCurve: "P-256" });
const jwks = { keys: [{ ...provider.publicKey.export({ format: "jwk" }), kid: "1", alg: "ES256", use: "sig" }] };

const encoded = (value: object): string => Buffer.from(JSON.stringify(value)).toString("base64url");

function token(nonce: string, key = provider.privateKey, more: object = {}): string {
  const now = Math.floor(Date.now() / 1000);
  const claims = { iss: ISSUER, aud: "meet", sub: "u1", iat: now, exp: now + 300, nonce, name: "Ada Lovelace", ...more };
  const signed = `${encoded({ alg: "ES256", kid: "1" })}.${encoded(claims)}`;
  return `${signed}.${sign("sha256", Buffer.from(signed), { key, dsaEncoding: "ieee-p1363" }).toString("base64url")}`;
}

function pinned(): Promise<OpenIdIdentity> {
  return openIdIdentity({ issuers: [{ issuer: ISSUER, audience: "meet", jwks }], wasm });
}

test("a member is known by its ID token, and refused by one of somebody else", async () => {
  const log = new MemoryRoom();
  const identity = await pinned();
  const logIn = (key: Uint8Array, by = provider.privateKey): Uint8Array => {
    const login = identity.login(key);
    return login.proof(token(login.nonce, by));
  };
  let stolen = new Uint8Array();
  const ada = await Person.join("known", "ada", log.transport(), { proof: (key) => (stolen = logIn(key) as Uint8Array<ArrayBuffer>), verdict: identity.verdict });
  await ada.joined();
  const bob = await Person.join("known", "bob", log.transport(), { proof: (key) => logIn(key), verdict: identity.verdict });
  await bob.joined();
  await until(() => ada.session.members.length === 2, "both are in");
  const [seen] = bob.session.members.filter(({ participant }) => participant === "ada");
  assert.equal(seen?.trust, "verified");
  assert.deepEqual(identity.who(seen), { voucher: ISSUER, id: `${ISSUER} u1`, name: "Ada Lovelace", email: "" });

  // Another's token, and one that no pinned provider signed: they get no further than a removal.
  for (const proof of [() => stolen, (key: Uint8Array) => logIn(key, other.privateKey)]) {
    const eve = await Person.join("known", "eve", log.transport(), { proof });
    await until(() => eve.session.state === "removed" || ada.session.members.every(({ participant }) => participant !== "eve"), "eve is out");
    eve.session.close();
  }
  await until(() => ada.session.members.length === 2, "two are left");

  // Nothing shown: in, and shown as nobody's word.
  const dan = await Person.join("known", "dan", log.transport(), { verdict: identity.verdict });
  await dan.joined();
  await until(() => ada.session.members.length === 3, "dan is in");
  const [plain] = ada.session.members.filter(({ participant }) => participant === "dan");
  assert.equal(plain?.trust, "unverified");
  assert.equal(plain === undefined ? undefined : identity.who(plain), null);
  for (const one of [ada, bob, dan]) one.session.close();
});

test("keys that are none are refused in words", async () => {
  const bad = openIdIdentity({ issuers: [{ issuer: ISSUER, audience: "meet", jwks: "{}" }], wasm });
  await assert.rejects(bad, (error: E2eeError) => error.code === CODE.BadOption && error.message.includes(ISSUER));
  const identity = await pinned();
  assert.throws(() => identity.login(new Uint8Array(31)), (error: E2eeError) => error.code === CODE.BadKey);
});
