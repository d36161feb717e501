// Participants of a stock client, on libolm: what they send, when, and what they make of what they get. Orders come in as
// lines of JSON, and go out as lines of JSON. Written from the protocol, not from its code.
import { createHash, hkdfSync, randomBytes, randomUUID } from "node:crypto";
import { createRequire } from "node:module";
import { createInterface } from "node:readline";

// LIBRARY: a script that sets globalThis.Olm, in place of libolm.
let Olm;
if (process.env.LIBRARY) {
  await import(process.env.LIBRARY);
  Olm = globalThis.Olm;
} else {
  // The SDK's tests need it too.
  Olm = createRequire(new URL("../../../../sdk/package.json", import.meta.url))("@matrix-org/olm");
}
await Olm.init();
const say = (line) => console.log(JSON.stringify(line));
const hex = (bytes) => Buffer.from(bytes).toString("hex");
const MAC = "Jitsi-KEY_VERIFICATION_MAC";

class Participant {
  peers = new Map();
  requests = new Map();
  key = undefined;
  index = -1;
  on = false;

  constructor({ who, signs, change, request }) {
    Object.assign(this, { id: who, signs, change, request });
    this.account = new Olm.Account();
    this.account.create();
    this.keys = JSON.parse(this.account.identity_keys());
    this.utility = new Olm.Utility();
    for (const kind of ["curve25519", "ed25519"]) this.publish(`e2ee.idKey.${kind}`, this.keys[kind]);
  }

  publish(name, value) {
    say({ is: "publish", at: this.id, name, value: String(value) });
  }

  send(to, type, data) {
    say({ is: "send", from: this.id, to, json: JSON.stringify({ type: "olm", olm: { type, data } }) });
  }

  joined({ who, e2ee, earlier }) {
    this.peers.set(who, { e2ee });
    if (!earlier && this.on) this.later("ratchet");
  }

  left({ who }) {
    this.peers.get(who)?.session?.free();
    this.peers.delete(who);
    if (this.on) this.later("rotate");
  }

  // Every further one puts it off.
  later(what) {
    clearTimeout(this[`${what}Timer`]);
    this[`${what}Timer`] = setTimeout(() => this[what](), this.change);
  }

  ratchet() {
    this.key = new Uint8Array(hkdfSync("sha256", this.key, "JFrameRatchetKey", "", 32));
    this.seal();
  }

  async rotate() {
    this.key = new Uint8Array(randomBytes(32));
    await this.tell();
    this.seal();
  }

  seal() {
    say({ is: "seal", at: this.id, index: this.index, key: hex(this.key) });
  }

  async tell() {
    this.index += 1;
    const waits = [];
    for (const [who, peer] of this.peers) if (peer.session) waits.push(this.keyInfo(who, peer));
    await Promise.allSettled(waits);
  }

  keyInfo(who, peer) {
    const uuid = randomUUID();
    this.send(who, "key-info", { ciphertext: this.sealed(peer.session), uuid });
    return this.answer(uuid);
  }

  sealed(session) {
    const info = this.key === undefined ? {} : { key: this.key === false ? false : Buffer.from(this.key).toString("base64"), keyIndex: this.index };
    return session.encrypt(JSON.stringify(info));
  }

