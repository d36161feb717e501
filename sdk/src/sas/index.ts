/**
 * Two members make sure of each other: both see seven emoji, or three numbers, and their people compare them by voice. In the
 * order of Matrix's verification, with a commitment that is no option and a MAC over all public keys of both.
 *
 * ```ts
 * const sas = await pairwiseSas({ room, own: me, other: member, send: (bytes) => signalling.tell(member.participant, bytes) });
 * signalling.on(member.participant, (bytes) => sas.receive(bytes));
 * sas.on("compare", ({ emoji }) => show(emoji, { yes: () => sas.same(), no: () => sas.cancel() }));
 * sas.on("verified", () => identity.remember(member));
 * sas.start();
 * ```
 *
 * What carries the messages is trusted with nothing. Importing this module does nothing, on a server too.
 *
 * @packageDocumentation
 */
import { initSync, Run, Who } from "../../wasm/sas.js";
import { Emitter } from "../emitter.ts";
import { E2eeError } from "../errors.ts";
import { unhex } from "../hex.ts";
import { type Emoji, emojiOf } from "../session/emoji.ts";
import type { Somebody } from "../session/members.ts";

/** What people compare. */
export interface Comparison {
  readonly emoji: readonly Emoji[];
  /** Three numbers from 1000 to 9191, for who cannot tell pictures. */
  readonly numbers: readonly [number, number, number];
}

/** Events of {@link PairwiseSas.on}. */
export interface SasEvents {
  /** Have the person compare, then {@link PairwiseSas.same} or {@link PairwiseSas.cancel}. */
  compare: Comparison;
  /** Both people said that they are the same, and both pages see the same keys: the other is who its people say. */
  verified: true;
  /** It ended otherwise: somebody may stand in between, or a person said no. Start again, or do not. */
  over: E2eeError;
}

/** Options of {@link pairwiseSas}. */
export interface SasOptions {
  readonly room: string;
  /** This page's member of the session. */
  readonly own: Pick<Somebody, "participant" | "key" | "proof">;
  /** Whom to make sure of. */
  readonly other: Pick<Somebody, "participant" | "key" | "proof">;
  /** Sends to the other; what it gets there goes into `receive`. Up to 50 bytes. */
  readonly send: (message: Uint8Array<ArrayBuffer>) => void;
  /** The module: where it is served, or itself. Default: beside this one. */
  readonly wasm?: string | URL | ArrayBuffer | WebAssembly.Module;
}

const STEP_COMPARE = 1;
const STEP_VERIFIED = 2;
/** The second byte of a message that begins a run. */
const START = 1;
const TRANSACTION_LENGTH = 16;

