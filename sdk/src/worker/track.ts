/** What happens to the frames of one direction of one track, counted; and its state, told by edges. */
import { Code } from "../codes.ts";
import { isAudio, type TrackState } from "../kinds.ts";
import type { Tally, TrackFigures, TrackSetup } from "../protocol.ts";
import { CodecFinder, RULE } from "./codec.ts";
import { type EncodedFrame, type Lane, type Status, TURBO } from "./engine.ts";
import { clock, pace } from "./pace.ts";
import { Histogram } from "./histogram.ts";
import type { Witness } from "./witness.ts";

/** Frames in a row that must fail alike before a track that worked counts as failing: one bad frame is no state. */
const FAILS_TO_LEAVE_OK = 3;
/**
 * Frames in a row of which not one is built like a sealed frame, after which the sender counts as one that does not
 * encrypt. Damage spares some, and of noise one in a hundred passes.
 */
const UNSEALED_RUN = 25;
/** Pulses (of 200 ms) with repeats and nothing else before a track counts as replayed. */
const REPLAY_PULSES = 5;
/** One frame in so many of a track is timed: reading the clock is a good part of what an audio frame costs. */
const TIMED = 4;
/** Least time between two key frame requests of one track, milliseconds. */
const KEY_FRAME_PAUSE_MS = 500;

/** What a track tells the outside. */
export interface TrackEvents {
  state(track: number, state: TrackState, previous: TrackState, code: number): void;
  level(track: number, code: number, count: number): void;
  flowing(track: number): void;
  /** Asks the other side (receiving) or the own encoder (sending) for a key frame. */
  keyFrame(track: number): void;
}

/** The state that a frame with this error code speaks for; `null` for none (a repeat says nothing by itself). */
export function stateOf(code: number): TrackState | null {
  switch (code) {
    case Code.UnknownKey:
    case Code.TooFar:
    case Code.NoSenderKey:
    case Code.Worn:
    case Code.StepsUsedUp:
      return "no-key";
    case Code.Rejected:
      return "wrong-key";
    case Code.UnknownCodec:
    case Code.SealUnknownCodec:
      return "unknown-version";
    case Code.Replayed:
    case Code.TooOld:
    case Code.StaleOpen:
    case Code.StaleSeal:
      return null;
    default:
      return "malformed";
  }
}

/** One direction of one track. */
export class Track {
  readonly codec = new CodecFinder();
  #setup: TrackSetup;
  readonly #lane: Lane;
  readonly #events: TrackEvents;
  readonly #cost = new Histogram();
  readonly #dropped = new Map<number, number>();
  readonly #levels = new Map<number, number>();
  #seen = 0;
  #passed = 0;
  #bytes = 0;
  #empty = 0;
  #turbo = 0;
  #state: TrackState = "new";
  #failRun = 0;
  #failState: TrackState = "new";
  #unsealedRun = 0;
  /** The participant announced a newer version of the format. */
  #newer = false;
  #okInPulse = false;
  #otherInPulse = false;
  #replayInPulse = false;
  #replayPulses = 0;
  #awaitKeyFrame = false;
  #keyFrameAskedAt = -Infinity;

  constructor(setup: TrackSetup, lane: Lane, events: TrackEvents, private readonly witness: Witness | null = null) {
    this.#setup = setup;
    this.#lane = lane;
    this.#events = events;
  }

  get setup(): TrackSetup {
    return this.#setup;
  }

  /** Takes a new kind or participant; a changed one starts over as `new`. */
  rebind(setup: TrackSetup): void {
    const same = setup.kind === this.#setup.kind && setup.participant === this.#setup.participant;
    this.#setup = setup;
    if (same) return;
    this.#lane.bind(setup.kind, setup.participant);
    this.#failRun = 0;
    this.#awaitKeyFrame = setup.direction === "receive";
    this.#move("new", 0);
  }

  /** Says whether the participant announced a newer version of the format. */
  announcedNewer(newer: boolean): void {
    this.#newer = newer;
  }

