/** Identities that outlive calls, in a real IndexedDB. */
import type { KeptIdentity } from "../../src/identity/index.ts";
import type { KeyAgreement, SessionTransport, TransportEvents } from "../../src/session/index.ts";
import { until } from "./media.ts";
import { framesealSession } from "./pair.ts";

const framesealIdentity = async (): Promise<typeof import("../../src/identity/index.ts")> => (await import("/dist/identity.js" as string)) as typeof import("../../src/identity/index.ts");
const hex = (bytes: Uint8Array): string => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
const words = (error: unknown): string => (error instanceof Error ? `${error.name}: ${error.message}` : String(error));

/** What a page may know of its identity. */
export interface Shown {
  readonly key: string;
  readonly made: number;
  readonly fresh: boolean;
}

/** What lies in IndexedDB under a profile, and what somebody with the key makes of it. */
export interface Lies {
  readonly profile: string;
  readonly extractable: boolean;
  /** What the browser says to who wants the key's bytes. */
  readonly asked: string;
  readonly sealed: string;
  readonly plain: string;
  /** Names of everything that is kept. */
  readonly fields: readonly string[];
}

/** A room in this page, with an order and nothing else. */
function room(): () => SessionTransport {
  const entries: Uint8Array[] = [];
  const inside = new Set<TransportEvents>();
  const packages: Uint8Array[] = [];
  return () => {
    let own: TransportEvents | null = null;
    const tell = (to: TransportEvents | null, what: (events: TransportEvents) => void): void => queueMicrotask(() => to !== null && inside.has(to) && what(to));
    const others = (what: (events: TransportEvents) => void): void => [...inside].forEach((one) => one !== own && tell(one, what));
    return {
      start: (events) => {
        inside.add((own = events));
        tell(own, (events) => events.connected(true));
        tell(own, (events) => events.head(entries.length, entries.at(-1) ?? new Uint8Array()));
      },
      append: (expect, entry) => {
        if (expect !== entries.length) return tell(own, (events) => events.conflict(expect));
        entries.push(entry);
        for (const one of inside) tell(one, (events) => events.entry(expect + 1, entry));
      },
      read: (after) => entries.slice(after).forEach((entry, n) => tell(own, (events) => events.entry(after + n + 1, entry))),
      knock: (keyPackage) => void (packages.push(keyPackage), others((events) => events.knock(keyPackage))),
      take: () => packages.splice(0).forEach((one) => tell(own, (events) => events.knock(one))),
      send: (bytes) => others((events) => events.message(bytes)),
      close: () => void (own !== null && inside.delete(own)),
    };
  };
}

