/**
 * LiveKit's format beside Frameseal's own: an engine around the engine. What is sent is in the one format that the page
 * says; what is received may be in either where the policy allows both. Both authenticate every frame.
 */
import { Code } from "../../codes.ts";
import type { Direction, TrackKind } from "../../kinds.ts";
import { RULE } from "../../worker/codec.ts";
import { type EncodedFrame, type Engine, type Lane, PASS, type Status } from "../../worker/engine.ts";
import { Refusal } from "../../worker/refusal.ts";
import type { CompatAnswer, CompatAsk, CompatOptions, Format } from "../../compat.ts";
import { derive, material } from "./keys.ts";
import { type Kdf, LivekitModule, ModuleError } from "./module.ts";
import { type Frame, LivekitTrack, type Surroundings } from "./track.ts";

/** Names of codecs, by the number of their rule; sound and VP9 share one. */
const NAMES: Readonly<Record<number, string>> = { [RULE.opaque]: "vp9", [RULE.vp8]: "vp8", [RULE.av1]: "av1", [RULE.h264]: "h264", [RULE.h265]: "h265" };

interface SharedKey {
  readonly index: number;
  readonly kdf: Kdf;
  readonly derived: Uint8Array<ArrayBuffer>;
}

/** See the file's comment. */
export class Compat implements Engine {
  readonly #inner: Engine;
  readonly #salt: Uint8Array<ArrayBuffer>;
  readonly #own: string;
  readonly #ring: number;
  readonly #people = new Map<string, number>();
  readonly #shared = new Map<number, SharedKey>();
  /** In which format each participant's newest frame came. */
  readonly seen = new Map<string, Format>();
  readonly module: LivekitModule;
  readonly policy: CompatOptions["policy"];
  sends: Format;

  constructor(inner: Engine, options: CompatOptions, own: string) {
    this.#inner = inner;
    this.#own = own;
    this.#salt = new TextEncoder().encode(options.ratchetSalt);
    this.policy = options.policy;
    this.sends = options.policy === "livekit" ? "livekit" : "sframe";
    const { keyBits: bits, ringSize: ring, ratchetWindow: window } = options;
    this.#ring = ring;
    try {
      this.module = new LivekitModule({ bits, ring, window });
    } catch (error) {
      // The page's policy may refuse WebAssembly, without which this format is not spoken.
      if (!(error instanceof ModuleError)) throw new Refusal(Code.WasmFailed, `LiveKit's format needs WebAssembly: ${String(error)}`);
      throw new Refusal(Code.BadOption, `a ring of ${ring} keys of ${bits} bits: a ring has 1 to 256, of 128 or 256 bits`);
    }
  }

  get name(): Engine["name"] {
    return this.#inner.name;
  }

