/** The session worker's desk: what the page hands in, what the session wants done, and the ports to the media. */
import { Code } from "../../codes.ts";
import { isRefusal, Refusal } from "../../worker/refusal.ts";
import { SessionEnd } from "../channel.ts";
import type { FromMedia, ToMedia } from "../port.ts";
import { AGREEMENT_NUMBER, policyBytes } from "../policy.ts";
import type { FromSession, Happened, Heard, SessionRequest, ToSession, WorkerFigures } from "../protocol.ts";
import { compile } from "./load.ts";
import { type Output, SessionModule, trustBytes, What } from "./module.ts";

const WHAT: Readonly<Record<Heard, What>> = {
  head: What.Head,
  entry: What.Log,
  conflict: What.Conflict,
  knock: What.Knock,
  message: What.Message,
  gone: What.Gone,
  "too-old": What.TooOld,
  participants: What.Participants,
  rejoin: What.Rejoin,
};
/** What ends a session's part in its group. */
const ENDS: readonly string[] = ["removed", "refused", "fork", "left", "log-lost", "left-behind", "no-secret", "other-suite"] satisfies Happened["what"][];

/** The module that speaks an MLS suite; the glue is the same for both. */
function moduleOf(suite: number): URL {
  return suite === AGREEMENT_NUMBER.x25519 ? new URL("./session.wasm", import.meta.url) : new URL("./session-pq.wasm", import.meta.url);
}

/** Milliseconds since 1970 that never go back. */
const now = (): number => performance.timeOrigin + performance.now();

/** Longest that one timer runs, milliseconds: browsers take no more than 2^31. */
const MAX_SLEEP_MS = 2 ** 30;

/** How long a media worker may take to have the keys of an epoch before it is not waited for, milliseconds. */
const OPENED_WITHIN_MS = 1000;

/** A media worker's end. */
export interface MediaPort {
  onmessage: ((event: { readonly data: FromMedia }) => void) | null;
  postMessage(message: ToMedia, transfer: Transferable[]): void;
  close(): void;
}

/** The worker scope, narrowed to what is used. */
export interface SessionScope {
  postMessage(message: FromSession): void;
  onmessage: ((event: { readonly data: ToSession }) => void) | null;
  close(): void;
}

interface Seated {
  readonly port: MediaPort;
  context: number;
  used: boolean;
  /** The newest epoch whose keys it was given and does not have yet. */
  awaited: number | null;
}

type Opened = Extract<Output, { readonly t: "open" }>;

/** One session in one worker. */
export class SessionDesk {
  readonly #scope: SessionScope;
  #module: SessionModule | null = null;
  /** Epochs whose keys are kept, oldest first. */
  #epochs: readonly Opened[] = [];
  #sealing: { readonly epoch: number; readonly index: number } | null = null;
  /** Ports, each with the context of its sealer, and whether that was used. */
  readonly #ports: Seated[] = [];
  /** Contexts given out. None is given twice, so no two sealers ever have one key. */
  #contexts = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #waiting: ToSession[] = [];
  /**
   * Messages to members, held until the media workers have the keys: the first one of an epoch says that it was read
   * here, and others seal with it once all have said so.
   */
  #held: Extract<Output, { readonly t: "send" }>[] = [];
  #patience: ReturnType<typeof setTimeout> | undefined;
  /** Media workers to which no port can be handed; each joins when it answers. */
  readonly #channels: SessionEnd[] = [];

  constructor(scope: SessionScope) {
    this.#scope = scope;
    scope.onmessage = ({ data }) => this.#receive(data);
  }

  #receive(message: ToSession): void {
    if (message.t === "init") {
      void this.#answer(message).then(() => this.#waiting.splice(0).forEach((late) => this.#receive(late)));
    } else if (message.t === "close") this.#close();
    else if (this.#module === null) this.#waiting.push(message);
    else if ("id" in message) void this.#answer(message);
    else if (message.t === "port") this.#join(message.port as MediaPort);
    else if (message.t === "channel") this.#channels.push(new SessionEnd(message.name, (port) => this.#join(port)));
    else this.#attempt(() => this.#take(WHAT[message.what], message.number, message.bytes), `what the relay said (${message.what}) was not taken`);
  }

