/** A session's messages over a conference, and codecs: with conferences of the shape of lib-jitsi-meet's, in this process. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { freeCodecs, jitsiSession, jitsiTransport, type JitsiConference } from "../src/jitsi/index.ts";
import type { TransportEvents } from "../src/session/transport.ts";
import { MemoryRoom, until } from "./session-rig.ts";

/** A bridge between conferences: what is for somebody whose channel is closed is lost. */
class Bridge {
  readonly inside = new Map<string, Conference>();
}

class Conference implements JitsiConference {
  open = true;
  supported = true;
  enabled = false;
  readonly sent: string[] = [];
  readonly keys: unknown[] = [];
  /** What video would be sent as. */
  codec = "";
  readonly qualityController = {
    codecController: {
      selectPreferredCodec: () => {
        this.codec = this.isE2EEEnabled() ? "VP8" : "AV1";
      },
    },
  };
  readonly #listeners = new Map<string, Set<(...args: never[]) => void>>();

  constructor(
    readonly bridge: Bridge,
    readonly id: string,
  ) {
    bridge.inside.set(id, this);
    for (const other of bridge.inside.values()) if (other !== this) other.emit("conference.userJoined", id);
  }

  on(event: string, listener: (...args: never[]) => void): void {
    this.#listeners.set(event, (this.#listeners.get(event) ?? new Set()).add(listener));
  }

  off(event: string, listener: (...args: never[]) => void): void {
    this.#listeners.get(event)?.delete(listener);
  }