  /** Seals or opens one frame. `true`: hand it on. An exception costs this frame only. */
  process(frame: EncodedFrame): boolean | Promise<boolean> {
    pace.frames++;
    const began = ++this.#seen % TIMED === 1 ? clock() : 0;
    if (this.#seen === 1) this.#events.flowing(this.#setup.track);
    try {
      if (frame.data.byteLength === 0) return this.#emptyFrame();
      const rule = isAudio(this.#setup.kind) ? RULE.opaque : this.codec.rule(frame);
      if (rule === RULE.none) {
        return this.#done(frame, -(this.#sends ? Code.SealUnknownCodec : Code.UnknownCodec), began);
      }
      if (this.witness !== null && this.#sends) this.witness.note(frame);
      const status = this.#lane.run(frame, rule, pace.busy);
      if (typeof status === "number") return this.#done(frame, status, began);
      return status.then(
        (late) => this.#done(frame, late, began),
        () => this.#done(frame, -Code.Internal, began),
      );
    } catch {
      return this.#done(frame, -Code.Internal, began);
    }
  }

  /** A pass through the pulse: sustained repeats, and the levels once a second (every fifth pulse). */
  pulse(everySecond: boolean): void {
    const onlyRepeats = this.#replayInPulse && !this.#okInPulse && !this.#otherInPulse;
    const quiet = !this.#replayInPulse && !this.#okInPulse && !this.#otherInPulse;
    if (!quiet) this.#replayPulses = onlyRepeats ? this.#replayPulses + 1 : 0;
    if (this.#replayPulses >= REPLAY_PULSES) this.#move("replay", Code.Replayed);
    this.#okInPulse = this.#otherInPulse = this.#replayInPulse = false;
    if (!everySecond) return;
    for (const [code, count] of this.#levels) this.#events.level(this.#setup.track, code, count);
    this.#levels.clear();
  }

  /** A key came: what was dropped before cannot be decoded upon, so a key frame is needed. */
  keyArrived(): void {
    if (this.#state !== "ok" && this.#state !== "new") this.#askKeyFrame();
  }

  /** Counters for the watchdog. */
  tally(): Tally {
    return { track: this.#setup.track, seen: this.#seen, passed: this.#passed, bytes: this.#bytes };
  }

  /** Counters for a report. */
  figures(): TrackFigures {
    return {
      ...this.#setup,
      state: this.#state,
      seen: this.#seen,
      passed: this.#passed,
      empty: this.#empty,
      turbo: this.#turbo,
      dropped: Object.fromEntries(this.#dropped),
      codec: this.codec.mime,
      timing: this.#cost.timing(),
    };
  }

  close(): void {
    this.#lane.close();
  }

  get #sends(): boolean {
    return this.#setup.direction === "send";
  }

  /** DTX and flushed encoders make frames without a byte: they hide nothing and carry nothing. */
  #emptyFrame(): boolean {
    this.#empty++;
    // Received ones are not authenticated; a decoder conceals the gap by itself.
    return this.#sends;
  }

  #done(frame: EncodedFrame, status: Status, began: number): boolean {
    if (began > 0) this.#cost.add(performance.now() - began);
    if (status < 0) {
      this.#failed(-status);
      return false;
    }
    if (status === TURBO) this.#turbo++;
    this.#passed++;
    this.#bytes += frame.data.byteLength;
    this.#okInPulse = true;
    this.#failRun = 0;
    this.#unsealedRun = 0;
    const recovered = this.#state !== "ok";
    if (recovered) this.#move("ok", 0);
    if (frame.type !== undefined) this.#decodable(frame.type, recovered);
    return true;
  }

  #failed(code: number): void {
    this.#dropped.set(code, (this.#dropped.get(code) ?? 0) + 1);
    let state = stateOf(code);
    this.#unsealedRun = state === "malformed" ? this.#unsealedRun + 1 : 0;
    if (state === null) {
      this.#replayInPulse = true;
      return;
    }
    if (this.#newer) [state, code] = ["unknown-version", Code.UnknownVersion];
    else if (this.#unsealedRun >= UNSEALED_RUN && !this.#sends) [state, code] = ["plaintext", Code.Plaintext];
    else if (state === "malformed" && this.#state === "plaintext") state = "plaintext";
    this.#otherInPulse = true;
    this.#awaitKeyFrame = true;
    this.codec.doubt();
    this.#levels.set(code, (this.#levels.get(code) ?? 0) + 1);
    if (state === this.#state) {
      this.#failRun = 0;
      return;
    }
    this.#failRun = state === this.#failState ? this.#failRun + 1 : 1;
    this.#failState = state;
    if (this.#state === "new" || this.#failRun >= FAILS_TO_LEAVE_OK) this.#move(state, code);
  }

  /** After a gap a decoder needs a key frame; the request is repeated until one came. */
  #decodable(type: string, recovered: boolean): void {
    if (type === "key") this.#awaitKeyFrame = false;
    else if (this.#awaitKeyFrame && (recovered || !this.#sends)) this.#askKeyFrame();
  }

  #askKeyFrame(): void {
    const now = performance.now();
    if (now - this.#keyFrameAskedAt < KEY_FRAME_PAUSE_MS) return;
    this.#keyFrameAskedAt = now;
    this.#events.keyFrame(this.#setup.track);
  }

  #move(state: TrackState, code: number): void {
    if (state === this.#state) return;
    const previous = this.#state;
    this.#state = state;
    this.#failRun = 0;
    this.#failState = state;
    this.#events.state(this.#setup.track, state, previous, code);
  }
}
