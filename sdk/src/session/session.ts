/** One member's session in one call: who is in it, and whose keys are used. */
import { Emitter } from "../emitter.ts";
import { E2eeError, nameOf, reasonOf } from "../errors.ts";
import { hex, unhex } from "../hex.ts";
import { checkName } from "../options.ts";
import type { PostableWasm } from "../protocol.ts";
import { Log } from "../report.ts";
import { type Emoji, emojiOf } from "./emoji.ts";
import { newChannelName } from "./channel.ts";
import { SessionClient, type SessionWorkerEvent } from "./client.ts";
import type { SessionMember, Somebody, Trust, Verdict, Why } from "./members.ts";
import { type AgreedPolicy, AGREEMENT_NUMBER, checkPolicy, DEFAULT_POLICY, type KeyAgreement, type RoomPolicy } from "./policy.ts";
import type { Happened, Heard, Presented, WorkerFigures } from "./protocol.ts";
import type { SessionTransport, TransportEvents } from "./transport.ts";
import type { SessionEvent, SessionEvents, SessionOptions, SessionReport, SessionState } from "./types.ts";

const STATES: Readonly<Record<string, SessionState>> = { fork: "forked" };

/** Made by `createSession`. */
export class Session {
  readonly room: string;
  readonly participant: string;
  /** How the members of this session agree on keys. */
  readonly agreement: KeyAgreement;
  readonly #transport: SessionTransport;
  readonly #verdict: Verdict;
  readonly #lobby: boolean;
  readonly #client: SessionClient;
  readonly #emitter = new Emitter<SessionEvents>();
  readonly #log = new Log();
  /** Stops what media workers send. */
  readonly #hush = new Set<() => void>();
  #policy: AgreedPolicy | null = null;
  #outside: readonly string[] = [];
  #members: readonly SessionMember[] = [];
  #code = "";
  #emoji: readonly Emoji[] = [];
  #epoch = 0;
  #sealing: number | null = null;
  #state: SessionState = "connecting";
  #connected = false;
  /** What the log ends with. */
  #head: { readonly position: number; readonly entry: Uint8Array } | null = null;
  /** Those who wait to be let in, by their identity. */
  readonly #knocking = new Map<string, { readonly who: Somebody; readonly question: number }>();

