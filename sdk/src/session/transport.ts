/** What carries a session's messages. It is trusted with nothing: it may lose, delay, repeat and forge them. */
import type { E2eeError } from "../errors.ts";

/**
 * What a transport tells. Positions count the entries of the room's log: the first is 1, and 0 stands for an empty log.
 */
export interface TransportEvents {
  /** The log's newest entry: at the beginning, and again after every reconnection. Position 0: the log is empty. */
  head(position: number, entry: Uint8Array): void;
  /** An entry, in the order of the log; the own ones too. */
  entry(position: number, entry: Uint8Array): void;
  /** The entry that was to be appended after position `expect` was not taken: another one came first. */
  conflict(expect: number): void;
  /** Somebody asks to be let in. */
  knock(keyPackage: Uint8Array): void;
  /** A message of somebody in the room. */
  message(bytes: Uint8Array): void;
  /** The log has not kept what {@link SessionTransport.read} asked for; the oldest position that it has. */
  tooOld(oldest: number): void;
  /** Somebody has left the call, as far as the transport knows: it is removed. */
  gone(participant: string): void;
  /** These participants are in the call, as far as the transport knows. Who is not in the group gets no key, and is shown. */
  participants(all: readonly string[]): void;
  /** Whether messages go through. */
  connected(yes: boolean): void;
  /** Something went wrong. The transport goes on trying. */
  trouble(error: E2eeError): void;
}

/**
 * Carries a session's messages: an ordered log of the room that takes an entry only after the one that it names, a box
 * for key packages, and messages to everybody. A session uses one transport, and a transport one session.
 */
export interface SessionTransport {
  /** Begins. `events` is told {@link TransportEvents.head} first. */
  start(events: TransportEvents): void;
  /** Appends `entry`, if `expect` is the position of the newest one. */
  append(expect: number, entry: Uint8Array): void;
  /** Asks for the entries after a position. */
  read(after: number): void;
  /** Asks to be let in: hands a key package to everybody in the room, and leaves it for those who come. */
  knock(keyPackage: Uint8Array): void;
  /** Asks for the key packages that wait. */
  take(): void;
  /** Sends to everybody in the room. */
  send(bytes: Uint8Array): void;
  /** Who is in the group, whenever that changes: for a carrier that must know whether it reaches everybody. */
  members?(participants: readonly string[]): void;
  close(): void;
}
