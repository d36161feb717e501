/**
 * Guards one `RTCPeerConnection`: every sender and receiver it will ever have gets its transform in the task that
 * made it, whoever made it. The methods that make transceivers are replaced on this object only.
 */
import { attachTransform, stillAttached } from "./attach.ts";
import type { WorkerClient } from "./client.ts";
import { E2eeError } from "./errors.ts";
import { Hold } from "./hold.ts";
import { defaultKind, type Direction, type TrackKind } from "./kinds.ts";
import type { Tally } from "./protocol.ts";
import { hasEncodedStreams, type TransformPath } from "./support.ts";
import { PageTrack } from "./track.ts";
import { CONFIRM_MS, countByMid } from "./watchdog.ts";

/** What a guarded connection needs of the call. */
export interface Hub {
  readonly client: WorkerClient;
  readonly path: TransformPath;
  /** The own participant id. */
  participant(): string;
  /** The next track number. */
  nextTrack(): number;
  /** A track was attached. */
  attached(track: PageTrack): void;
  /** A track's transform is not used by the browser, or came too late. */
  refused(track: PageTrack | null, name: "AttachTooLate" | "NotAttached", message: string): void;
  /** The connection was closed. */
  closed(pc: RTCPeerConnection): void;
  /** What the worker counted. */
  tally(): Promise<readonly Tally[]>;
}

interface Pair {
  readonly send: PageTrack;
  readonly receive: PageTrack;
}

const NONE = { seen: 0, bytes: 0 };

/** Receivers are compared at every fifth look: nothing of ours leaves by them. */
const RECEIVE_EVERY = 5;

/** See the file's comment. */
export class GuardedPeer {
  readonly pc: RTCPeerConnection;
  readonly #hub: Hub;
  /** Attaching late works: the flag is set, or this browser does not need it. */
  readonly #lateIsFine: boolean;
  readonly #pairs = new Map<RTCRtpTransceiver, Pair>();
  readonly #tooLate = new WeakSet<RTCRtpTransceiver>();
  #kind: TrackKind | null = null;
  /** A remote description is being applied: whatever transceivers appear were made in this task. */
  #applying = false;
  #looks = 0;
  #looking = false;

  /**
   * @throws E2eeError `AttachTooLate` when transforms set now might be ignored; its senders were stopped.
   */
  constructor(pc: RTCPeerConnection, hub: Hub) {
    this.pc = pc;
    this.#hub = hub;
    const flagged = (pc.getConfiguration() as { encodedInsertableStreams?: boolean }).encodedInsertableStreams === true;
    this.#lateIsFine = flagged || !hasEncodedStreams();
    if (!this.#lateIsFine && (pc.getTransceivers().length > 0 || hub.path === "streams")) {
      for (const { sender } of pc.getTransceivers()) void sender.replaceTrack(null);
      throw new E2eeError(
        "AttachTooLate",
        "this RTCPeerConnection was made without encodedInsertableStreams and has transceivers already: the browser " +
          "would ignore their transforms and send in clear, so its senders were stopped. Make it with " +
          "e2ee.createPeerConnection(), or call e2ee.watch(pc) before it has transceivers.",
      );
    }
    this.#guard();
    this.#sweep(true);
  }

  get tracks(): PageTrack[] {
    return [...this.#pairs.values()].flatMap(({ send, receive }) => [send, receive]);
  }

  /** As `pc.addTransceiver`, with the kind of both directions. */
  addTransceiver(
    trackOrKind: MediaStreamTrack | string,
    init: RTCRtpTransceiverInit | undefined,
    kind: TrackKind | undefined,
  ): RTCRtpTransceiver {
    this.#kind = kind ?? null;
    try {
      return this.pc.addTransceiver(trackOrKind, init);
    } finally {
      this.#kind = null;
    }
  }

  /** The track of a sender or receiver; `undefined` when it belongs to another connection. */
  find(end: RTCRtpSender | RTCRtpReceiver): PageTrack | undefined {
    const known = this.#known(end);
    if (known !== undefined || !this.pc.getTransceivers().some(({ sender, receiver }) => sender === end || receiver === end)) return known;
    // In a `track` event that somebody else hears first.
    this.#sweep(this.#applying);
    return this.#known(end);
  }

  #known(end: RTCRtpSender | RTCRtpReceiver): PageTrack | undefined {
    for (const [transceiver, { send, receive }] of this.#pairs) {
      if (transceiver.sender === end) return send;
      if (transceiver.receiver === end) return receive;
    }
    return undefined;
  }

