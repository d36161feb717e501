/** The media module with one secret for everybody: what opens and seals under an application's own key. */
import { turboSuite } from "../../worker/turbo.ts";
import { Refusal } from "../../worker/refusal.ts";
import { WasmEngine } from "../../worker/wasm.ts";

/** What this build of the module is asked for besides; see `crates/e2ee-wasm/src/door.rs`. */
const enum SharedAsk {
  Key = 34,
  Self = 35,
  Member = 36,
  Clear = 37,
}

const ENTROPY_LENGTH = 32;
/** As many indices as KIDs tell apart. */
const INDICES = 16;
/** The key is the room's; the same for all of this format, or members would not agree. */
const CALL = "Jitsi";
/** Until a sender says whose it is; nothing is sealed under it. */
const UNNAMED = "-";
const SUITE = 4;

/** See the file's comment. */
export class SharedEngine extends WasmEngine {
  constructor(module: WebAssembly.Module, padding: boolean) {
    super(module, { call: CALL, participant: UNNAMED, suite: SUITE, padding });
  }

  /** Opens with this secret from now on, and seals with it. The bytes are wiped. */
  setShared(index: number, suite: number, secret: Uint8Array): void {
    this.module.put(secret, entropy());
    secret.fill(0);
    this.#ask(SharedAsk.Key, index % INDICES, suite);
    this.turbo = turboSuite(suite);
  }

  /** What is sealed is this participant's. */
  setSelf(participant: string): void {
    const [length] = this.module.put(participant, entropy());
    this.#ask(SharedAsk.Self, length);
  }

  /** Opens what is this participant's. */
  addMember(participant: string): void {
    const [length] = this.module.put(participant);
    this.know(participant, this.#ask(SharedAsk.Member, length));
  }

  /** Nothing is sealed or opened any more, until the next secret. */
  clear(): void {
    this.#ask(SharedAsk.Clear);
  }

  #ask(what: SharedAsk, a = 0, b = 0): number {
    const result = (this.module as unknown as { ask(what: number, a: number, b: number): number }).ask(what, a, b);
    if (result < 0) throw new Refusal(-result);
    return result;
  }
}

function entropy(): Uint8Array {
  return crypto.getRandomValues(new Uint8Array(ENTROPY_LENGTH));
}
