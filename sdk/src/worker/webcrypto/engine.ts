/**
 * Frameseal by WebCrypto alone, for pages whose policy refuses WebAssembly: the AES-GCM suites, with opaque codecs
 * (Opus, RED, VP9) and VP8. Byte for byte the format of the core, and tested against it.
 */
import { Code } from "../../codes.ts";
import { type Direction, KIND_NUMBER, type TrackKind } from "../../kinds.ts";
import { type EncodedFrame, type Engine, type Lane, type Status, TURBO } from "../engine.ts";
import { announce, readAnnouncement } from "../announcement.ts";
import { hex } from "../../hex.ts";
import type { EngineSetup } from "../module.ts";
import { decodeHeader, encodeHeader } from "./header.ts";
import { Ring } from "./ring.ts";
import { clearLength, hasRule } from "./rules.ts";
import { baseKey, fingerprint, type FrameKey, frameKey, GCM_SUITES, type GcmSuite, nonce } from "./schedule.ts";
import { RATCHET_BITS, ratchet, secretKey, STEPS, TAG_LENGTH } from "./schedule.ts";
import { Refusal } from "../refusal.ts";

/** Frames that one key seals; the same number as in the core. */
const MAX_FRAMES_PER_KEY = 2 ** 32;
const PAD_AUDIO_TO = 64;
/** The layout byte: version 1 in the two top bits, then padded, then moved units, then the codec rule. */
const VERSION_MASK = 0xc0;
const VERSION_1 = 0x40;
const PADDED = 0x20;
const TAIL = 0x10;
const RULE_MASK = 0x0f;
/** First byte of padding; zeros follow. */
const PADDING_MARK = 1;
/** Announcements kept of one participant, as in the core's door. */
const MAX_RUNS = 64;

interface Slot {
  readonly kid: number;
  readonly frame: FrameKey;
  next: number;
}

/** The own keys. Replaced as a whole, so that a counter never starts again under a key. */
interface Sender {
  readonly secret: CryptoKey;
  readonly incarnation: Uint8Array;
  readonly generation: number;
  readonly step: number;
  readonly base: CryptoKey;
  readonly slots: Map<number, Promise<Slot>>;
}

interface Person {
  present: boolean;
  announcement: string | null;
  secret: { readonly print: string; readonly key: CryptoKey } | null;
  ring: Ring | null;
  /** Rings of other announcements under the same secret: who comes back finds the replay windows as they were. */
  readonly earlier: Map<string, Ring>;
}

/** See {@link Engine}. */
export class WebCryptoEngine implements Engine {
  readonly name = "webcrypto";
  readonly setup: EngineSetup;
  readonly #suite: GcmSuite;
  readonly #people = new Map<string, Person>();
  #room: { readonly print: string; readonly key: CryptoKey } | null = null;
  #own: { readonly print: string; readonly key: CryptoKey } | null = null;
  #sender: Sender | null = null;
  #report: unknown = { sender: null, participants: [] };

  constructor(setup: EngineSetup) {
    const suite = GCM_SUITES[setup.suite];
    if (suite === undefined) throw new Refusal(Code.UnsupportedSuite, "WebCrypto alone has the AES-GCM suites only");
    this.setup = setup;
    this.#suite = suite;
  }