  /** One look of the watchdog; see watchdog.ts. */
  async look(): Promise<void> {
    if (this.pc.connectionState === "closed") return;
    this.#sweep(false);
    for (const track of this.tracks) {
      const { sender, receiver } = track.transceiver;
      if (track.state !== "not-attached" && !stillAttached(track.hold === null ? receiver : sender)) this.#leak(track);
    }
    const connected = this.pc.connectionState === "connected";
    for (const { send } of this.#pairs.values()) send.hold?.sweep(connected);
    const receivers = ++this.#looks % RECEIVE_EVERY === 0;
    const sends = [...this.#pairs.values()].some(({ send }) => send.hold?.idle === false);
    if (this.#looking || !(sends || receivers) || !connected) return;
    this.#looking = true;
    try {
      // A suspicion ends within a few looks: each of them brings a sender nearer to a verdict, or clears it.
      for (let suspect = await this.#compare(receivers); suspect; suspect = await this.#compare(false)) {
        await new Promise((resolve) => setTimeout(resolve, CONFIRM_MS));
      }
    } catch {
      // The connection or the worker went away between two awaits.
    } finally {
      this.#looking = false;
    }
  }

  /** Stops every sender for good. */
  async stop(): Promise<void> {
    await Promise.all([...this.#pairs.values()].map(({ send }) => send.hold?.refuse()));
  }

  #guard(): void {
    const pc = this.pc;
    const native = {
      addTransceiver: pc.addTransceiver.bind(pc),
      addTrack: pc.addTrack.bind(pc),
      removeTrack: pc.removeTrack.bind(pc),
      setRemoteDescription: pc.setRemoteDescription.bind(pc),
      setLocalDescription: pc.setLocalDescription.bind(pc),
      close: pc.close.bind(pc),
    };
    pc.addEventListener("track", ({ transceiver }) => this.#adopt(transceiver));
    pc.addEventListener("signalingstatechange", () => {
      if (pc.signalingState === "stable") this.#tellCodecs();
    });
    pc.addTransceiver = (trackOrKind, init) => {
      const transceiver = native.addTransceiver(trackOrKind, init);
      this.#adopt(transceiver);
      return transceiver;
    };
    pc.addTrack = (track, ...streams) => {
      if ([...this.#pairs.values()].some(({ send }) => send.hold?.wanted === track)) {
        throw new DOMException("a sender for this track exists already", "InvalidAccessError");
      }
      const sender = native.addTrack(track, ...streams);
      const known = this.find(sender)?.hold;
      if (known != null) known.added(track);
      else {
        const transceiver = pc.getTransceivers().find((candidate) => candidate.sender === sender);
        if (transceiver !== undefined) this.#adopt(transceiver);
      }
      return sender;
    };
    pc.removeTrack = (sender) => {
      native.removeTrack(sender);
      void this.find(sender)?.hold?.replaceTrack(null);
    };
    pc.close = () => {
      native.close();
      for (const { send } of this.#pairs.values()) send.hold?.release();
      this.#hub.closed(pc);
    };
    // Transceivers made by a remote description: its promise's microtask is still the task that made them.
    pc.setRemoteDescription = (description: RTCSessionDescriptionInit, ...callbacks: Callbacks) => {
      this.#applying = true;
      const done = (): void => void (this.#applying = false);
      const applied = native.setRemoteDescription(description).then(() => this.#sweep(true));
      return calledBack(applied.finally(done), callbacks);
    };
    // Nothing flows before a local description, so here is the last gate.
    pc.setLocalDescription = (description?: RTCLocalSessionDescriptionInit, ...callbacks: Callbacks) => {
      this.#sweep(false);
      const pending = [...this.#pairs.values()].flatMap(({ send }) => send.hold?.pending ?? []);
      const set = (): Promise<void> => native.setLocalDescription(description);
      return calledBack(pending.length === 0 ? set() : Promise.all(pending).then(set), callbacks);
    };
  }

  /** Attaches whatever is not attached. `timely`: it was made in this task. */
  #sweep(timely: boolean): void {
    for (const transceiver of this.pc.getTransceivers()) {
      if (this.#pairs.has(transceiver) || this.#tooLate.has(transceiver)) continue;
      if (transceiver.currentDirection === "stopped") continue;
      if (timely || this.#lateIsFine) this.#adopt(transceiver);
      else this.#refuseLate(transceiver);
    }
  }

  #refuseLate(transceiver: RTCRtpTransceiver): void {
    this.#tooLate.add(transceiver);
    void transceiver.sender.replaceTrack(null);
    transceiver.receiver.track.enabled = false;
    const message = "a transceiver was made past this connection's guard; it was stopped, as its transform would be ignored";
    this.#hub.refused(null, "AttachTooLate", message);
  }

  #adopt(transceiver: RTCRtpTransceiver): void {
    if (this.#pairs.has(transceiver)) return;
    const { sender, receiver } = transceiver;
    const kind = this.#kind ?? defaultKind(receiver.track.kind);
    const make = (direction: Direction, participant: string | null): PageTrack =>
      new PageTrack(this.#hub.nextTrack(), direction, transceiver, kind, participant);
    const send = make("send", this.#hub.participant());
    const receive = make("receive", null);
    attachTransform(this.#hub.client, this.#hub.path, sender, send.setup);
    attachTransform(this.#hub.client, this.#hub.path, receiver, receive.setup);
    // It may have a track, and a connection that was watched late may be sending it already.
    send.hold = new Hold(sender);
    this.#pairs.set(transceiver, { send, receive });
    if (transceiver.currentDirection !== null) {
      send.comparison.reset();
      receive.comparison.reset();
    }
    this.#hub.attached(send);
    this.#hub.attached(receive);
  }

  #tellCodecs(): void {
    for (const track of this.tracks) {
      const mimeTypes = track.negotiatedCodecs();
      if (mimeTypes !== null) this.#hub.client.tell({ t: "codecs", track: track.id, mimeTypes });
    }
  }

  /** True when something looked wrong and wants a second look. */
  async #compare(receivers: boolean): Promise<boolean> {
    const count = async (): Promise<Map<number, Tally>> => new Map((await this.#hub.tally()).map((tally) => [tally.track, tally]));
    const before = await count();
    const stats = await this.pc.getStats();
    const after = await count();
    const sent = countByMid(stats, "outbound-rtp");
    const received = receivers ? countByMid(stats, "inbound-rtp") : new Map<string, never>();
    let suspect = false;
    for (const { send, receive } of this.#pairs.values()) {
      const mid = send.transceiver.mid;
      if (mid === null) continue;
      for (const [track, counted] of [
        [send, sent.get(mid)],
        [receive, received.get(mid)],
      ] as const) {
        if (counted === undefined || track.state === "not-attached") continue;
        // Without a track nothing but padding leaves, and the frames that were under way may never reach the worker.
        if (track === send && send.hold?.idle === true) {
          track.comparison.reset();
          continue;
        }
        const verdict = track.comparison.look(counted, after.get(track.id) ?? NONE, before.get(track.id) ?? NONE);
        if (verdict === "suspect" && track === send) suspect = true;
        if (verdict === "leak") this.#leak(track);
      }
    }
    return suspect;
  }

  #leak(track: PageTrack): void {
    const { facts } = track.comparison;
    const counted = facts === "" ? "" : ` (${facts})`;
    if (track.direction === "send") {
      void track.hold?.refuse();
      this.#hub.refused(track, "NotAttached", `the browser sends past the transform; the sender was stopped${counted}`);
      return;
    }
    track.transceiver.receiver.track.enabled = false;
    this.#hub.refused(track, "NotAttached", `the browser plays media past the transform; the track was muted${counted}`);
  }
}

/** What the old form of `setLocalDescription` and `setRemoteDescription` takes behind the description. */
type Callbacks = [success?: () => void, failure?: (error: DOMException) => void];

/** Answers by callbacks where there are some, as browsers do. */
function calledBack(done: Promise<void>, [success, failure]: Callbacks): Promise<void> {
  return success === undefined && failure === undefined ? done : done.then(success, failure);
}
