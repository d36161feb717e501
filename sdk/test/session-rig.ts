/** Sessions in Node: the desk of the session worker in this process, the real modules, a media engine at the other end of the port. */
import { readFileSync } from "node:fs";
import { E2eeError } from "../src/errors.ts";
import { RULE } from "../src/worker/codec.ts";
import type { EncodedFrame } from "../src/worker/engine.ts";
import { SessionEngine } from "../src/session/media/engine.ts";
import type { FromSession, ToSession } from "../src/session/protocol.ts";
import { Session } from "../src/session/session.ts";
import type { SessionOptions } from "../src/session/types.ts";
import type { SessionTransport, TransportEvents } from "../src/session/transport.ts";
import { SessionDesk, type SessionScope } from "../src/session/worker/desk.ts";

const compiled = (name: string): WebAssembly.Module => new WebAssembly.Module(readFileSync(new URL(`../wasm/${name}.wasm`, import.meta.url)));
const SESSION = compiled("session");
const MEDIA = compiled("media-session");

/** A worker with the desk in it, in this process; messages are cloned as between threads. */
export class LocalWorker {
  onmessage: ((event: { data: FromSession }) => void) | null = null;
  onerror: ((event: { message: string; preventDefault(): void }) => void) | null = null;
  /** Everything that the page was told. */
  readonly told: FromSession[] = [];
  readonly #scope: SessionScope;

  constructor() {
    this.#scope = {
      onmessage: null,
      postMessage: (message) => {
        const data = structuredClone(message);
        this.told.push(data);
        queueMicrotask(() => this.onmessage?.({ data }));
      },
      close: () => undefined,
    };
    new SessionDesk(this.#scope);
  }

  postMessage(message: ToSession, transfer: Transferable[] = []): void {
    // A port cannot be cloned within a thread.
    const data = message.t === "port" ? message : structuredClone(message, { transfer });
    queueMicrotask(() => this.#scope.onmessage?.({ data }));
  }
}

/** An ordered log in this process, as the relay keeps one. */
export class MemoryRoom {
  readonly entries: Uint8Array[] = [];
  readonly #packages: Uint8Array[] = [];
  readonly #inside = new Set<MemoryTransport>();

  transport(): MemoryTransport {
    return new MemoryTransport(this);
  }

  enter(who: MemoryTransport): void {
    this.#inside.add(who);
    who.later((events) => events.connected(true));
    who.later((events) => events.head(this.entries.length, this.entries.at(-1) ?? new Uint8Array()));
  }

  exit(who: MemoryTransport): void {
    this.#inside.delete(who);
  }

  append(who: MemoryTransport, expect: number, entry: Uint8Array): void {
    if (expect !== this.entries.length) return who.later((events) => events.conflict(expect));
    this.entries.push(entry);
    this.#all((events) => events.entry(expect + 1, entry));
  }

  read(who: MemoryTransport, after: number): void {
    this.entries.slice(after).forEach((entry, n) => who.later((events) => events.entry(after + n + 1, entry)));
  }

  knock(who: MemoryTransport, keyPackage: Uint8Array): void {
    this.#packages.push(keyPackage);
    this.#all((events) => events.knock(keyPackage), who);
  }

  take(who: MemoryTransport): void {
    for (const keyPackage of this.#packages.splice(0)) who.later((events) => events.knock(keyPackage));
  }

  say(who: MemoryTransport, bytes: Uint8Array): void {
    this.#all((events) => events.message(bytes), who);
  }

  #all(tell: (events: TransportEvents) => void, but?: MemoryTransport): void {
    for (const one of this.#inside) if (one !== but) one.later(tell);
  }
}

/** One way to a {@link MemoryRoom}; it can be cut. */
export class MemoryTransport implements SessionTransport {
  events: TransportEvents | null = null;
  cut = false;
  readonly #room: MemoryRoom;

  constructor(room: MemoryRoom) {
    this.#room = room;
  }

  later(tell: (events: TransportEvents) => void): void {
    queueMicrotask(() => this.events !== null && !this.cut && tell(this.events));
  }

