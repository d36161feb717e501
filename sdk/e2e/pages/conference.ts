/**
 * lib-jitsi-meet's `JitsiConference` as far as Frameseal uses it, played: over the SFU's signalling in place of XMPP and the
 * bridge's channel, with real media. What it does when, and with which words to its worker, is lib-jitsi-meet's way with
 * an externally managed key.
 */
import type { JitsiConference } from "../../src/jitsi/conference.ts";
import { decodedIn, decodes, JitsiMember } from "./jitsi-member.ts";
import { picture, tone, until } from "./media.ts";

const { jitsiSession } = (await import("/dist/jitsi.js" as string)) as typeof import("../../src/jitsi/index.ts");
type Session = Awaited<ReturnType<typeof jitsiSession>>;

/** How somebody joins. */
export interface ConferenceOrder {
  readonly room: string;
  readonly id: string;
  readonly by: "script" | "streams";
  /** What the deployment's configuration prefers. */
  readonly codec: string;
  /** An application's own key; without one, a session. */
  readonly key?: readonly number[];
}

/** See the file's comment. */
class Played implements JitsiConference {
  readonly member: JitsiMember;
  readonly qualityController = { codecController: { selectPreferredCodec: () => this.#selectCodec() } };
  readonly #order: ConferenceOrder;
  readonly #listeners = new Map<string, Set<(...args: never[]) => void>>();
  readonly #others = new Set<string>();
  #codec = "VP8";
  #enabled = false;

  constructor(order: ConferenceOrder) {
    this.#order = order;
    // Its key handler begins the worker, with `sharedKey` since `e2ee.externallyManagedKey` is set.
    const self = this;
    this.member = new JitsiMember({ room: order.room, id: order.id, by: order.by, worker: "sframe", shared: true, get codec() { return self.#codec; } });
    this.member.heard = (message) => this.#hear(message);
  }

  async join(): Promise<void> {
    await this.member.join();
    this.#emit("conference.joined");
    this.#emit("conference.dataChannelOpened");
  }

  on(event: string, listener: (...args: never[]) => void): void {
    const all = this.#listeners.get(event) ?? new Set();
    this.#listeners.set(event, all.add(listener));
  }

  off(event: string, listener: (...args: never[]) => void): void {
    this.#listeners.get(event)?.delete(listener);
  }

  getName(): string {
    return this.#order.room;
  }

  myUserId(): string {
    return this.#order.id;
  }

  getParticipants(): { getId(): string }[] {
    return [...this.#others].map((id) => ({ getId: () => id }));
  }

  isE2EESupported(): boolean {
    return true;
  }

  isE2EEEnabled(): boolean {
    return this.#enabled;
  }

  setMediaEncryptionKey({ encryptionKey, index }: { readonly encryptionKey: unknown; readonly index: number }): void {
    this.member.worker.postMessage({ operation: "setKey", key: encryptionKey, keyIndex: index, participantId: undefined });
  }

  toggleE2EE(enabled: boolean): void {
    if (this.#enabled === enabled) return;
    this.#enabled = enabled;
    // Media sessions are begun anew, for transforms must be there first.
    if (enabled) void this.#restartMedia();
    this.member.worker.postMessage({ operation: "setEnabled", enabled });
  }

  sendEndpointMessage(to: string, payload: object): void {
    this.member.tell({ t: "app", ...(to === "" ? {} : { to }), data: payload });
  }

  leave(): void {
    this.#emit("conference.left");
    this.member.leave();
  }

  async #restartMedia(): Promise<void> {
    this.qualityController.codecController.selectPreferredCodec();
    await this.member.publish(tone());
    await this.member.publish(picture());
  }

  /** As lib-jitsi-meet does it: VP8 while the conference says that it encrypts. */
  #selectCodec(): void {
    this.#codec = this.isE2EEEnabled() ? "VP8" : this.#order.codec;
  }

  #hear(message: Record<string, unknown>): void {
    const id = String(message["id"]);
    if (message["t"] === "welcome") for (const other of message["members"] as { id: string }[]) this.#others.add(other.id);
    if (message["t"] === "member" && !this.#others.has(id)) {
      this.#others.add(id);
      this.#emit("conference.userJoined", id);
    }
    if (message["t"] === "left" && this.#others.delete(id)) this.#emit("conference.userLeft", id);
    if (message["t"] === "app") this.#emit("conference.endpoint_message_received", { getId: () => String(message["from"]) }, message["data"]);
  }

  #emit(event: string, ...args: unknown[]): void {
    for (const listener of [...(this.#listeners.get(event) ?? [])]) (listener as (...args: unknown[]) => void)(...args);
  }
}

interface There {
  readonly conference: Played;
  readonly session: Session | null;
  readonly told: string[];
}

const all = new Map<string, There>();

function there(id: string): There {
  const found = all.get(id);
  if (found === undefined) throw new Error(`${id} is not here`);
  return found;
}

const api = {
  until,
  async talk(order: ConferenceOrder): Promise<void> {
    const conference = new Played(order);
    await conference.join();
    const told: string[] = [];
    if (order.key !== undefined) {
      await api.setKey(conference, order.key, 0);
      conference.toggleE2EE(true);
      all.set(order.id, { conference, session: null, told });
      return;
    }
    const session = await jitsiSession(conference, { log: `${location.origin.replace("http", "ws")}/log?room=${order.room}`, name: `${order.id}'s name` });
    session.on("event", (event) => told.push(event.what === "trouble" ? event.error.message : event.what));
    all.set(order.id, { conference, session, told });
  },
  /** As Jitsi Meet's interface for pages around it does: a key that cannot be exported. */
  async setKey(conference: Played, key: readonly number[], index: number): Promise<void> {
    const encryptionKey = await crypto.subtle.importKey("raw", Uint8Array.from(key), "AES-GCM", false, ["encrypt", "decrypt"]);
    conference.setMediaEncryptionKey({ encryptionKey, index });
  },
  async rekey(ids: readonly string[], key: readonly number[], index: number): Promise<void> {
    for (const id of ids) await api.setKey(there(id).conference, key, index);
  },
  decodes: (id: string, of: string, more: number) => decodes(there(id).conference.member, of, more, 30_000),
  decodedIn: (id: string, of: string, ms: number) => decodedIn(there(id).conference.member, of, ms),
  codec: (id: string, of: string) => there(id).conference.member.codecOf(of),
  packets: async (id: string, of: string) => (await there(id).conference.member.stream(of, "video"))?.packets ?? 0,
  session(id: string) {
    const { session, told } = there(id);
    if (session === null) throw new Error(`${id} has no session`);
    const { state, epoch, code, members, outside } = session;
    return { state, epoch, code, told, outside, members: members.map(({ participant, name, heard }) => ({ participant, name, heard })) };
  },
  async remove(by: string, who: string): Promise<void> {
    const { session } = there(by);
    const member = session?.members.find(({ participant }) => participant === who);
    if (member !== undefined) await session?.remove(member);
  },
  leave(id: string): void {
    there(id).conference.leave();
    all.delete(id);
  },
};

declare global {
  interface Window {
    conference: typeof api;
  }
}
window.conference = api;
document.title = "ready";