  lane(direction: Direction, kind: TrackKind, participant: string | null): Lane {
    return new CompatLane(this, this.#inner.lane(direction, kind, participant), direction === "send", participant);
  }

  async compat(ask: CompatAsk): Promise<CompatAnswer> {
    switch (ask.what) {
      case "key":
        await this.#setKey(ask);
        return null;
      case "send":
        this.sends = ask.format;
        return null;
      case "hush":
        return null;
      case "injected":
        this.module.allowInjected(ask.trailer);
        return null;
      case "seal":
        return this.#data(this.#own, ask.data, (lane) => this.module.sealData(lane, ask.data.length));
      case "open":
        return this.#data(ask.participant, ask.data, (lane) => this.module.openData(lane, ask.data.length, ask.iv, ask.keyIndex));
    }
  }

  /** The key ring of a participant, with the keys that everybody has; `null`: nobody's. */
  person(identity: string | null): number | null {
    if (identity === null) return null;
    const known = this.#people.get(identity);
    if (known !== undefined) return known;
    const person = this.module.person(identity);
    this.#people.set(identity, person);
    for (const key of this.#shared.values()) this.#install(person, key);
    return person;
  }

  /** Whose lane it is: the own one for what is sent. */
  owner(sends: boolean, participant: string | null): string | null {
    return sends ? this.#own : participant;
  }

  async #setKey({ participant, index, kdf, secret }: Extract<CompatAsk, { what: "key" }>): Promise<void> {
    if (!Number.isInteger(index) || index < 0 || index >= this.#ring) {
      throw new Refusal(Code.BadKey, `key index ${index} is outside of the ring of ${this.#ring}: take a lower one, or raise ringSize (up to 256)`);
    }
    const key: SharedKey = { index, kdf, derived: await derive(await material(secret, kdf), this.#salt) };
    secret.fill(0);
    if (participant === null) {
      this.#shared.set(index, key);
      for (const person of this.#people.values()) this.#install(person, key);
      return;
    }
    const person = this.person(participant);
    if (person !== null) this.#install(person, key);
    key.derived.fill(0);
  }

  #install(person: number, { index, kdf, derived }: SharedKey): void {
    this.module.setKey(person, index, kdf, derived, this.#salt, true);
  }

  #data<T extends object>(identity: string, data: Uint8Array, run: (lane: number) => T | number): T {
    const lane = this.module.lane();
    try {
      this.module.bind(lane, this.person(identity) ?? 0);
      const place = this.module.reserve(lane, data.length);
      if (place < 0) throw new Refusal(-place);
      this.module.write(Math.floor(place / 2 ** 21), data);
      const done = run(lane);
      if (typeof done === "number") throw new Refusal(-done);
      return done;
    } finally {
      this.module.close(lane);
    }
  }

  tick(nowMs: number): void {
    this.module.tick(nowMs);
    this.#inner.tick(nowMs);
  }

  report(): unknown {
    return { sframe: this.#inner.report(), sends: this.sends, policy: this.policy, received: Object.fromEntries(this.seen) };
  }

  announcement(): string {
    return this.#inner.announcement();
  }

  setRoomSecret(stretched: Uint8Array): void | Promise<void> {
    return this.#inner.setRoomSecret(stretched);
  }

  setSenderKey(baseKey: Uint8Array): void | Promise<void> {
    return this.#inner.setSenderKey(baseKey);
  }

  setReceiverKey(participant: string, baseKey: Uint8Array): void | Promise<void> {
    return this.#inner.setReceiverKey(participant, baseKey);
  }

  addParticipant(participant: string, announcement: string): void | Promise<void> {
    return this.#inner.addParticipant(participant, announcement);
  }

  removeParticipant(participant: string): void {
    this.#inner.removeParticipant(participant);
  }

  rotate(): number | Promise<number> {
    return this.#inner.rotate();
  }

  ratchet(): number | Promise<number> {
    return this.#inner.ratchet();
  }

  memoryBytes(): number | null {
    return this.#inner.memoryBytes();
  }
}

/** One direction of one track in both formats. */
class CompatLane implements Lane, Surroundings {
  readonly #compat: Compat;
  readonly #sframe: Lane;
  readonly #livekit: LivekitTrack;
  readonly #sends: boolean;
  #participant: string | null;
  #code: number = Code.Internal;
  #rule: number = RULE.none;
  /** The format of the newest frame that opened. */
  #format: Format;

  constructor(compat: Compat, sframe: Lane, sends: boolean, participant: string | null) {
    this.#compat = compat;
    this.#sframe = sframe;
    this.#sends = sends;
    this.#participant = participant;
    this.#format = compat.policy === "livekit" ? "livekit" : "sframe";
    this.#livekit = new LivekitTrack(this, { participantIdentity: participant ?? "", trackId: "" }, sends);
    this.#livekit.bind(compat.person(compat.owner(sends, participant)));
  }

  get module(): LivekitModule {
    return this.#compat.module;
  }

  rule(): "seal" {
    return "seal";
  }

  codecOf(): string | undefined {
    return NAMES[this.#rule];
  }

  failed(_: string, code: number): void {
    this.#code = code;
  }

  metadata(): void {}

  run(frame: EncodedFrame, rule: number, busy: boolean): Status | Promise<Status> {
    this.#rule = rule;
    if (this.#sends) return this.#in(this.#compat.sends, frame, rule, busy);
    const first = this.#format;
    if (this.#compat.policy === "livekit") return this.#in("livekit", frame, rule, busy);
    const second: Format = first === "sframe" ? "livekit" : "sframe";
    const status = this.#in(first, frame, rule, busy);
    if (typeof status !== "number") return status.then((late) => this.#other(late, second, frame, rule, busy));
    return this.#other(status, second, frame, rule, busy);
  }

  /** What the format of the frames before did not open may be in the other; when neither opens it, the first one's error counts. */
  #other(status: Status, format: Format, frame: EncodedFrame, rule: number, busy: boolean): Status | Promise<Status> {
    // A repeat authenticated.
    if (status >= 0 || status === -Code.Replayed || status === -Code.TooOld) return this.#known(status, this.#format);
    const other = this.#in(format, frame, rule, busy);
    if (typeof other === "number") return other < 0 ? status : this.#known(other, format);
    return other.then((late) => (late < 0 ? status : this.#known(late, format)));
  }

  #known(status: Status, format: Format): Status {
    this.#format = format;
    if (status >= 0 && this.#participant !== null) this.#compat.seen.set(this.#participant, format);
    return status;
  }

  #in(format: Format, frame: EncodedFrame, rule: number, busy: boolean): Status | Promise<Status> {
    if (format === "sframe") return this.#sframe.run(frame, rule, busy);
    this.#code = Code.Internal;
    const verdict = this.#livekit.process(frame as Frame);
    if (typeof verdict === "boolean") return verdict ? PASS : -this.#code;
    return verdict.then((late) => (late ? PASS : -this.#code));
  }

  bind(kind: TrackKind, participant: string | null): void {
    this.#participant = participant;
    this.#sframe.bind(kind, participant);
    this.#livekit.reorder({ participantIdentity: participant ?? "", trackId: "" });
    this.#livekit.bind(this.#compat.person(this.#compat.owner(this.#sends, participant)));
  }

  close(): void {
    this.#sframe.close();
    this.#livekit.close();
  }
}