  announcement(): string {
    if (this.#sender === null) return "";
    return announce({ suite: this.#suite.number, incarnation: this.#sender.incarnation });
  }

  async setRoomSecret(stretched: Uint8Array): Promise<void> {
    const room = await taken(stretched);
    if (this.#room?.print === room.print) return;
    this.#room = room;
    if (this.#own === null) await this.#begin(room.key);
    for (const [id, person] of this.#people) if (person.secret === null) this.#follow(id, person);
    await this.#refreshReport();
  }

  async setSenderKey(key: Uint8Array): Promise<void> {
    const own = await taken(key);
    if (this.#own?.print === own.print) return;
    this.#own = own;
    await this.#begin(own.key);
  }

  async setReceiverKey(participant: string, key: Uint8Array): Promise<void> {
    const secret = await taken(key);
    const person = this.#person(participant);
    if (person.secret?.print === secret.print) return;
    person.secret = secret;
    this.#follow(participant, person);
  }

  addParticipant(participant: string, announcement: string): void {
    readAnnouncement(announcement);
    const person = this.#person(participant);
    person.present = true;
    if (person.announcement === announcement) return;
    const back = person.earlier.get(announcement);
    if (back === undefined && person.earlier.size >= MAX_RUNS) {
      throw new Refusal(Code.TooManyAnnouncements, `${participant} was announced too often`);
    }
    if (person.announcement !== null && person.ring !== null) person.earlier.set(person.announcement, person.ring);
    person.earlier.delete(announcement);
    person.announcement = announcement;
    person.ring = back ?? this.#newRing(participant, person);
  }

  removeParticipant(participant: string): void {
    const person = this.#people.get(participant);
    if (person !== undefined) person.present = false;
  }

  async rotate(): Promise<number> {
    const { secret, incarnation, generation } = this.#mine();
    const next = generation + 1;
    const base = await baseKey(secret, this.setup.call, this.setup.participant, incarnation, next);
    this.#sender = { secret, incarnation, generation: next, step: 0, base, slots: new Map() };
    await this.#refreshReport();
    return next;
  }

  async ratchet(): Promise<number> {
    const sender = this.#mine();
    if (sender.step + 1 >= STEPS) throw new Refusal(Code.StepsUsedUp, "no ratchet step is left in this generation: rotate");
    const base = await ratchet(this.#suite, sender.base);
    this.#sender = { ...sender, step: sender.step + 1, base, slots: new Map() };
    await this.#refreshReport();
    return sender.step + 1;
  }

  tick(nowMs: number): void {
    for (const person of this.#people.values()) person.ring?.tick(nowMs);
    void this.#refreshReport();
  }

  lane(direction: Direction, kind: TrackKind, participant: string | null): Lane {
    return direction === "send" ? new SealLane(this, kind) : new OpenLane(this, kind, participant);
  }

  report(): unknown {
    return this.#report;
  }

  memoryBytes(): null {
    return null;
  }

  /** The slot that seals frames of a kind, or an error code. */
  async slot(kind: number): Promise<Slot | number> {
    const sender = this.#sender;
    if (sender === null) return Code.NoSenderKey;
    let slot = sender.slots.get(kind);
    if (slot === undefined) {
      const kid = sender.generation * 2 ** RATCHET_BITS + sender.step;
      const { call, participant } = this.setup;
      slot = frameKey(this.#suite, sender.base, call, participant, kind, kid, "encrypt").then((frame) => ({
        kid,
        frame,
        next: 0,
      }));
      sender.slots.set(kind, slot);
    }
    return slot;
  }

  /** The ring of a participant who is here. */
  ring(participant: string | null): Ring | null {
    const person = participant === null ? undefined : this.#people.get(participant);
    return person?.present === true ? person.ring : null;
  }

  #mine(): Sender {
    if (this.#sender === null) throw new Refusal(Code.NoSenderKey, "no key was set for this sender");
    return this.#sender;
  }

  async #begin(secret: CryptoKey): Promise<void> {
    const incarnation = crypto.getRandomValues(new Uint8Array(16));
    const base = await baseKey(secret, this.setup.call, this.setup.participant, incarnation, 0);
    this.#sender = { secret, incarnation, generation: 0, step: 0, base, slots: new Map() };
  }

  #person(id: string): Person {
    let person = this.#people.get(id);
    if (person === undefined) {
      person = { present: true, announcement: null, secret: null, ring: null, earlier: new Map() };
      this.#people.set(id, person);
    }
    return person;
  }

  /** Begins anew under a secret that was not there before. */
  #follow(who: string, person: Person): void {
    person.earlier.clear();
    person.ring = this.#newRing(who, person);
  }

  #newRing(who: string, person: Person): Ring | null {
    const secret = (person.secret ?? this.#room)?.key;
    if (secret === undefined || person.announcement === null) return null;
    const { suite: number, incarnation } = readAnnouncement(person.announcement);
    const suite = GCM_SUITES[number];
    // A sender with a suite that WebCrypto lacks: no key, and the reason in the report.
    if (suite === undefined) return null;
    return new Ring({ suite, call: this.setup.call, who, secret, incarnation });
  }

  async #refreshReport(): Promise<void> {
    const sender = this.#sender;
    const own =
      sender === null
        ? null
        : { generation: sender.generation, step: sender.step, fingerprint: await fingerprint(sender.base) };
    const participants = await Promise.all(
      [...this.#people].map(async ([id, { present, announcement, ring }]) => ({
        id,
        present,
        announced: announcement !== null,
        keys: (await ring?.keys()) ?? [],
      })),
    );
    this.#report = { sender: own, participants };
  }
}

class SealLane implements Lane {
  readonly #engine: WebCryptoEngine;
  #kind: TrackKind;

  constructor(engine: WebCryptoEngine, kind: TrackKind) {
    this.#engine = engine;
    this.#kind = kind;
  }