  async #answer(request: SessionRequest): Promise<void> {
    const { id } = request;
    try {
      this.#scope.postMessage({ t: "done", id, value: await this.#serve(request) });
    } catch (error) {
      this.#scope.postMessage({ t: "failed", id, ...told(error) });
    }
  }

  async #serve(request: SessionRequest): Promise<WorkerFigures | Uint8Array<ArrayBuffer> | null> {
    if (request.t === "init") {
      if (this.#module !== null) throw new Refusal(Code.BadOption, "one worker serves one session: make another");
      this.#module = new SessionModule(await compile(request.wasm ?? moduleOf(request.suite)), request);
      return this.#module.key;
    }
    if (this.#module === null) throw new Refusal(Code.SessionOver);
    switch (request.t) {
      case "introduce":
        this.#module.introduce(request.name, request.proof, request.secret);
        return null;
      case "policy":
        this.#take(What.Policy, 0, policyBytes(request.policy));
        return null;
      case "rotate":
        this.#take(What.Rotate);
        return null;
      case "remove":
        this.#take(What.Remove, request.index, request.key);
        return null;
      case "compare":
        this.#take(What.Compare);
        return null;
      case "same":
        this.#take(What.Same, request.epoch);
        return null;
      case "leave":
        this.#take(What.Leave);
        return null;
      case "verdict":
        this.#take(What.Verdict, request.question, trustBytes(request.trust));
        return null;
      case "report":
        return { wasmBytes: this.#module.wasmBytes, epochs: this.#epochs.map(({ epoch }) => epoch), ports: this.#ports.length };
    }
  }

  #take(what: What, number = 0, bytes?: Uint8Array): void {
    const module = this.#module;
    if (module === null) throw new Refusal(Code.SessionOver);
    try {
      module.take(what, now(), number, bytes);
    } finally {
      for (let output = module.poll(); output !== null; output = module.poll()) this.#do(output, module);
    }
  }

  /** Runs what nobody waits for; an error is told. */
  #attempt(run: () => void, what: string): void {
    try {
      run();
    } catch (error) {
      const { code, message } = told(error);
      this.#scope.postMessage({ t: "trouble", code, message: message === "" ? what : `${what}: ${message}` });
    }
  }

  #do(output: Output, module: SessionModule): void {
    switch (output.t) {
      case "wake":
        return this.#wake(output.at);
      case "open": {
        this.#epochs = [...this.#epochs, output];
        for (const port of this.#ports) this.#open(port, output, module);
        const { epoch, own, members } = output;
        return this.#scope.postMessage({ t: "members", epoch, own, members });
      }
      case "send":
        this.#held.push(output);
        return this.#tell();
      case "seal-with":
        this.#sealing = { epoch: output.epoch, index: output.index };
        for (const port of this.#ports) this.#sealWith(port);
        return this.#scope.postMessage({ t: "sealing", epoch: output.epoch });
      case "hush":
        return this.#hush();
      case "forget":
        // Of a group before this one, which is forgotten already.
        if (!this.#epochs.some(({ epoch }) => epoch === output.epoch)) return;
        return this.#forget(output.epoch);
      case "bar":
        this.#epochs = this.#epochs.map((opened) =>
          opened.epoch < output.before ? { ...opened, members: opened.members.filter(({ index }) => index !== output.index) } : opened,
        );
        return this.#toAll((port) => port.postMessage(output, []));
      case "policy":
        if (output.policy !== null) return this.#scope.postMessage({ t: "policy", policy: output.policy });
        return this.#scope.postMessage({ t: "trouble", code: Code.UnsupportedSuite, message: "the members agreed on a cipher suite that this version does not know" });
      case "event":
        // Whoever is not in the group any more must not go on under its keys.
        if (ENDS.includes(output.event.what)) this.#end();
        // Another group may have epochs of the same numbers.
        if (output.event.what === "joined") {
          for (const port of this.#ports) if (port.used) [port.context, port.used] = [this.#contexts++, false];
        }
        return this.#scope.postMessage({ t: "happened", event: output.event });
      default:
        return this.#scope.postMessage(output);
    }
  }

  #hush(): void {
    if (this.#sealing === null) return;
    this.#sealing = null;
    this.#toAll((port) => port.postMessage({ t: "hush" }, []));
    this.#scope.postMessage({ t: "sealing", epoch: null });
  }

  #forget(upTo: number): void {
    this.#epochs = this.#epochs.filter(({ epoch }) => epoch > upTo);
    this.#toAll((port) => port.postMessage({ t: "forget", epoch: upTo }, []));
  }

  /** No key of this group is used any more. */
  #end(): void {
    this.#hush();
    const newest = this.#epochs.at(-1);
    if (newest !== undefined) this.#forget(newest.epoch);
    // Another group may have epochs of the same numbers.
    this.#tell(true);
  }

  /** Sends what is held, once every media worker has the keys that it was given, or took too long. */
  #tell(late = false): void {
    if (late) for (const port of this.#ports) port.awaited = null;
    if (this.#held.length > 0 && this.#ports.some(({ awaited }) => awaited !== null)) {
      this.#patience ??= setTimeout(() => this.#tell(true), OPENED_WITHIN_MS);
      return;
    }
    clearTimeout(this.#patience);
    this.#patience = undefined;
    for (const message of this.#held.splice(0)) this.#scope.postMessage(message);
  }

  #heard(port: Seated, message: FromMedia): void {
    if (message.t === "refused") {
      this.#scope.postMessage({ t: "trouble", code: message.code, message: `a media worker did not take "${message.what}"; it sends nothing until the next keys` });
      port.awaited = null;
    } else if (message.epoch === port.awaited) port.awaited = null;
    this.#tell();
  }

  #open(seated: Seated, { epoch, own, suite, members }: Opened, module: SessionModule): void {
    const secret = module.secret(epoch);
    if (secret === null) return;
    seated.awaited = epoch;
    const heard = members.filter((member) => member.heard && member.index !== own);
    seated.port.postMessage({ t: "epoch", epoch, suite, secret, members: heard.map(({ index, participant }) => ({ index, participant })) }, [secret.buffer]);
  }

  /** A media worker that comes gets what the others have. */
  #join(port: MediaPort): void {
    const module = this.#module;
    if (module === null) return;
    const entry = { port, context: this.#contexts++, used: false, awaited: null };
    this.#ports.push(entry);
    port.onmessage = ({ data }) => this.#heard(entry, data);
    for (const epoch of this.#epochs) this.#open(entry, epoch, module);
    this.#sealWith(entry);
  }

  #sealWith(port: Seated): void {
    if (this.#sealing === null) return;
    port.used = true;
    port.port.postMessage({ t: "seal-with", ...this.#sealing, context: port.context }, []);
  }

  #toAll(tell: (port: MediaPort) => void): void {
    for (const { port } of this.#ports) tell(port);
  }

  #wake(at: number): void {
    clearTimeout(this.#timer);
    const pause = Math.min(Math.max(at - now(), 0), MAX_SLEEP_MS);
    this.#timer = setTimeout(() => this.#attempt(() => this.#take(What.Wake), "a deadline of the session"), pause);
  }

  #close(): void {
    clearTimeout(this.#timer);
    this.#end();
    this.#toAll((port) => port.close());
    for (const channel of this.#channels) channel.close();
    this.#module?.close();
    this.#module = null;
    this.#scope.close();
  }
}

function told(error: unknown): { code: number; message: string } {
  const { code, message } = isRefusal(error) ? error : new Refusal(Code.Internal, String(error));
  return { code, message };
}