async function load(source: NonNullable<SasOptions["wasm"]>): Promise<void> {
  try {
    if (source instanceof WebAssembly.Module) return void initSync({ module: source });
    if (source instanceof ArrayBuffer) return void initSync({ module: await WebAssembly.compile(source) });
    const response = await fetch(new URL(source, globalThis.location?.href));
    if (!response.ok) throw new Error(`${response.status} ${response.statusText} for ${response.url}`);
    initSync({ module: await WebAssembly.compile(await response.arrayBuffer()) });
  } catch (error) {
    throw new E2eeError("WasmFailed", `the comparison's module did not load: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/**
 * Prepares a comparison of two members; either of them starts it.
 *
 * @throws E2eeError `WasmFailed`, `BadOption` where the two are one.
 */
export async function pairwiseSas(options: SasOptions): Promise<PairwiseSas> {
  if (options.own.key === options.other.key) throw new E2eeError("BadOption", "a member is not compared with itself");
  await load(options.wasm ?? new URL("./sas.wasm", import.meta.url));
  return new PairwiseSas(options);
}

const nameOf = ({ participant, key }: SasOptions["own"]): string => `${participant}\n${key}`;

/** All public keys of a member: that of the call, and what its proof has. */
function whoOf(member: SasOptions["own"]): Who {
  const who = new Who(nameOf(member));
  who.add_key("session", unhex(member.key));
  if (member.proof.length > 0) who.add_key("proof", member.proof);
  return who;
}

/** Made by {@link pairwiseSas}. */
export class PairwiseSas {
  readonly #options: SasOptions;
  readonly #emitter = new Emitter<SasEvents>();
  #run: Run | null = null;
  /** The own start was not answered yet. */
  #started = false;
  #verified = false;

  /** @internal */
  constructor(options: SasOptions) {
    this.#options = options;
  }

  /** Both people and both pages agree. */
  get verified(): boolean {
    return this.#verified;
  }

  /** Listens; the returned function stops it. */
  on<K extends keyof SasEvents>(name: K, listener: (event: SasEvents[K]) => void): () => void {
    return this.#emitter.on(name, listener);
  }

  /** Starts a run, or another one after the last ended. */
  start(): void {
    const { room } = this.#options;
    this.#begin((own, other) => Run.start(own, other, room, crypto.getRandomValues(new Uint8Array(TRANSACTION_LENGTH))));
    this.#started = true;
    this.#send();
  }

  /** A message of the other. What is none, or comes out of order, changes nothing. */
  receive(message: Uint8Array): void {
    if (message[1] === START) return this.#invited(message);
    const run = this.#run;
    if (run === null) return;
    let step: number;
    try {
      step = run.hear(message);
    } catch (error) {
      if (run.is_over()) this.#end(String(error));
      return;
    }
    this.#started = false;
    this.#send();
    if (step === STEP_COMPARE) {
      const [one = 0, two = 0, three = 0] = run.decimals();
      this.#emitter.emit("compare", { emoji: emojiOf([...run.emoji()]), numbers: [one, two, three] });
    }
    if (step === STEP_VERIFIED) this.#done();
  }

  /** The person says that the codes are the same. Throws `NoSuchQuestion` where there are none. */
  same(): void {
    const run = this.#run;
    try {
      if (run === null) throw new Error("no comparison runs");
      run.same();
    } catch (error) {
      throw new E2eeError("NoSuchQuestion", String(error));
    }
    this.#send();
    if (run.is_verified()) this.#done();
  }

  /** The person says that the codes differ, or wants no more of this. */
  cancel(): void {
    if (this.#run !== null) this.#end("it was cancelled here");
  }

  #invited(start: Uint8Array): void {
    // Once there are codes, the answer to them is the person's: it must not be taken for an answer to others.
    if (this.#verified || (this.#run?.emoji().length ?? 0) > 0) return;
    // Both started at once: the run of the one whose name comes first stays.
    if (this.#started && nameOf(this.#options.own) < nameOf(this.#options.other)) return;
    const { room } = this.#options;
    try {
      this.#begin((own, other) => Run.accept(own, other, room, start));
    } catch {
      return;
    }
    this.#send();
  }

  /** A new run in place of any before, whose codes are void. */
  #begin(make: (own: Who, other: Who) => Run): void {
    const [own, other] = [whoOf(this.#options.own), whoOf(this.#options.other)];
    try {
      const run = make(own, other);
      this.#run?.free();
      this.#run = run;
      this.#started = this.#verified = false;
    } finally {
      own.free();
      other.free();
    }
  }

  #send(): void {
    const message = this.#run?.send();
    if (message !== undefined) this.#options.send(message as Uint8Array<ArrayBuffer>);
  }

  #done(): void {
    this.#verified = true;
    this.#emitter.emit("verified", true);
  }

  #end(why: string): void {
    this.#run?.free();
    this.#run = null;
    this.#started = this.#verified = false;
    this.#emitter.emit("over", new E2eeError("NotAuthentic", `the comparison with ${this.#options.other.participant} ended: ${why}`));
  }
}

export { E2eeError } from "../errors.ts";
export type { Emoji } from "../session/emoji.ts";
