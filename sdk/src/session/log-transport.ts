/** The transport over Frameseal's own relay: a WebSocket to the room's log. The messages are described in docs/log.md. */
import { E2eeError } from "../errors.ts";
import type { SessionTransport, TransportEvents } from "./transport.ts";

/** The WebSocket subprotocol. */
export const LOG_PROTOCOL = "frameseal-log.1";

/** Pauses before one tries again, milliseconds; the last one for ever. A random part keeps pages from coming at once. */
const PAUSES_MS = [250, 500, 1000, 2000, 4000, 8000, 15_000];
/** Who appends too late hears of what came first within this time, milliseconds. */
const BEHIND_MS = 1000;
/** Pause before an entry that the relay had no place for is tried again, milliseconds. */
const REFUSED_PAUSE_MS = 2000;
/** Without an answer for so long a connection counts as dead, milliseconds. */
const ANSWER_MS = 10_000;

const enum Say {
  Append = 0x01,
  Read = 0x02,
  Put = 0x03,
  Take = 0x04,
  Say = 0x05,
}

const enum Told {
  Head = 0x81,
  Entry = 0x82,
  Answer = 0x83,
  Package = 0x84,
  TooOld = 0x85,
  Said = 0x86,
  Error = 0x8f,
}

const enum Answer {
  Taken = 0,
  Conflict = 1,
  TooLarge = 2,
  Gone = 3,
}

/** Settings of {@link logTransport}. */
export interface LogTransportOptions {
  /** The constructor to connect with; default: the page's `WebSocket`. */
  readonly WebSocket?: new (url: string, protocols: string) => WebSocket;
}

/** A transport over the relay at an address. */
export interface LogTransport extends SessionTransport {
  /** For the application, whose signalling knows who left: see {@link TransportEvents.gone}. */
  gone(participant: string): void;
  /** The same for everybody who is in the call: see {@link TransportEvents.participants}. */
  participants(all: readonly string[]): void;
}

/**
 * A transport over a relay.
 *
 * @param url Where the log of the room is, `wss://relay.example/log?room=weekly`.
 * @throws E2eeError `BadOption` for what is no WebSocket address.
 */
export function logTransport(url: string | URL, options: LogTransportOptions = {}): LogTransport {
  return new WebSocketLog(address(url), options.WebSocket ?? globalThis.WebSocket);
}

function address(given: string | URL): string {
  try {
    const url = new URL(given, globalThis.location?.href);
    url.protocol = url.protocol.replace(/^http/, "ws");
    if (/^wss?:$/.test(url.protocol)) return url.href;
  } catch {
    // Told below.
  }
  throw new E2eeError("BadOption", `${String(given)} is no address of a relay: want wss://…/log?room=…`);
}

class WebSocketLog implements LogTransport {
  readonly #url: string;
  readonly #Socket: NonNullable<LogTransportOptions["WebSocket"]>;
  #events: TransportEvents | null = null;
  #socket: WebSocket | null = null;
  /** The relay has told where its log is. */
  #ready = false;
  #failures = 0;
  /** Position of the newest entry that was heard of. */
  #newest = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #closed = false;
  /** Positions behind which something is to be appended, that wait for an answer. */
  readonly #appended = new Set<number>();
  #answerBy: ReturnType<typeof setTimeout> | undefined;

  constructor(url: string, Socket: NonNullable<LogTransportOptions["WebSocket"]>) {
    this.#url = url;
    this.#Socket = Socket;
  }