  async run(frame: EncodedFrame, rule: number): Promise<Status> {
    const plain = new Uint8Array(frame.data);
    if (!hasRule(rule)) return -Code.SealUnknownCodec;
    const clear = clearLength(rule, plain);
    if (clear === null) return -Code.SealLayout;
    const slot = await this.#engine.slot(KIND_NUMBER[this.#kind]);
    if (typeof slot === "number") return -slot;
    if (slot.next >= MAX_FRAMES_PER_KEY) return -Code.Worn;
    const ctr = slot.next++;
    const header = encodeHeader(slot.kid, ctr);
    const text = this.#text(plain.subarray(clear));
    const layout = Uint8Array.of(VERSION_1 | (this.#pads ? PADDED : 0) | rule);
    const aad = join(header, plain.subarray(0, clear), layout);
    const params = { name: "AES-GCM", iv: nonce(slot.frame.salt, ctr), additionalData: aad };
    const sealed = new Uint8Array(await crypto.subtle.encrypt(params, slot.frame.key, text));
    frame.data = join(plain.subarray(0, clear), layout, header, sealed).buffer;
    return TURBO;
  }

  bind(kind: TrackKind): void {
    this.#kind = kind;
  }

  close(): void {
    // Holds nothing.
  }

  get #pads(): boolean {
    return this.#engine.setup.padding && (this.#kind === "audio" || this.#kind === "screen-audio");
  }

  /** The body, or body, mark and zeros. */
  #text(body: Uint8Array): Uint8Array<ArrayBuffer> {
    if (!this.#pads) return body.slice();
    const text = new Uint8Array(Math.ceil((body.length + 1) / PAD_AUDIO_TO) * PAD_AUDIO_TO);
    text.set(body);
    text[body.length] = PADDING_MARK;
    return text;
  }
}

class OpenLane implements Lane {
  readonly #engine: WebCryptoEngine;
  #kind: TrackKind;
  #participant: string | null;

  constructor(engine: WebCryptoEngine, kind: TrackKind, participant: string | null) {
    this.#engine = engine;
    this.#kind = kind;
    this.#participant = participant;
  }

  async run(frame: EncodedFrame, rule: number): Promise<Status> {
    if (!hasRule(rule)) return -Code.UnknownCodec;
    const wire = new Uint8Array(frame.data);
    const clear = clearLength(rule, wire);
    if (clear === null) return -Code.Layout;
    const layout = wire[clear];
    if (layout === undefined) return -Code.TooShort;
    if ((layout & VERSION_MASK) !== VERSION_1) return -Code.UnknownVersion;
    if ((layout & RULE_MASK) !== rule) return -Code.WrongCodec;
    const header = decodeHeader(wire, clear + 1);
    if (header === null) return -Code.Header;
    // Only now: whose key is not here may not encrypt at all.
    const ring = this.#engine.ring(this.#participant);
    if (ring === null) return -Code.UnknownKey;
    const { kid, ctr } = header;
    const body = clear + 1 + header.length;
    if (wire.length < body + TAG_LENGTH) return -Code.TooShort;
    const kind = KIND_NUMBER[this.#kind];
    const key = ring.find(kid, kind) ?? (await ring.candidate(kid, kind));
    if (typeof key === "number") return -key;
    // No genuine counter comes near 2^53.
    if (!Number.isSafeInteger(ctr)) return -Code.Rejected;
    const aad = join(wire.subarray(clear + 1, body), wire.subarray(0, clear + 1));
    const params = { name: "AES-GCM", iv: nonce(key.frame.salt, ctr), additionalData: aad };
    let text: Uint8Array;
    try {
      text = new Uint8Array(await crypto.subtle.decrypt(params, key.frame.key, wire.subarray(body)));
    } catch {
      return -Code.Rejected;
    }
    // Behind the cipher: only a genuine frame is a repeat, and another track may have brought this counter meanwhile.
    const now = (ring.find(kid, kind) ?? key).window.check(ctr);
    if (now !== "fresh") return now === "seen" ? -Code.Replayed : -Code.TooOld;
    ring.commit(key, ctr);
    return this.#finish(frame, wire.subarray(0, clear), text, layout);
  }

  bind(kind: TrackKind, participant: string | null): void {
    this.#kind = kind;
    this.#participant = participant;
  }

  close(): void {
    // Holds nothing.
  }

  #finish(frame: EncodedFrame, clear: Uint8Array, text: Uint8Array, layout: number): Status {
    // These rules move nothing.
    if ((layout & TAIL) !== 0) return -Code.Layout;
    let length = text.length;
    if ((layout & PADDED) !== 0) {
      while (length > 0 && text[length - 1] === 0) length--;
      if (text[--length] !== PADDING_MARK) return -Code.UnknownVersion;
    }
    frame.data = join(clear, text.subarray(0, length)).buffer;
    return TURBO;
  }
}

/** An HKDF key with a fingerprint, which tells when the same secret is set again. */
async function taken(bytes: Uint8Array): Promise<{ print: string; key: CryptoKey }> {
  if (bytes.length < 16 || bytes.length > 256) throw new Refusal(Code.BadKey, "a key must have 16 to 256 bytes");
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes as BufferSource));
  return { print: hex(digest), key: await secretKey(bytes) };
}

function join(...parts: Uint8Array[]): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}