  emit(event: string, ...args: unknown[]): void {
    for (const listener of [...(this.#listeners.get(event) ?? [])]) (listener as (...args: unknown[]) => void)(...args);
  }

  listeners(): number {
    return [...this.#listeners.values()].reduce((sum, set) => sum + set.size, 0);
  }

  getName = (): string => "weekly";
  myUserId = (): string => this.id;
  getParticipants = () => [...this.bridge.inside.keys()].filter((id) => id !== this.id).map((id) => ({ getId: () => id }));
  isE2EESupported = (): boolean => this.supported;
  toggleE2EE = (enabled: boolean): void => void (this.enabled = enabled);

  isE2EEEnabled(): boolean {
    return this.enabled;
  }

  setMediaEncryptionKey({ encryptionKey }: { readonly encryptionKey: unknown }): void {
    this.keys.push(encryptionKey);
  }

  sendEndpointMessage(to: string, payload: object): void {
    if (!this.open) throw new Error("the channel is not open");
    this.sent.push((payload as { what: string }).what);
    for (const [id, other] of this.bridge.inside) {
      if (id === this.id || (to !== "" && to !== id) || !other.open) continue;
      queueMicrotask(() => other.emit("conference.endpoint_message_received", { getId: () => this.id }, structuredClone(payload)));
    }
  }
}

/** What a transport told. */
class Heard implements TransportEvents {
  readonly messages: string[] = [];
  present: readonly string[] = [];
  readonly left: string[] = [];
  head = (): void => undefined;
  entry = (): void => undefined;
  conflict = (): void => undefined;
  knock = (): void => undefined;
  tooOld = (): void => undefined;
  connected = (): void => undefined;
  trouble = (): void => undefined;
  message = (bytes: Uint8Array): void => void this.messages.push(new TextDecoder().decode(bytes));
  gone = (who: string): void => void this.left.push(who);
  participants = (all: readonly string[]): void => void (this.present = all);
}

describe("a jitsi conference", () => {
  const make = (names: readonly string[]) => {
    const [bridge, room] = [new Bridge(), new MemoryRoom()];
    return names.map((name) => {
      const [conference, heard] = [new Conference(bridge, name), new Heard()];
      const transport = jitsiTransport(conference, room.transport());
      return { conference, heard, transport, start: () => transport.start(heard) };
    });
  };
  const text = (said: string): Uint8Array => new TextEncoder().encode(said);

  test("messages go by the bridge once all members have answered, and by the log before and where it does not reach", async () => {
    const [ada, bob, cem] = make(["ada", "bob", "cem"]);
    assert.ok(ada !== undefined && bob !== undefined && cem !== undefined);
    for (const one of [ada, bob, cem]) one.start();
    cem.conference.open = false;
    for (const one of [ada, bob]) one.transport.members?.(["ada", "bob", "cem"]);
    ada.transport.send(text("by the log"));
    await until(() => bob.heard.messages.length === 1 && cem.heard.messages.length === 1, "a message by the log");
    assert.deepEqual([ada.transport.report.byLog, ada.transport.report.byBridge], [1, 0]);
    cem.conference.open = true;
    await until(() => ada.transport.report.reached.length === 2, "answers of both");
    ada.transport.send(text("by the bridge"));
    await until(() => cem.heard.messages.length === 2 && bob.heard.messages.length === 2, "a message by the bridge");
    assert.deepEqual([ada.transport.report.byLog, ada.transport.report.byBridge], [1, 1]);
    assert.deepEqual(cem.heard.messages, ["by the log", "by the bridge"]);
    ada.transport.send(new Uint8Array(9000));
    ada.conference.emit("conference.dataChannelClosed");
    ada.transport.send(text("the log again"));
    assert.equal(ada.transport.report.byLog, 3);
    for (const one of [ada, bob, cem]) {
      one.transport.close();
      assert.equal(one.conference.listeners(), 0);
    }
  });

  test("who is there is told, but not while this page is not", () => {
    const [ada, bob] = make(["ada", "bob"]);
    assert.ok(ada !== undefined && bob !== undefined);
    ada.start();
    assert.deepEqual(ada.heard.present, ["ada", "bob"]);
    new Conference(ada.conference.bridge, "cem");
    assert.deepEqual(ada.heard.present, ["ada", "bob", "cem"]);
    ada.conference.emit("conference.left");
    ada.conference.bridge.inside.clear();
    ada.conference.emit("conference.userLeft", "bob");
    assert.deepEqual(ada.heard.present, ["ada", "bob", "cem"], "nobody seems to have gone");
    ada.transport.close();
  });

  test("what others put into endpoint messages does no harm", () => {
    const [ada] = make(["ada"]);
    assert.ok(ada !== undefined);
    ada.start();
    const from = { getId: () => "eve" };
    for (const payload of [null, 7, "x", {}, { type: "frameseal" }, { type: "frameseal", what: "say" }, { type: "frameseal", what: "say", bytes: "%" }, { type: "frameseal", what: "say", bytes: "A".repeat(100_000) }, { type: "e2e-ping", what: "say", bytes: "AAAA" }]) {
      ada.conference.emit("conference.endpoint_message_received", from, payload);
    }
    ada.conference.emit("conference.endpoint_message_received", undefined, { type: "frameseal", what: "say", bytes: "AAAA" });
    assert.deepEqual(ada.heard.messages, []);
    ada.transport.close();
  });

  test("codecs are chosen as without encryption, and the conference says that it encrypts before and after", () => {
    const conference = new Conference(new Bridge(), "ada");
    conference.enabled = true;
    conference.qualityController.codecController.selectPreferredCodec();
    assert.equal(conference.codec, "VP8");
    assert.equal(freeCodecs(conference), true);
    assert.equal(freeCodecs(conference), true, "twice is once");
    conference.qualityController.codecController.selectPreferredCodec();
    assert.equal(conference.codec, "AV1");
    assert.equal(conference.isE2EEEnabled(), true);
    assert.equal(Object.hasOwn(conference, "isE2EEEnabled"), false);
    conference.qualityController.codecController.selectPreferredCodec();
    assert.equal(conference.codec, "AV1");
    assert.equal(freeCodecs({ isE2EEEnabled: () => true }), false, "another release");
  });

  test("a conference that does not encrypt is said to", async () => {
    const conference = new Conference(new Bridge(), "ada");
    conference.supported = false;
    await assert.rejects(jitsiSession(conference, { log: "wss://relay.example/log?room=weekly" }), { name: "E2eeError(Unsupported)", code: 512 });
    assert.deepEqual([conference.keys, conference.enabled], [[], false]);
  });
});