  start(events: TransportEvents): void {
    if (this.#events !== null) throw new E2eeError("BadOption", "a transport carries one session: make another");
    this.#events = events;
    this.#connect();
  }

  // What is told while there is no connection is lost: the next head makes the session tell it again.

  append(expect: number, entry: Uint8Array): void {
    if (!this.#tell(Say.Append, expect, entry)) return;
    this.#appended.add(expect);
    this.#expectAnswer();
  }

  read(after: number): void {
    this.#tell(Say.Read, after);
  }

  knock(keyPackage: Uint8Array): void {
    this.#tell(Say.Put, null, keyPackage);
  }

  take(): void {
    this.#tell(Say.Take, null);
  }

  send(bytes: Uint8Array): void {
    this.#tell(Say.Say, null, bytes);
  }

  gone(participant: string): void {
    this.#events?.gone(participant);
  }

  participants(all: readonly string[]): void {
    this.#events?.participants(all);
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    clearTimeout(this.#answerBy);
    this.#socket?.close();
    this.#socket = null;
  }

  #connect(): void {
    let socket: WebSocket;
    try {
      socket = new this.#Socket(this.#url, LOG_PROTOCOL);
    } catch (error) {
      return this.#lost(`the address was refused: ${error instanceof Error ? error.message : String(error)}`);
    }
    this.#socket = socket;
    socket.binaryType = "arraybuffer";
    socket.onmessage = ({ data }) => {
      if (socket !== this.#socket) return;
      if (data instanceof ArrayBuffer) this.#hear(new Uint8Array(data));
      else this.#trouble("RelayBadMessage", "it sent text");
    };
    socket.onclose = ({ code, reason }) => {
      if (socket === this.#socket) this.#lost(reason === "" ? `the connection ended (${code})` : reason);
    };
    // Followed by a close, which knows as much.
    socket.onerror = () => undefined;
    this.#answerBy = setTimeout(() => socket === this.#socket && this.#lost("it does not answer"), ANSWER_MS);
  }

  #lost(why: string): void {
    const socket = this.#socket;
    this.#socket = null;
    socket?.close();
    clearTimeout(this.#answerBy);
    if (this.#closed) return;
    if (this.#ready) this.#events?.connected(false);
    this.#ready = false;
    this.#appended.clear();
    this.#trouble("RelayUnreachable", why);
    const pause = PAUSES_MS[Math.min(this.#failures++, PAUSES_MS.length - 1)] ?? 0;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#connect(), pause * (0.75 + Math.random() / 2));
  }

  #tell(kind: Say, number: number | null, bytes: Uint8Array = new Uint8Array()): boolean {
    const socket = this.#socket;
    if (socket === null || !this.#ready || socket.readyState !== 1) return false;
    const message = new Uint8Array(1 + (number === null ? 0 : 8) + bytes.length);
    message[0] = kind;
    if (number !== null) writeLong(message, 1, number);
    message.set(bytes, message.length - bytes.length);
    socket.send(message);
    return true;
  }

  /** Whoever takes messages and does not answer is not there. */
  #expectAnswer(): void {
    clearTimeout(this.#answerBy);
    this.#answerBy = setTimeout(() => this.#lost("it does not answer"), ANSWER_MS);
  }

  #hear(message: Uint8Array): void {
    const kind = message[0];
    const number = kind === Told.Head || kind === Told.Entry || kind === Told.Answer || kind === Told.TooOld ? readLong(message, 1) : 0;
    if (number === null) return this.#trouble("RelayBadMessage", `a message of kind ${kind} is too short`);
    switch (kind) {
      case Told.Head:
        return this.#head(number, message.slice(9));
      case Told.Entry:
        this.#newest = Math.max(this.#newest, number);
        return this.#events?.entry(number, message.slice(9));
      case Told.Answer:
        return this.#answered(number, message[9] ?? -1);
      case Told.Package:
        return this.#events?.knock(message.slice(1));
      case Told.Said:
        return this.#events?.message(message.slice(1));
      case Told.TooOld:
        this.#trouble("RelayTooOld", `its oldest entry is ${number}`);
        return this.#events?.tooOld(number);
      case Told.Error:
        return this.#trouble("RelayRefused", `error ${(message[1] ?? 0) * 256 + (message[2] ?? 0)}: ${new TextDecoder().decode(message.subarray(3))}`);
      default:
        return this.#trouble("RelayBadMessage", `it sent a message of kind ${kind ?? "nothing"}`);
    }
  }

  #head(position: number, entry: Uint8Array): void {
    clearTimeout(this.#answerBy);
    this.#newest = position;
    const again = !this.#ready;
    this.#ready = true;
    this.#failures = 0;
    if (again) this.#events?.connected(true);
    this.#events?.head(position, entry);
  }

  #answered(expect: number, answer: number): void {
    this.#appended.delete(expect);
    if (this.#appended.size === 0) clearTimeout(this.#answerBy);
    if (answer === Answer.Taken) return;
    if (answer === Answer.Conflict) {
      // What was first is on its way here. If it is not, the log has gone back: a new connection tells where it ends.
      const socket = this.#socket;
      setTimeout(() => socket === this.#socket && socket !== null && this.#newest <= expect && this.#lost("its log went back"), BEHIND_MS);
      return this.#events?.conflict(expect);
    }
    if (answer === Answer.TooLarge) this.#trouble("RelayTooLarge", "an entry of the session is too large for it");
    else this.#trouble("RelayRefused", `it could not append (${answer}): its log is not there`);
    // The session may try again, and need not do so at once.
    setTimeout(() => !this.#closed && this.#events?.conflict(expect), REFUSED_PAUSE_MS);
  }

  #trouble(name: "RelayUnreachable" | "RelayRefused" | "RelayTooLarge" | "RelayTooOld" | "RelayBadMessage", why: string): void {
    this.#events?.trouble(new E2eeError(name, `the relay ${this.#url}: ${why}`));
  }
}

function writeLong(into: Uint8Array, at: number, number: number): void {
  const view = new DataView(into.buffer, into.byteOffset);
  view.setUint32(at, Math.floor(number / 2 ** 32));
  view.setUint32(at + 4, number % 2 ** 32);
}

/** `null`: there is none, or it is more than numbers hold. */
function readLong(from: Uint8Array, at: number): number | null {
  if (from.length < at + 8) return null;
  const view = new DataView(from.buffer, from.byteOffset);
  const number = view.getUint32(at) * 2 ** 32 + view.getUint32(at + 4);
  return Number.isSafeInteger(number) ? number : null;
}
