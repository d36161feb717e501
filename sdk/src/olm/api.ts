/** The interface itself; `index.ts` says what of it is public. */
import * as glue from "../../wasm/olm.js";

/** Where the module `olm.wasm` is served, or the module itself. */
export type Source = string | URL | ArrayBuffer | Uint8Array<ArrayBuffer> | WebAssembly.Module;

/** Options of {@link init}. */
export interface InitOptions {
  /** Default: beside this script. */
  readonly wasm?: Source;
  /** The same, spelled as for libolm: is asked for `olm.wasm`. */
  readonly locateFile?: (name: string, folder: string) => string;
}

/** What `encrypt` gives. */
export interface OlmMessage {
  /** 0: a pre-key message, 1: a message after the other side answered. */
  readonly type: 0 | 1;
  /** Unpadded base64. */
  readonly body: string;
}

/** Bytes of a private key. */
export const PRIVATE_KEY_LENGTH = 32;

let state: "new" | "ready" = "new";
let pending: Promise<void> | undefined;
let embedded: Source | undefined;

/** The module came with the script. */
export function embed(source: Source): void {
  embedded = source;
}

async function compile(source: Source): Promise<WebAssembly.Module> {
  if (source instanceof WebAssembly.Module) return source;
  if (source instanceof ArrayBuffer || source instanceof Uint8Array) return WebAssembly.compile(source);
  const response = await fetch(new URL(source, globalThis.location?.href));
  if (!response.ok) throw new Error(`${response.status} ${response.statusText} for ${response.url}`);
  return WebAssembly.compile(await response.arrayBuffer());
}

/** Loads the module, once; nothing else works before. Where that failed, the next call tries again. */
export function init({ wasm, locateFile }: InitOptions = {}): Promise<void> {
  pending ??= (async () => {
    // What came with the script is used whatever a caller made for libolm says of files.
    const source = wasm ?? embedded ?? locateFile?.("olm.wasm", "") ?? new URL("./olm.wasm", import.meta.url);
    glue.initSync({ module: await compile(source) });
    state = "ready";
  })().catch((error: unknown) => {
    pending = undefined;
    throw error;
  });
  return pending;
}

/** The version of libolm whose interface this is. What stands behind it: {@link get_backend}. */
export function get_library_version(): [number, number, number] {
  return [3, 2, 15];
}

/** Name and version of the implementation, such as `vodozemac 0.11.1`. Not in libolm. */
export function get_backend(): string {
  return call(() => glue.backend());
}

function call<T>(work: () => T): T {
  if (state !== "ready") throw new Error("OLM.NOT_INITIALISED");
  try {
    return work();
  } catch (error) {
    // The module throws libolm's names of errors; what else comes out of it is a fault of the caller's or ours.
    throw typeof error === "string" ? new Error(`OLM.${error}`) : error;
  }
}

const utf8 = new TextEncoder();
// As libolm does: what is no UTF-8 becomes U+FFFD, and a byte order mark is text.
const text = new TextDecoder("utf-8", { ignoreBOM: true });
const bytes = (input: string | Uint8Array): Uint8Array => (typeof input === "string" ? utf8.encode(input) : input);

/** An object in the module's memory, until it is freed. */
class Held<T extends { free(): void }> {
  #inner: T | null = null;
  #freed = false;
  readonly #missing: string;

  constructor(missing: string) {
    this.#missing = missing;
  }

