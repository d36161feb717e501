/**
 * The media worker's part of a session: the media module with the keys of epochs, which come over a port from the
 * session's worker. A file of its own (`dist/worker-session.js`).
 */
import { Code } from "../../codes.ts";
import type { CompatAnswer, CompatAsk } from "../../compat.ts";
import type { Request } from "../../protocol.ts";
import { compile } from "../../worker/compile.ts";
import type { Loaded } from "../../worker/load.ts";
import type { Ask, MediaModule } from "../../worker/module.ts";
import { Refusal } from "../../worker/refusal.ts";
import { rehearse } from "../../worker/rehearsal.ts";
import { turboSuite } from "../../worker/turbo.ts";
import { WasmEngine } from "../../worker/wasm.ts";
import type { FromMedia, ToMedia } from "../port.ts";

/** What this build of the module is asked for besides; see `crates/e2ee-wasm/src/door.rs`. */
const enum EpochAsk {
  OpenEpoch = 28,
  Member = 29,
  SealWith = 30,
  Hush = 31,
  Forget = 32,
  Bar = 33,
}

/** The port, as far as it is used. */
export interface Port {
  onmessage: ((event: { readonly data: ToMedia }) => void) | null;
  postMessage(message: FromMedia): void;
}

/** Makes the engine of a worker whose call has a session. */
export async function load(request: Extract<Request, { t: "init" }>): Promise<Loaded> {
  if (request.engine === "webcrypto") throw new Refusal(Code.BadOption, 'a session needs WebAssembly: engine must be "auto" or "wasm"');
  let module: WebAssembly.Module;
  try {
    module = await compile(request.wasm ?? new URL("./media-session.wasm", import.meta.url));
    rehearse(module, request.suite);
  } catch (error) {
    const why = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
    throw new Refusal(Code.WasmFailed, `a session needs WebAssembly, and its media module did not load: ${why}`);
  }
  return { engine: new SessionEngine(module, request, request.session as Port), wasmError: null };
}

/** See the file's comment. */
export class SessionEngine extends WasmEngine {
  readonly #port: Port;

  constructor(module: WebAssembly.Module, setup: ConstructorParameters<typeof WasmEngine>[1], port: Port) {
    super(module, setup);
    this.#port = port;
    port.onmessage = ({ data }) => this.#take(data);
  }

  #take(message: ToMedia): void {
    try {
      switch (message.t) {
        case "epoch":
          this.#open(message);
          return this.#port.postMessage({ t: "opened", epoch: message.epoch });
        case "seal-with":
          return void this.#ask(EpochAsk.SealWith, message.epoch, message.index, message.context);
        case "hush":
          return void this.#ask(EpochAsk.Hush);
        case "forget":
          return void this.#ask(EpochAsk.Forget, message.epoch);
        case "bar":
          return void this.#ask(EpochAsk.Bar, message.before, message.index);
      }
    } catch (error) {
      // Whatever went wrong, what is sent must not be under keys that the session left behind.
      this.module.ask(EpochAsk.Hush as number as Ask);
      this.#port.postMessage({ t: "refused", what: message.t, code: error instanceof Refusal ? error.code : Code.Internal });
    }
  }

  #open({ epoch, suite, secret, members }: Extract<ToMedia, { t: "epoch" }>): void {
    this.module.put(secret);
    secret.fill(0);
    this.#ask(EpochAsk.OpenEpoch, epoch, suite);
    this.turbo = turboSuite(suite);
    for (const { index, participant } of members) {
      const [length] = this.module.put(participant);
      this.know(participant, this.#ask(EpochAsk.Member, length, index));
    }
  }

  #ask(what: EpochAsk, ...numbers: number[]): number {
    const result = (this.module as Asked).ask(what, ...numbers);
    if (result < 0) throw new Refusal(-result);
    return result;
  }

  /** The page says that the session is gone. */
  async compat({ what }: CompatAsk): Promise<CompatAnswer> {
    if (what === "hush") this.#ask(EpochAsk.Hush);
    return null;
  }

  override setRoomSecret(): never {
    return keysOfSession();
  }

  override setSenderKey(): never {
    return keysOfSession();
  }

  override setReceiverKey(): never {
    return keysOfSession();
  }

  override rotate(): never {
    throw new Refusal(Code.BadOption, "the keys of this call come from its session: session.rotate()");
  }

  override ratchet(): never {
    return this.rotate();
  }

  /** Who is in the call, and what it seals with, is for the session to say. */
  override addParticipant(): void {}

  override removeParticipant(): void {}
}

/** The module's door, whose numbers above those of the plain build are known here alone. */
type Asked = Omit<MediaModule, "ask"> & { readonly ask: (what: number, ...numbers: number[]) => number };

function keysOfSession(): never {
  throw new Refusal(Code.BadOption, "the keys of this call come from its session");
}
