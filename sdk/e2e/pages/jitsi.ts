/** Participants of a call through the SFU as lib-jitsi-meet attaches them, with the keys that it hands to its worker. */
import { decodedIn, decodes, JitsiMember, type JitsiOrder } from "./jitsi-member.ts";
import { picture, sleep, tone, until } from "./media.ts";

const members = new Map<string, JitsiMember>();
const keys = new Map<string, { key: Uint8Array<ArrayBuffer>; index: number }>();

function member(id: string): JitsiMember {
  const found = members.get(id);
  if (found === undefined) throw new Error(`${id} is not here`);
  return found;
}

const shared = crypto.subtle.generateKey({ name: "AES-GCM", length: 128 }, false, ["encrypt", "decrypt"]);

/** Tells `to`'s worker the key of `of`. */
function tell(to: string, of: string): void {
  const { key, index } = keys.get(of) ?? { key: false, index: 0 };
  member(to).worker.postMessage({ operation: "setKey", participantId: of, key, keyIndex: index });
}

const api = {
  member,
  tell,
  until,
  /** Joins, sends a picture (640x360) and a tone, and has everybody's key as everybody has its, but for `strangers`. */
  async talk(order: JitsiOrder, strangers: string[] = []): Promise<void> {
    const { id } = order;
    const joined = new JitsiMember(order);
    members.set(id, joined);
    keys.set(id, { key: crypto.getRandomValues(new Uint8Array(32)), index: 0 });
    for (const other of members.keys()) {
      if (strangers.includes(other) || order.shared === true) continue;
      tell(id, other);
      tell(other, id);
    }
    if (order.shared === true) joined.worker.postMessage({ operation: "setKey", key: { encryptionKey: await shared }, keyIndex: 2 });
    joined.worker.postMessage({ operation: "setEnabled", enabled: true });
    await joined.join();
    await joined.publish(tone());
    await joined.publish(picture());
  },
  leave(id: string): void {
    member(id).leave();
    members.delete(id);
    keys.delete(id);
  },
  /** One step on: its own worker alone is told. */
  async ratchet(id: string, next: number[]): Promise<void> {
    const index = keys.get(id)?.index ?? 0;
    keys.set(id, { key: Uint8Array.from(next), index });
    tell(id, id);
  },
  keyOf(id: string): number[] {
    return [...(keys.get(id)?.key ?? [])];
  },
  /** A new key in the next slot: others first, then its own worker. */
  async rotate(id: string, others: string[]): Promise<void> {
    const index = (keys.get(id)?.index ?? 0) + 1;
    keys.set(id, { key: crypto.getRandomValues(new Uint8Array(32)), index });
    for (const other of others) tell(other, id);
    await sleep(100);
    tell(id, id);
  },
  decodes: (id: string, of: string, more: number) => decodes(member(id), of, more),
  decodedIn: (id: string, of: string, ms: number) => decodedIn(member(id), of, ms),
};

declare global {
  interface Window {
    jitsi: typeof api;
  }
}
window.jitsi = api;
document.title = "ready";