  start(events: TransportEvents): void {
    this.events = events;
    this.#room.enter(this);
  }

  append(expect: number, entry: Uint8Array): void {
    if (!this.cut) this.#room.append(this, expect, entry);
  }

  read(after: number): void {
    if (!this.cut) this.#room.read(this, after);
  }

  knock(keyPackage: Uint8Array): void {
    if (!this.cut) this.#room.knock(this, keyPackage);
  }

  take(): void {
    if (!this.cut) this.#room.take(this);
  }

  send(bytes: Uint8Array): void {
    if (!this.cut) this.#room.say(this, bytes);
  }

  close(): void {
    this.events = null;
    this.#room.exit(this);
  }

  /** The way back. */
  mend(): void {
    this.cut = false;
    this.#room.enter(this);
  }
}

/** Somebody in a call: a session, and the engine of a media worker. */
export class Person {
  readonly events: string[] = [];
  readonly codes: string[] = [];

  private constructor(
    readonly session: Session,
    readonly worker: LocalWorker,
    readonly engine: SessionEngine,
    readonly transport: SessionTransport,
  ) {}

  static async join(room: string, participant: string, transport: SessionTransport, more: Partial<SessionOptions> = {}): Promise<Person> {
    const worker = new LocalWorker();
    const session = await Session.create({ room, participant, transport, worker: worker as unknown as Worker, wasm: SESSION, ...more }, () => {
      throw new E2eeError("Internal", "a worker was given");
    });
    const person = new Person(session, worker, media(session), transport);
    session.on("event", (event) => person.events.push(event.what === "trouble" ? `trouble: ${event.error.message}` : event.what));
    session.on("code", (code) => person.codes.push(code));
    return person;
  }

  /** Waits until the session seals. */
  async joined(): Promise<this> {
    await until(() => this.session.state === "joined" && this.sealing() !== null, `${this.session.participant} in the group`);
    return this;
  }

  /** The epoch whose keys the media worker seals with. */
  sealing(): number | null {
    const { sender } = this.engine.report() as { sender: { generation: number } | null };
    return sender?.generation ?? null;
  }

  /** Seals a frame of sound; an error code when it is refused. */
  async seal(text: string): Promise<Uint8Array | number> {
    return pass(this.engine, "send", null, new TextEncoder().encode(text));
  }

  /** Opens a frame of sound of a participant. */
  async open(of: string, sealed: Uint8Array | number): Promise<string | number> {
    if (typeof sealed === "number") throw new Error(`nothing was sealed: ${sealed}`);
    const opened = await pass(this.engine, "receive", of, sealed);
    return typeof opened === "number" ? opened : new TextDecoder().decode(opened);
  }

  who(): string[] {
    return this.session.members.map(({ participant }) => participant).sort();
  }
}

/** A media worker's engine with the keys of a session. */
export function media(session: Session, hush: () => void = () => undefined): SessionEngine {
  const port = session.attach(hush);
  const engine = new SessionEngine(MEDIA, { call: session.room, participant: session.participant, suite: 4, padding: false }, port as never);
  // A test ends with its sessions.
  (port as unknown as { unref?(): void }).unref?.();
  return engine;
}

async function pass(engine: SessionEngine, direction: "send" | "receive", of: string | null, bytes: Uint8Array): Promise<Uint8Array | number> {
  const lane = engine.lane(direction, "audio", of);
  const frame: EncodedFrame = { data: bytes.slice().buffer, getMetadata: () => ({}) };
  const status = await lane.run(frame, RULE.opaque, false);
  lane.close();
  return status < 0 ? -status : new Uint8Array(frame.data);
}

/** Waits for something. */
export async function until(what: () => boolean | Promise<boolean>, name: string, ms = 15_000): Promise<void> {
  const end = Date.now() + ms;
  while (!(await what())) {
    if (Date.now() > end) throw new Error(`waited ${ms} ms for ${name}`);
    await sleep(10);
  }
}

export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
