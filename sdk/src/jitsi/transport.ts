/** A session's messages over a Jitsi conference: what members tell each other goes by the bridge, the ordered log stays a log. */
import { E2eeError } from "../errors.ts";
import type { SessionTransport, TransportEvents } from "../session/transport.ts";
import { EVENT, type JitsiConference, type JitsiParticipant } from "./conference.ts";

/** How messages went. */
export interface JitsiTransportReport {
  readonly byBridge: number;
  readonly byLog: number;
  /** Members that have answered a message. */
  readonly reached: readonly string[];
}

/** Made by {@link jitsiTransport}. */
export interface JitsiTransport extends SessionTransport {
  /** For the application, which knows that somebody left for good; who only lost its connection comes back under its keys. */
  gone(participant: string): void;
  readonly report: JitsiTransportReport;
}

/** The conference, as far as a transport needs it. */
export type MessageConference = Pick<JitsiConference, "on" | "off" | "myUserId" | "getParticipants" | "sendEndpointMessage">;

/** What is in endpoint messages: others pass them by, as their type is none of Jitsi Meet's. */
type Payload = { readonly type: "frameseal"; readonly what: "ask" | "answer" } | { readonly type: "frameseal"; readonly what: "say"; readonly bytes: string };

/** Who does not answer is asked again, so often at most, in milliseconds. */
const AGAIN_MS = 500;
const ASKS = 20;
/** Most bytes of a message by the bridge; larger ones go by the log. */
const MOST = 8192;

/**
 * A transport for a session in a conference, whose participants are the session's by their ids.
 *
 * - Messages of members (what they see of the log, goodbyes, comparisons) go as endpoint messages once all members have
 *   answered one, and else by the log: a bridge drops what is for somebody whose channel is not open yet.
 * - Entries, key packages and all order come from `log`: messages by the bridge have no order between senders, and nothing
 *   keeps them.
 * - Who is in the conference is told to the session: who has no key is shown, and who was away for ten seconds is removed.
 */
export function jitsiTransport(conference: MessageConference, log: SessionTransport): JitsiTransport {
  return new OverJitsi(conference, log);
}

class OverJitsi implements JitsiTransport {
  readonly #conference: MessageConference;
  readonly #log: SessionTransport;
  readonly #reached = new Set<string>();
  readonly #listeners: readonly (readonly [string, (...args: never[]) => void])[];
  #events: TransportEvents | null = null;
  /** Who is in the group. */
  #members: readonly string[] = [];
  /** This page is in the conference: else nobody seems to be. */
  #inside = true;
  #asked = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #byBridge = 0;
  #byLog = 0;

  constructor(conference: MessageConference, log: SessionTransport) {
    this.#conference = conference;
    this.#log = log;
    const look = (): void => this.#look();
    this.#listeners = [
      [EVENT.joined, () => {
        this.#inside = true;
        look();
      }],
      [EVENT.left, () => (this.#inside = false)],
      [EVENT.userJoined, look],
      [EVENT.userLeft, (id: string) => {
        this.#reached.delete(id);
        look();
      }],
      [EVENT.channelOpened, () => this.#ask(true)],
      // Who answers afterwards is reached again.
      [EVENT.channelClosed, () => this.#reached.clear()],
      [EVENT.message, (from: JitsiParticipant | undefined, payload: unknown) => this.#hear(from, payload)],
    ];
  }

  get report(): JitsiTransportReport {
    return { byBridge: this.#byBridge, byLog: this.#byLog, reached: [...this.#reached] };
  }

  start(events: TransportEvents): void {
    if (this.#events !== null) throw new E2eeError("BadOption", "a transport carries one session: make another");
    this.#events = events;
    for (const [event, listener] of this.#listeners) this.#conference.on(event, listener);
    this.#log.start(events);
    this.#look();
  }

  append(expect: number, entry: Uint8Array): void {
    this.#log.append(expect, entry);
  }

  read(after: number): void {
    this.#log.read(after);
  }

  // The log's box has it for who comes later, and tells it to who is there.
  knock(keyPackage: Uint8Array): void {
    this.#log.knock(keyPackage);
  }

  take(): void {
    this.#log.take();
  }

  send(bytes: Uint8Array): void {
    if (this.#unreached().length === 0 && bytes.length <= MOST && this.#tell("", { type: "frameseal", what: "say", bytes: base64(bytes) })) this.#byBridge++;
    else {
      this.#byLog++;
      this.#log.send(bytes);
    }
  }

  members(participants: readonly string[]): void {
    this.#members = participants;
    this.#ask(true);
    this.#log.members?.(participants);
  }

  gone(participant: string): void {
    this.#events?.gone(participant);
  }

  close(): void {
    for (const [event, listener] of this.#listeners) this.#conference.off(event, listener);
    clearTimeout(this.#timer);
    this.#log.close();
    this.#events = null;
  }

  /** Members that have answered no message. */
  #unreached(): readonly string[] {
    const me = this.#conference.myUserId();
    return this.#members.filter((who) => who !== me && !this.#reached.has(who));
  }

  /** Asks those who are there and have not answered, until they do or it takes too long. */
  #ask(anew: boolean): void {
    clearTimeout(this.#timer);
    if (anew) this.#asked = 0;
    const there = this.#present();
    const silent = this.#unreached().filter((who) => there.includes(who));
    if (this.#events === null || silent.length === 0 || this.#asked >= ASKS) return;
    this.#asked++;
    for (const who of silent) this.#tell(who, { type: "frameseal", what: "ask" });
    this.#timer = setTimeout(() => this.#ask(false), AGAIN_MS);
  }

  #hear(from: JitsiParticipant | undefined, payload: unknown): void {
    const who = from?.getId();
    const { type, what, bytes } = (typeof payload === "object" && payload !== null ? payload : {}) as Record<string, unknown>;
    if (type !== "frameseal" || who === undefined) return;
    if (what === "ask") this.#tell(who, { type: "frameseal", what: "answer" });
    if (what === "answer") this.#reached.add(who);
    // Whoever it says it is from: members sign.
    const said = what === "say" && typeof bytes === "string" && bytes.length <= 2 * MOST ? unbase64(bytes) : null;
    if (said !== null) this.#events?.message(said);
  }

  /** `false`: the channel is not open. Who does not get it is asked again, and meanwhile the log carries all. */
  #tell(to: string, payload: Payload): boolean {
    try {
      this.#conference.sendEndpointMessage(to, payload);
      return true;
    } catch {
      return false;
    }
  }

  #present(): string[] {
    return this.#conference.getParticipants().map((participant) => participant.getId());
  }

  #look(): void {
    if (!this.#inside) return;
    this.#events?.participants([this.#conference.myUserId(), ...this.#present()]);
    this.#ask(true);
  }
}

function base64(bytes: Uint8Array): string {
  return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
}

function unbase64(text: string): Uint8Array | null {
  try {
    return Uint8Array.from(atob(text), (char) => char.charCodeAt(0));
  } catch {
    return null;
  }
}