  get(): T {
    if (this.#inner === null) throw new Error(this.#freed ? "OLM.OBJECT_FREED" : `OLM.${this.#missing}`);
    return this.#inner;
  }

  set(make: () => T): void {
    if (this.#freed) throw new Error("OLM.OBJECT_FREED");
    const made = call(make);
    this.#inner?.free();
    this.#inner = made;
  }

  free(): void {
    this.#freed = true;
    this.#inner?.free();
    this.#inner = null;
  }
}

let heldBy: (account: Account) => Held<glue.Account>;
let sessionOf: (session: Session) => Held<glue.Session>;

/** A device's keys. */
export class Account {
  readonly #held = new Held<glue.Account>("BAD_ACCOUNT_KEY");

  static {
    heldBy = (account) => account.#held;
  }

  /** Wipes the keys and gives the memory back. The object is of no more use. */
  free(): void {
    this.#held.free();
  }

  /** Makes new keys. */
  create(): void {
    this.#held.set(() => new glue.Account());
  }

  /** JSON: `{"curve25519": …, "ed25519": …}`. */
  identity_keys(): string {
    return call(() => this.#held.get().identity_keys());
  }

  sign(message: string | Uint8Array): string {
    return call(() => this.#held.get().sign(bytes(message)));
  }

  /** JSON: `{"curve25519": {id: key}}` of those not marked as published. */
  one_time_keys(): string {
    return call(() => this.#held.get().one_time_keys());
  }

  mark_keys_as_published(): void {
    call(() => this.#held.get().mark_keys_as_published());
  }

  max_number_of_one_time_keys(): number {
    return call(() => this.#held.get().max_number_of_one_time_keys());
  }

  generate_one_time_keys(number_of_keys: number): void {
    call(() => this.#held.get().generate_one_time_keys(number_of_keys));
  }

  /** Of a session that `create_inbound` made. */
  remove_one_time_keys(session: Session): void {
    call(() => this.#held.get().remove_one_time_keys(sessionOf(session).get()));
  }

  generate_fallback_key(): void {
    call(() => this.#held.get().generate_fallback_key());
  }

  fallback_key(): string {
    return call(() => this.#held.get().fallback_key());
  }

  unpublished_fallback_key(): string {
    return call(() => this.#held.get().unpublished_fallback_key());
  }

  forget_old_fallback_key(): void {
    call(() => this.#held.get().forget_old_fallback_key());
  }

  /** In libolm's format. */
  pickle(key: string | Uint8Array): string {
    return call(() => this.#held.get().pickle(bytes(key)));
  }

  /** What this or libolm has pickled. */
  unpickle(key: string | Uint8Array, pickle: string): void {
    this.#held.set(() => glue.Account.unpickle(bytes(key), pickle));
  }
}

/** One end of a session. */
export class Session {
  readonly #held = new Held<glue.Session>("BAD_SESSION_KEY");

  static {
    sessionOf = (session) => session.#held;
  }

  /** Wipes the keys and gives the memory back. The object is of no more use. */
  free(): void {
    this.#held.free();
  }

  /** In libolm's format. A first message that was not decrypted yet is lost with it. */
  pickle(key: string | Uint8Array): string {
    return call(() => this.#held.get().pickle(bytes(key)));
  }

  /** What this or libolm has pickled. */
  unpickle(key: string | Uint8Array, pickle: string): void {
    this.#held.set(() => glue.Session.unpickle(bytes(key), pickle));
  }

  create_outbound(account: Account, their_identity_key: string, their_one_time_key: string): void {
    this.#held.set(() => glue.Session.create_outbound(heldBy(account).get(), their_identity_key, their_one_time_key));
  }

  /** From the body of the other side's first message, by whomever. */
  create_inbound(account: Account, one_time_key_message: string): void {
    this.#held.set(() => glue.Session.create_inbound(heldBy(account).get(), one_time_key_message));
  }

  /** From the body of a first message that the owner of this key wrote. */
  create_inbound_from(account: Account, identity_key: string, one_time_key_message: string): void {
    this.#held.set(() => glue.Session.create_inbound_from(heldBy(account).get(), identity_key, one_time_key_message));
  }

  session_id(): string {
    return call(() => this.#held.get().session_id());
  }

  has_received_message(): boolean {
    return call(() => this.#held.get().has_received_message());
  }

  matches_inbound(one_time_key_message: string): boolean {
    return call(() => this.#held.get().matches_inbound(one_time_key_message));
  }

  matches_inbound_from(identity_key: string, one_time_key_message: string): boolean {
    return call(() => this.#held.get().matches_inbound_from(identity_key, one_time_key_message));
  }

  encrypt(plaintext: string): OlmMessage {
    const message = call(() => this.#held.get().encrypt(plaintext));
    return { type: message.startsWith("0") ? 0 : 1, body: message.slice(1) };
  }

  decrypt(message_type: number, message: string): string {
    return text.decode(call(() => this.#held.get().decrypt(message_type, message)));
  }
}

/** Half of a comparison by short strings. */
export class SAS {
  readonly #held = new Held<glue.Sas>("OBJECT_FREED");

  constructor() {
    this.#held.set(() => new glue.Sas());
  }

  /** Wipes the keys and gives the memory back. The object is of no more use. */
  free(): void {
    this.#held.free();
  }

  get_pubkey(): string {
    return call(() => this.#held.get().get_pubkey());
  }

  /** Once: a second key is refused. */
  set_their_key(their_key: string): void {
    call(() => this.#held.get().set_their_key(their_key));
  }

  is_their_key_set(): boolean {
    return call(() => this.#held.get().is_their_key_set());
  }

  generate_bytes(info: string | Uint8Array, length: number): Uint8Array {
    return call(() => this.#held.get().generate_bytes(bytes(info), length));
  }

  /** In libolm's first, wrong base64, which Jitsi uses. */
  calculate_mac(input: string | Uint8Array, info: string | Uint8Array): string {
    return call(() => this.#held.get().calculate_mac(bytes(input), bytes(info)));
  }

  calculate_mac_fixed_base64(input: string | Uint8Array, info: string | Uint8Array): string {
    return call(() => this.#held.get().calculate_mac_fixed_base64(bytes(input), bytes(info)));
  }
}

/** Hashes and signatures. */
export class Utility {
  /** There is nothing to be freed. */
  free(): void {}

  /** Unpadded base64. */
  sha256(input: string | Uint8Array): string {
    return call(() => glue.sha256(bytes(input)));
  }

  /** Throws `OLM.BAD_MESSAGE_MAC` where the signature does not hold. */
  ed25519_verify(key: string, message: string | Uint8Array, signature: string): void {
    call(() => glue.ed25519_verify(key, bytes(message), signature));
  }
}