export const identity = {
  /** The identity of a profile, in this page. */
  async keep(profile: string): Promise<Shown> {
    const { indexedDbIdentity } = await framesealIdentity();
    const { key, made, fresh } = await indexedDbIdentity({ profile, persist: false });
    return { key, made, fresh };
  },

  async remove(profile: string): Promise<void> {
    await (await framesealIdentity()).removeIdentity({ profile });
  },

  /** Several tabs at once make it, and each remembers somebody else; how many of those are remembered in the end, and how many identities there are. */
  async race(profile: string): Promise<{ identities: number; remembered: number }> {
    const { indexedDbIdentity } = await framesealIdentity();
    const tabs = await Promise.all(Array.from({ length: 4 }, () => indexedDbIdentity({ profile, persist: false })));
    const others = await Promise.all(
      tabs.map(async (_, n) => {
        const key = new Uint8Array(32).fill(n);
        const proof = await (await indexedDbIdentity({ profile: `${profile} ${n}`, persist: false })).proof(key);
        return { participant: `p${n}`, name: `p${n}`, key: hex(key), proof };
      }),
    );
    await Promise.all(tabs.map((tab, n) => tab.remember(others[n] as (typeof others)[number])));
    const after = await Promise.all(others.map((one) => tabs[0]?.compared(one)));
    return { identities: new Set(tabs.map(({ key }) => key)).size, remembered: after.filter((when) => typeof when === "number").length };
  },

  /** Everything in the database of identities. */
  async look(): Promise<Lies[]> {
    const db = await new Promise<IDBDatabase>((resolve, reject) => {
      const request = indexedDB.open("frameseal-identity");
      request.onsuccess = () => resolve(request.result);
      request.onerror = () => reject(request.error as DOMException);
    });
    const found: Lies[] = [];
    for (const name of db.objectStoreNames) {
      const store = db.transaction(name).objectStore(name);
      const all = <T>(request: IDBRequest<T>): Promise<T> => new Promise((resolve) => (request.onsuccess = () => resolve(request.result)));
      const [profiles, values] = await Promise.all([all(store.getAllKeys()), all(store.getAll())]);
      for (const [n, value] of values.entries()) {
        const { key, sealed } = value as { key: CryptoKey; sealed: Uint8Array<ArrayBuffer> };
        const profile = String(profiles[n]);
        const additionalData = new TextEncoder().encode(`frameseal identity 1${profile}`);
        const plain = await crypto.subtle.decrypt({ name: "AES-GCM", iv: sealed.slice(1, 13), additionalData }, key, sealed.slice(13));
        const asked = await crypto.subtle.exportKey("raw", key).then(() => "here it is", words);
        found.push({ profile, extractable: key.extractable, asked, sealed: hex(sealed), plain: hex(new Uint8Array(plain)), fields: Object.keys(value as object) });
      }
    }
    db.close();
    return found;
  },

  /** A bit of what is kept falls over; what one is told then. */
  async damage(profile: string): Promise<string> {
    const { indexedDbIdentity } = await framesealIdentity();
    const db = await new Promise<IDBDatabase>((resolve) => {
      const request = indexedDB.open("frameseal-identity");
      request.onsuccess = () => resolve(request.result);
    });
    await new Promise<void>((resolve) => {
      const transaction = db.transaction("profiles", "readwrite");
      const store = transaction.objectStore("profiles");
      const request = store.get(profile);
      request.onsuccess = () => {
        const kept = request.result as { sealed: Uint8Array };
        kept.sealed[20] = (kept.sealed[20] ?? 0) ^ 1;
        store.put(kept, profile);
      };
      transaction.oncomplete = () => resolve();
    });
    db.close();
    return indexedDbIdentity({ profile, persist: false }).then(({ key }) => key, words);
  },

  /** The person clears the site's data in a call; what is said of somebody who was known, and of the own proof. */
  async cleared(profile: string): Promise<string[]> {
    const { indexedDbIdentity } = await framesealIdentity();
    const identity = await indexedDbIdentity({ profile, persist: false });
    const own = new Uint8Array(32).fill(1);
    const somebody = { participant: "p", name: "p", key: hex(own), proof: await identity.proof(own) };
    await identity.remember(somebody);
    const before = await identity.verdict(somebody, "inside");
    await new Promise<void>((resolve, reject) => {
      const request = indexedDB.deleteDatabase("frameseal-identity");
      request.onsuccess = () => resolve();
      request.onblocked = () => reject(new Error("somebody holds it"));
    });
    return [before, await identity.verdict(somebody, "inside"), await identity.proof(own).then(() => "signed", words)];
  },

  /** Ada and Bob in a call; what each knows the other as. With `compare` they compare codes and remember it. */
  async meet({ path, compare, agreement = "x25519" }: { path: string; compare: boolean; agreement?: KeyAgreement }): Promise<{ trust: string[]; keys: (string | null)[]; own: string[]; callKeys: string[] }> {
    const [{ indexedDbIdentity }, { createSession }] = [await framesealIdentity(), await framesealSession()];
    const way = room();
    const workerUrl = `${path}/dist/session-worker.js`;
    const join = async (participant: string) => {
      const identity: KeptIdentity = await indexedDbIdentity({ profile: participant, persist: false });
      return { identity, session: await createSession({ room: "again", participant, transport: way(), identity, workerUrl, agreement }) };
    };
    const all = [await join("ada"), await join("bob")];
    await until(() => all.every(({ session }) => session.members.length === 2), 15_000, "both are in");
    const seen = all.map(({ session, identity }) => {
      const other = session.members.find(({ self }) => !self);
      if (other === undefined) throw new Error("nobody is there");
      return { identity, other };
    });
    const known = { trust: seen.map(({ other }) => other.trust), keys: seen.map(({ identity, other }) => identity.keyOf(other)), own: all.map(({ identity }) => identity.key), callKeys: seen.map(({ other }) => other.key) };
    if (compare) for (const { identity, other } of seen) await identity.remember(other);
    for (const { session } of all) session.close();
    return known;
  },

  /** What is said to a proof that another member showed. */
  async stolen(profile: string): Promise<string[]> {
    const { indexedDbIdentity } = await framesealIdentity();
    const identity = await indexedDbIdentity({ profile, persist: false });
    const own = new Uint8Array(32).fill(1);
    const somebody = { participant: "p", name: "p", key: hex(own), proof: await identity.proof(own) };
    const verdicts = [somebody, { ...somebody, key: "02".repeat(32) }, { ...somebody, proof: new Uint8Array() }];
    return Promise.all(verdicts.map((one) => identity.verdict(one, "knocks")));
  },
};
