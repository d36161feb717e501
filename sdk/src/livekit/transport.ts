/** A session's messages over a LiveKit room: what members tell each other goes by its data packets, the ordered log stays a log. */
import { E2eeError } from "../errors.ts";
import type { SessionTransport, TransportEvents } from "../session/transport.ts";
import type { DataOptions, LivekitParticipant } from "./room.ts";

/** What is used of livekit-client's `Room`, by shape. */
export interface DataRoom {
  readonly state: string;
  readonly localParticipant: { readonly identity: string; publishData(data: Uint8Array<ArrayBuffer>, options: DataOptions): Promise<void> };
  readonly remoteParticipants: ReadonlyMap<string, Pick<LivekitParticipant, "identity">>;
  on(event: string, listener: (...args: never[]) => void): unknown;
  off(event: string, listener: (...args: never[]) => void): unknown;
}

/** Options of {@link livekitTransport}. */
export interface LivekitTransportOptions {
  /** What keeps the order of the group's changes, and key packages for who comes later: `logTransport(url)`. */
  readonly log: SessionTransport;
}

/** How messages went. */
export interface LivekitTransportReport {
  readonly byData: number;
  readonly byLog: number;
  /** Members that have answered a packet. */
  readonly reached: readonly string[];
}

/** Made by {@link livekitTransport}. */
export interface LivekitTransport extends SessionTransport {
  /** For the application, which knows that somebody left for good; who only lost its connection comes back under its keys. */
  gone(participant: string): void;
  readonly report: LivekitTransportReport;
}

/** The topic of a session's packets. */
const TOPIC = "frameseal-session";
/** The topic of what finds out who hears packets: one byte, {@link Call}. */
const CALL_TOPIC = "frameseal-session-call";
const enum Call {
  Ask = 0,
  Answer = 1,
}
/** Who does not answer is asked again, so often at most, in milliseconds. */
const AGAIN_MS = 500;
const ASKS = 20;
/** Most bytes of a reliable packet; LiveKit's bound is 15 KiB with what it adds. */
const MOST = 15_000;

/**
 * A transport for a session in a LiveKit room, whose participants are the session's by their identities.
 *
 * - Messages of members (what they see of the log, goodbyes, comparisons) go as reliable data packets once all members have
 *   answered one, and else by the log: LiveKit drops what is for somebody whose channel is not open yet.
 * - Entries, key packages and all order come from `log`: data channels have no order between senders, and keep nothing.
 * - Who is in the room is told to the session: who has no key is shown, and who was away for ten seconds is removed.
 */
export function livekitTransport(room: DataRoom, { log }: LivekitTransportOptions): LivekitTransport {
  return new OverLivekit(room, log);
}

class OverLivekit implements LivekitTransport {
  readonly #room: DataRoom;
  readonly #log: SessionTransport;
  #events: TransportEvents | null = null;
  /** Who is in the group. */
  #members: readonly string[] = [];
  readonly #reached = new Set<string>();
  #asked = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #byData = 0;
  #byLog = 0;
  readonly #listeners: readonly (readonly [string, (...args: never[]) => void])[];

  constructor(room: DataRoom, log: SessionTransport) {
    this.#room = room;
    this.#log = log;
    const look = (): void => this.#look();
    this.#listeners = [
      ...["connected", "participantConnected"].map((event) => [event, look] as const),
      ["reconnected", () => {
        this.#reached.clear();
        look();
      }],
      ["participantDisconnected", ({ identity }: { identity: string }) => {
        this.#reached.delete(identity);
        look();
      }],
      ["dataReceived", (bytes: Uint8Array, from: { identity: string } | undefined, _kind: unknown, topic: string | undefined) => {
        // Whoever it says it is from: members sign.
        if (topic === TOPIC) this.#events?.message(new Uint8Array(bytes));
        if (topic === CALL_TOPIC && from !== undefined) this.#called(from.identity, bytes[0]);
      }],
    ];
  }

  get report(): LivekitTransportReport {
    return { byData: this.#byData, byLog: this.#byLog, reached: [...this.#reached] };
  }

  start(events: TransportEvents): void {
    if (this.#events !== null) throw new E2eeError("BadOption", "a transport carries one session: make another");
    this.#events = events;
    for (const [event, listener] of this.#listeners) this.#room.on(event, listener);
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
    if (!this.#reaches(bytes)) return this.#sendByLog(bytes);
    const sent = this.#room.localParticipant.publishData(new Uint8Array(bytes), { reliable: true, topic: TOPIC });
    sent.then(
      () => this.#byData++,
      () => this.#sendByLog(bytes),
    );
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
    for (const [event, listener] of this.#listeners) this.#room.off(event, listener);
    clearTimeout(this.#timer);
    this.#log.close();
    this.#events = null;
  }

  #sendByLog(bytes: Uint8Array): void {
    this.#byLog++;
    this.#log.send(bytes);
  }

  /** Whether a packet gets to everybody in the group. */
  #reaches(bytes: Uint8Array): boolean {
    return bytes.length <= MOST && this.#room.state === "connected" && this.#unreached().length === 0;
  }

  /** Members that have answered no packet. */
  #unreached(): readonly string[] {
    const { localParticipant } = this.#room;
    return this.#members.filter((who) => who !== localParticipant.identity && !this.#reached.has(who));
  }

  /** Asks those who are in the room and have not answered, until they do or it takes too long. */
  #ask(anew: boolean): void {
    clearTimeout(this.#timer);
    if (anew) this.#asked = 0;
    const { state, remoteParticipants } = this.#room;
    const silent = this.#unreached().filter((who) => remoteParticipants.has(who));
    if (this.#events === null || state !== "connected" || silent.length === 0 || this.#asked >= ASKS) return;
    this.#asked++;
    this.#call(Call.Ask, silent);
    this.#timer = setTimeout(() => this.#ask(false), AGAIN_MS);
  }

  #called(who: string, call: number | undefined): void {
    if (call === Call.Ask) this.#call(Call.Answer, [who]);
    if (call === Call.Answer) this.#reached.add(who);
  }

  #call(call: Call, destinationIdentities: string[]): void {
    // Who does not get it is asked again, and meanwhile the log carries all.
    void this.#room.localParticipant.publishData(Uint8Array.of(call), { reliable: true, topic: CALL_TOPIC, destinationIdentities }).catch(() => undefined);
  }

  /** Tells who is in the room; nothing while this page is not in it, for then nobody seems to be. */
  #look(): void {
    const { state, localParticipant, remoteParticipants } = this.#room;
    if (state !== "connected") return;
    this.#events?.participants([localParticipant.identity, ...[...remoteParticipants.values()].map(({ identity }) => identity)]);
    this.#ask(true);
  }
}