  private constructor(options: SessionOptions, worker: Worker) {
    this.room = options.room;
    this.participant = options.participant;
    this.agreement = options.agreement ?? "x25519";
    this.#transport = options.transport;
    this.#verdict = options.verdict ?? options.identity?.verdict ?? ((): Trust => "unverified");
    this.#lobby = options.lobby ?? false;
    this.#client = new SessionClient(
      worker,
      (event) => this.#worker(event),
      (reason) => this.#lost(reason),
    );
  }

  /** See `createSession`. */
  static async create(options: SessionOptions, makeWorker: () => Worker): Promise<Session> {
    const { room, participant, name = participant, wasm, identity, secret } = options;
    const proof = options.proof ?? ((key: Uint8Array) => identity?.proof?.(key));
    checkName("room", room);
    checkName("participant", participant);
    checkName("name", name);
    const policy = checkPolicy({ ...DEFAULT_POLICY, ...options.policy });
    const suite = AGREEMENT_NUMBER[options.agreement ?? "x25519"];
    if (suite === undefined) throw new E2eeError("BadOption", `agreement: want ${Object.keys(AGREEMENT_NUMBER).join(" or ")}, got ${String(options.agreement)}`);
    const session = new Session(options, options.worker ?? makeWorker());
    try {
      const key = (await session.#client.ask({ t: "init", room, participant, policy, suite, wasm: postable(wasm) })) as Uint8Array;
      await session.#client.ask({ t: "introduce", name, proof: (await proof(key)) ?? new Uint8Array(), secret: secret === undefined ? null : new Uint8Array(secret) });
    } catch (error) {
      session.close();
      throw error;
    }
    session.#transport.start(session.#events());
    return session;
  }

  /** Everybody in the group, this page included: what the group's keys say, never what a server says. */
  get members(): readonly SessionMember[] {
    return this.#members;
  }

  /** Thirty digits that all members of one epoch have in common, and nobody else. Empty before one joined. */
  get code(): string {
    return this.#code;
  }

  /** Seven emoji that all members see; empty before somebody asked in this epoch. */
  get emoji(): readonly Emoji[] {
    return this.#emoji;
  }

  /** The newest epoch: one more with every change of members and every rotation. 0 before one joined. */
  get epoch(): number {
    return this.#epoch;
  }

  get state(): SessionState {
    return this.#state;
  }

  /** What the members agreed on; `null` before one joined. */
  get policy(): AgreedPolicy | null {
    return this.#policy;
  }

  /** Participants of the call that are not in the group, where the transport knows: they get no key. */
  get outside(): readonly string[] {
    return this.#outside;
  }

  /** Those who wait to be let in. */
  get knocking(): readonly Somebody[] {
    return [...this.#knocking.values()].map(({ who }) => who);
  }

  /** Listens; the returned function stops it. */
  on<K extends keyof SessionEvents>(name: K, listener: (event: SessionEvents[K]) => void): () => void {
    return this.#emitter.on(name, listener);
  }

  /** Asks for fresh keys for everybody. The event `keys` says when they are used. Rejects with `NotJoined` before one joined. */
  async rotate(): Promise<void> {
    this.#joined();
    await this.#client.ask({ t: "rotate" });
  }

  /**
   * Asks all members for seven emoji to compare, by voice or by looking at each other's screens. The event `emoji` brings
   * them, once everybody has had a say in them; if somebody does not answer they never come: ask again.
   */
  async compare(): Promise<void> {
    this.#joined();
    await this.#client.ask({ t: "compare" });
  }

  /**
   * People found the code, or the emoji, of this epoch to be the same on all screens; `epoch` is the one that was shown, by
   * default the newest. From then on the event `uncompared` tells of everybody who comes. Nobody else learns of it.
   */
  async same(epoch = this.#epoch): Promise<void> {
    this.#joined();
    await this.#client.ask({ t: "same", epoch });
  }

  /** Removes a member, at once: what is sent from the next epoch on it cannot open. Rejects with `NoSuchMember`. */
  async remove(member: SessionMember): Promise<void> {
    this.#joined();
    const found = this.#members.find(({ key, index }) => key === member.key && index === member.index);
    if (found === undefined) throw new E2eeError("NoSuchMember", `${member.name} is not in the group`);
    await this.#client.ask({ t: "remove", index: found.index, key: unhex(found.key) });
  }

  /** Asks the members to agree on other rules; the event `policy` says when they have. */
  async setPolicy(change: Partial<RoomPolicy>): Promise<void> {
    this.#joined();
    await this.#client.ask({ t: "policy", policy: checkPolicy({ ...DEFAULT_POLICY, ...this.#policy, ...change }) });
  }

  /** Enters again after `forked`, `log-lost` or `left-behind`: for the user to ask for. */
  rejoin(): void {
    if (!["forked", "log-lost", "left-behind"].includes(this.#state)) throw new E2eeError("SessionOver", `out of "${this.#state}" does not lead rejoin()`);
    if (this.#head === null) throw new E2eeError("RelayUnreachable", "the relay has not told where its log is");
    this.#move("joining");
    this.#client.tell({ t: "heard", what: "rejoin", number: this.#head.position, bytes: this.#head.entry });
  }

  /** Lets somebody in who knocked, or refuses it. Rejects with `NoSuchQuestion` when it does not wait any more. */
  async admit(who: Somebody, trust: Trust = "unverified"): Promise<void> {
    const waiting = this.#knocking.get(who.key);
    if (waiting === undefined) throw new E2eeError("NoSuchQuestion", `${who.name} does not wait to be let in`);
    this.#answered(who.key);
    await this.#client.ask({ t: "verdict", question: waiting.question, trust: [trust] });
  }

  /** Tells the others that one goes, and ends the session. */
  async leave(): Promise<void> {
    if (this.#state === "joined") await this.#client.ask({ t: "leave" }).catch(() => undefined);
    if (!this.#over()) this.#move("left");
    this.#end();
  }

  /** Figures for a support desk: JSON without any key. */
  async report(): Promise<SessionReport> {
    const figures = this.#ended || this.#state === "failed" ? null : ((await this.#client.ask({ t: "report" })) as WorkerFigures);
    return {
      version: 1,
      at: new Date().toISOString(),
      room: this.room,
      participant: this.participant,
      state: this.#state,
      connected: this.#connected,
      epoch: this.#epoch,
      sealing: this.#sealing,
      policy: this.#policy,
      agreement: this.agreement,
      members: this.#members.map(({ proof: _, ...member }) => member),
      outside: this.#outside,
      epochs: figures?.epochs ?? [],
      wasmBytes: figures?.wasmBytes ?? 0,
      mediaWorkers: figures?.ports ?? 0,
      log: this.#log.entries,
    };
  }

  /** Ends the session without a word: keys are wiped, and nothing is sealed any more. */
  close(): void {
    if (!this.#over()) this.#move("closed");
    this.#end();
  }

  /**
   * An end for a media worker. `hush` is called when nothing may be sealed any more and the port cannot say so.
   *
   * @internal
   */
  attach(hush: () => void): MessagePort {
    this.#attaches(hush);
    const { port1, port2 } = new MessageChannel();
    this.#client.tell({ t: "port", port: port1 }, [port1]);
    return port2;
  }

  /**
   * The same for a media worker to which no port can be handed: the name of a channel to open.
   *
   * @internal
   */
  attachChannel(hush: () => void): string {
    this.#attaches(hush);
    const name = newChannelName();
    this.#client.tell({ t: "channel", name });
    return name;
  }

  #attaches(hush: () => void): void {
    if (this.#ended || this.#state === "failed") throw new E2eeError("SessionOver", `the session is ${this.#state}: make another`);
    this.#hush.add(hush);
  }

  #ended = false;

  #end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#transport.close();
    this.#client.close();
    this.#knocking.clear();
    for (const hush of this.#hush) hush();
    this.#hush.clear();
    this.#emitter.clear();
  }

  #over(): boolean {
    return !["connecting", "joining", "waiting", "joined"].includes(this.#state);
  }

  #joined(): void {
    if (this.#over()) throw new E2eeError("SessionOver", `the session is ${this.#state}: make another`);
    if (this.#state !== "joined") throw new E2eeError("NotJoined", "the session has not entered the group yet");
  }

  #events(): TransportEvents {
    const hear = (what: Heard, number: number, bytes: Uint8Array): void => this.#client.tell({ t: "heard", what, number, bytes });
    const none = new Uint8Array();
    return {
      head: (position, entry) => {
        this.#head = { position, entry };
        if (this.#state === "connecting") this.#move("joining");
        if (!this.#over()) hear("head", position, entry);
        // Who knocked while nobody was connected is still there.
        if (this.#state === "joined") this.#transport.take();
      },
      entry: (position, entry) => {
        if (position > (this.#head?.position ?? -1)) this.#head = { position, entry };
        if (!this.#over()) hear("entry", position, entry);
      },
      conflict: (expect) => hear("conflict", expect, none),
      tooOld: (oldest) => {
        hear("too-old", oldest, none);
        // Who is not in yet begins anew with what the log ends with.
        if (this.#head !== null && !this.#over()) hear("head", this.#head.position, this.#head.entry);
      },
      knock: (keyPackage) => hear("knock", 0, keyPackage),
      message: (bytes) => hear("message", 0, bytes),
      gone: (participant) => hear("gone", 0, new TextEncoder().encode(participant)),
      participants: (all) => hear("participants", 0, new TextEncoder().encode(all.map((one) => `${one}\0`).join(""))),
      connected: (yes) => {
        this.#connected = yes;
        this.#tell({ what: yes ? "connected" : "disconnected" });
      },
      trouble: (error) => this.#trouble(error),
    };
  }

  #worker(event: SessionWorkerEvent): void {
    if (this.#ended) return;
    switch (event.t) {
      case "append":
        return this.#transport.append(event.expect, event.entry);
      case "read":
        return this.#transport.read(event.after);
      case "knock":
        return this.#transport.knock(event.package);
      case "send":
        return this.#transport.send(event.message);
      case "decide":
        return void this.#decide(event.question, event.why, event.who.map(somebody));
      case "withdraw":
        for (const [key, { question }] of this.#knocking) if (question === event.question) this.#answered(key);
        return;
      case "policy":
        this.#policy = event.policy;
        return this.#emitter.emit("policy", event.policy);
      case "outside":
        this.#outside = event.participants;
        return this.#emitter.emit("outside", event.participants);
      case "members":
        return this.#list(event.epoch, event.members.map((member) => ({
          ...somebody(member), index: member.index, trust: member.trust, heard: member.heard, self: member.index === event.own,
        })));
      case "sealing":
        this.#sealing = event.epoch;
        if (event.epoch !== null) this.#tell({ what: "keys", epoch: event.epoch });
        return;
      case "emoji":
        this.#emoji = emojiOf(event.numbers);
        return this.#emitter.emit("emoji", this.#emoji);
      case "code":
        if (this.#emoji.length > 0) this.#emitter.emit("emoji", (this.#emoji = []));
        this.#code = event.code;
        return this.#emitter.emit("code", event.code);
      case "happened":
        return this.#happened(event.event);
      case "trouble":
        return this.#trouble(new E2eeError(nameOf(event.code), event.message || reasonOf(event.code)));
    }
  }

  #list(epoch: number, members: readonly SessionMember[]): void {
    const before = this.#members;
    this.#members = members;
    this.#epoch = epoch;
    this.#transport.members?.(members.map(({ participant }) => participant));
    for (const member of members) if (!before.some(({ key }) => key === member.key)) this.#tell({ what: "came", member });
    for (const member of before) if (!members.some(({ key }) => key === member.key)) this.#tell({ what: "went", member });
    for (const { key } of members) this.#answered(key);
    this.#emitter.emit("members", members);
  }

  async #decide(question: number, why: Why, who: readonly Somebody[]): Promise<void> {
    const [first] = who;
    if (why === "knocks" && this.#lobby && first !== undefined && who.length === 1) {
      this.#knocking.set(first.key, { who: first, question });
      this.#log.add({ what: `${first.participant} knocks` });
      this.#emitter.emit("knock", first);
      return this.#emitter.emit("knocking", this.knocking);
    }
    const judge = async (one: Somebody): Promise<Trust> => {
      try {
        return await this.#verdict(one, why);
      } catch (error) {
        this.#trouble(new E2eeError("Internal", `the application's verdict on ${one.name} failed: ${String(error)}. It counts as refused.`));
        return "refused";
      }
    };
    const trust = await Promise.all(who.map(judge));
    // The question may be void by now.
    if (!this.#ended) await this.#client.ask({ t: "verdict", question, trust }).catch((error: E2eeError) => this.#trouble(error));
  }

  #answered(key: string): void {
    if (this.#knocking.delete(key)) this.#emitter.emit("knocking", this.knocking);
  }

  #happened(event: Happened): void {
    if (event.what === "dropped") return this.#trouble(new E2eeError(nameOf(event.code), `${event.times} messages were left out: ${reasonOf(event.code)}`));
    if (event.what === "other") return this.#tell(event);
    if ("who" in event) {
      this.#tell({ what: event.what, who: event.who.map(somebody) });
      if (event.what !== "refused") return;
    }
    if (event.what === "joined") {
      this.#move("joined");
      return this.#transport.take();
    }
    this.#move(STATES[event.what] ?? (event.what as SessionState));
  }

  #move(state: SessionState): void {
    if (state === this.#state) return;
    this.#log.add({ what: `${this.#state} -> ${state}` });
    this.#state = state;
    this.#emitter.emit("state", state);
  }

  #tell(event: SessionEvent): void {
    const about = "member" in event ? ` ${event.member.participant}` : "epoch" in event ? ` of epoch ${event.epoch}` : "";
    this.#log.add({ what: event.what + about });
    this.#emitter.emit("event", event);
  }

  #trouble(error: E2eeError): void {
    this.#log.add({ what: error.message, code: error.code });
    this.#emitter.emit("event", { what: "trouble", error });
  }

  #lost(reason: string): void {
    if (this.#ended) return;
    this.#trouble(new E2eeError("WorkerFailed", `${reason}. Nothing is sealed without the session worker.`));
    this.#sealing = null;
    for (const hush of this.#hush) hush();
    this.#move("failed");
  }
}

function somebody({ participant, name, key, proof }: Presented): Somebody {
  return { participant, name, proof, key: hex(key) };
}

function postable(wasm: SessionOptions["wasm"]): PostableWasm | null {
  if (wasm === undefined) return null;
  return typeof wasm === "string" || wasm instanceof URL ? new URL(wasm, globalThis.location?.href).href : wasm;
}