  answer(uuid) {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.requests.delete(uuid);
        reject(new Error("late"));
      }, this.request);
      this.requests.set(uuid, () => {
        clearTimeout(timer);
        this.requests.delete(uuid);
        resolve();
      });
    });
  }

  async enable({ on }) {
    this.on = on;
    if (on) {
      const others = [...this.peers].filter(([, peer]) => peer.e2ee);
      await Promise.allSettled(others.filter(([who]) => this.id < who).map(([who, peer]) => this.begin(who, peer)));
      const waits = others.filter(([, peer]) => !peer.session).map(([, peer]) => new Promise((resolve) => (peer.ready = resolve)));
      await Promise.race([Promise.all(waits), new Promise((resolve) => setTimeout(resolve, 2 * this.request))]);
      this.key = new Uint8Array(randomBytes(32));
    } else {
      this.key = false;
    }
    await this.tell();
    if (on) this.seal();
    else for (const peer of this.peers.values()) this.clear(peer);
    this.publish("e2ee.enabled", on);
  }

  clear(peer) {
    peer.session?.free();
    peer.session = peer.pending = peer.last = peer.sas = undefined;
  }

  sign(keys) {
    return this.account.sign(JSON.stringify(keys));
  }

  begin(who, peer) {
    if (peer.session || peer.pending) return Promise.reject(new Error("there is one"));
    this.account.generate_one_time_keys(1);
    const [otKey] = Object.values(JSON.parse(this.account.one_time_keys()).curve25519);
    this.account.mark_keys_as_published();
    const [idKey, uuid] = [this.keys.curve25519, randomUUID()];
    peer.pending = uuid;
    this.send(who, "session-init", { idKey, otKey, uuid, ...(this.signs && { signature: this.sign({ idKey, otKey }) }) });
    const answer = this.answer(uuid);
    answer.catch(() => (peer.pending = undefined));
    return answer;
  }

  async property({ who, name, value }) {
    const peer = this.peers.get(who);
    if (!peer) return;
    if (name === "e2ee.idKey.ed25519") peer.ed25519 = value;
    if (name !== "e2ee.enabled") return;
    if (value !== "true") {
      if (this.on) this.clear(peer);
    } else if (this.on && peer.e2ee && this.id < who) {
      if (!peer.session) await this.begin(who, peer).catch(() => undefined);
      if (peer.session) this.keyInfo(who, peer).catch(() => undefined);
    }
  }

  take(who, peer, text) {
    const { key, keyIndex } = JSON.parse(text);
    if (key === undefined || keyIndex === undefined) return false;
    if (peer.last !== key) say({ is: "key", at: this.id, who, index: keyIndex, key: key === false ? null : hex(Buffer.from(key, "base64")) });
    peer.last = key;
    return true;
  }

  check(who, peer, keys, signature) {
    if (!signature || !peer.ed25519) throw new Error("not signed");
    this.utility.ed25519_verify(peer.ed25519, JSON.stringify(keys), signature);
  }

  message({ from, json }) {
    const { type, olm } = JSON.parse(json);
    const peer = this.peers.get(from);
    if (type !== "olm" || !peer) return;
    try {
      this.handle(from, peer, olm.type, olm.data);
    } catch (error) {
      say({ is: "refused", at: this.id, from, type: olm.type, why: String(error.message) });
      this.send(from, "error", { error: String(error.message) });
    }
  }

  handle(from, peer, type, data) {
    const { session } = peer;
    const need = (what, text) => {
      if (!what) throw new Error(text);
    };
    switch (type) {
      case "session-init": {
        need(!session, "Session already established");
        if (this.signs) this.check(from, peer, { idKey: data.idKey, otKey: data.otKey }, data.signature);
        peer.session = new Olm.Session();
        peer.session.create_outbound(this.account, data.idKey, data.otKey);
        peer.curve25519 = data.idKey;
        const idKey = this.keys.curve25519;
        this.send(from, "session-ack", { ciphertext: this.sealed(peer.session), uuid: data.uuid, ...(this.signs && { idKey, signature: this.sign({ idKey }) }) });
        peer.ready?.();
        break;
      }
      case "session-ack": {
        need(!session, "No session found");
        need(data.uuid === peer.pending, "Invalid UUID");
        const made = new Olm.Session();
        if (this.signs) {
          this.check(from, peer, { idKey: data.idKey }, data.signature);
          made.create_inbound_from(this.account, data.idKey, data.ciphertext.body);
        } else {
          made.create_inbound(this.account, data.ciphertext.body);
        }
        this.account.remove_one_time_keys(made);
        const text = made.decrypt(data.ciphertext.type, data.ciphertext.body);
        [peer.session, peer.pending, peer.curve25519] = [made, undefined, data.idKey];
        peer.ready?.();
        this.requests.get(data.uuid)?.();
        this.take(from, peer, text);
        break;
      }
      case "key-info":
        need(session, "No session found");
        if (this.take(from, peer, session.decrypt(data.ciphertext.type, data.ciphertext.body))) this.send(from, "key-info-ack", { ciphertext: this.sealed(session), uuid: data.uuid });
        break;
      case "key-info-ack":
        need(session, "No session found");
        this.take(from, peer, session.decrypt(data.ciphertext.type, data.ciphertext.body));
        this.requests.get(data.uuid)?.();
        break;
      case "error":
        say({ is: "error", at: this.id, from, error: data.error });
        break;
      default:
        need(session, "No session found");
        this.compare(from, peer, type, data, need);
    }
  }

  start({ who }) {
    const peer = this.peers.get(who);
    const data = { transactionId: randomUUID() };
    peer.sas = { half: new Olm.SAS(), begun: true, data, ...data };
    this.send(who, "sas-start", data);
  }

  commitment(key, data) {
    const text = key + JSON.stringify(data);
    const ours = this.utility.sha256(text);
    if (ours !== createHash("sha256").update(text).digest("base64").replace("=", "")) throw new Error("hash");
    return ours;
  }

  compare(from, peer, type, data, need) {
    if (type === "sas-start") {
      need(!peer.sas, "SAS already created");
      const half = new Olm.SAS();
      peer.sas = { half, begun: false, transactionId: data.transactionId };
      this.send(from, "sas-accept", { commitment: this.commitment(half.get_pubkey(), data), transactionId: data.transactionId });
      return;
    }
    const { sas } = peer;
    need(sas, "no SAS");
    const { transactionId } = sas;
    if (type === "sas-accept") {
      need(!sas.commitment, "Already received sas commitment");
      sas.commitment = data.commitment;
      this.send(from, "sas-key", { key: sas.half.get_pubkey(), transactionId });
    } else if (type === "sas-key") {
      need(!sas.half.is_their_key_set(), "SAS already has their key");
      if (sas.begun) need(sas.commitment === this.commitment(data.key, sas.data), "OlmAdapter commitments mismatched");
      sas.half.set_their_key(data.key);
      const [mine, theirs] = [`${this.id}|${sas.half.get_pubkey()}`, `${from}|${data.key}`];
      const bytes = sas.half.generate_bytes(sas.begun ? `${mine}|${theirs}` : `${theirs}|${mine}`, 6);
      say({ is: "sas", at: this.id, who: from, bytes: hex(bytes) });
      if (!sas.begun) this.send(from, "sas-key", { key: sas.half.get_pubkey(), transactionId });
    } else if (type === "sas-mac") {
      const base = MAC + from + this.id + data.transactionId;
      const ids = Object.keys(data.mac);
      need(sas.half.calculate_mac(ids.sort().join(","), `${base}Jitsi-KEY_IDS`) === data.keys, "keys MAC mismatch");
      const of = (id) => (this.signs && id.startsWith("curve25519:") ? peer.curve25519 : peer.ed25519);
      for (const id of ids) need(sas.half.calculate_mac(of(id), base + id) === data.mac[id], "MAC mismatch");
      if (this.signs) need(["ed25519:", "curve25519:"].every((kind) => ids.some((id) => id.startsWith(kind))), "MAC entry missing");
      say({ is: "verified", at: this.id, who: from });
    }
  }

  confirm({ who }) {
    const { half, transactionId } = this.peers.get(who).sas;
    const base = MAC + this.id + who + transactionId;
    const kinds = this.signs ? ["ed25519", "curve25519"] : ["ed25519"];
    const mac = Object.fromEntries(kinds.map((kind) => [`${kind}:${who}`, half.calculate_mac(this.keys[kind], `${base}${kind}:${who}`)]));
    this.send(who, "sas-mac", { keys: half.calculate_mac(Object.keys(mac).sort().join(","), `${base}Jitsi-KEY_IDS`), mac, transactionId });
  }
}

const room = new Map();
say({ is: "ready", library: Olm.get_backend ? "frameseal/olm" : `libolm ${Olm.get_library_version().join(".")}` });
for await (const line of createInterface({ input: process.stdin })) {
  const { at, order, ...rest } = JSON.parse(line);
  if (order === "make") room.set(at, new Participant({ who: at, ...rest }));
  else if (order === "gone") room.delete(at);
  else Promise.resolve(room.get(at)?.[order](rest)).catch((error) => say({ is: "fault", at, order, why: String(error.stack) }));
}
process.exit(0);
