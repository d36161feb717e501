/**
 * Holds a track back until its transform was seen to work.
 *
 * A browser that ignores a transform says nothing; it sends in clear. So a sender never starts with the real track:
 * it starts with a *stand-in* that shows black or plays silence. Only when the worker has been given a frame of this
 * sender is the real track put in. Should the transform be ignored, nothing but black and silence was sent, and the
 * watchdog ends that too.
 */
import { E2eeError } from "./errors.ts";
import { hasEncodedStreams } from "./support.ts";

/** How often a drawn stand-in makes a frame, milliseconds. */
const DRAW_MS = 60;

/**
 * Sweeps (of 200 ms, while connected) without a frame after which a silent stand-in hums: under DTX an encoder makes
 * nothing of digital silence, and the real track would wait for ever.
 */
const SWEEPS_TO_HUM = 3;
/** 60 dB below full scale, 100 Hz: not to be heard, but not silence. */
const HUM = { gain: 0.001, hertz: 100 };

/** What a sender itself says of its track; absent outside of browsers. */
const NATIVE_TRACK = typeof RTCRtpSender === "undefined" ? undefined : Object.getOwnPropertyDescriptor(RTCRtpSender.prototype, "track")?.get;

/** A track that shows nothing of the one it stands in for. */
interface StandIn {
  readonly track: MediaStreamTrack;
  stop(): void;
}

/** `waiting`: the stand-in is sent; `proven`: the transform works; `refused`: it does not, nothing is sent any more. */
export type HoldState = "waiting" | "proven" | "refused";

/** Holds the track of one sender. */
export class Hold {
  readonly #sender: RTCRtpSender;
  readonly #replace: (track: MediaStreamTrack | null) => Promise<void>;
  #state: HoldState = "waiting";
  #wanted: MediaStreamTrack | null = null;
  #standIn: StandIn | null = null;
  #sweeps = 0;
  #pending: Promise<unknown> | null = null;

  /** Takes over `replaceTrack` of `sender`; a track that it has already is held back at once. */
  constructor(sender: RTCRtpSender) {
    this.#sender = sender;
    this.#replace = sender.replaceTrack.bind(sender);
    const present = sender.track;
    sender.replaceTrack = (track) => this.replaceTrack(track);
    // Who looks at the sender sees the track they gave it, not the stand-in.
    Object.defineProperty(sender, "track", {
      configurable: true,
      enumerable: true,
      get: () => (this.#state === "waiting" ? this.#wanted : this.#present),
    });
    if (present !== null) this.added(present);
  }

  /** While a stand-in is still being put in place: nothing may be negotiated before. */
  get pending(): Promise<unknown> | null {
    return this.#pending;
  }

  get state(): HoldState {
    return this.#state;
  }

  /** True while the browser has nothing to send here, whatever was asked for and by whichever way. */
  get idle(): boolean {
    return this.#present === null;
  }

  /** The track that the browser has in place, stand-ins included. */
  get #present(): MediaStreamTrack | null {
    return NATIVE_TRACK?.call(this.#sender) as MediaStreamTrack | null;
  }

  /**
   * In place of the sender's own `replaceTrack`. While the transform is not proven it resolves once the stand-in is
   * in place; the real track follows by itself.
   */
  async replaceTrack(track: MediaStreamTrack | null): Promise<void> {
    if (this.#state === "refused") {
      if (track === null) return;
      throw new E2eeError("NotAttached", "the browser ignores this sender's transform: make a new transceiver");
    }
    this.#wanted = track;
    if (this.#state === "proven") return await this.#replace(track);
    const before = this.#standIn;
    this.#standIn = track === null ? null : standInFor(track);
    await this.#replace(this.#standIn?.track ?? null);
    before?.stop();
  }

  /**
   * The browser put `track` into this sender by itself, as it must for the track's id to be in the description. Nothing of
   * it is sent before that was negotiated, and {@link pending} is awaited before.
   */
  added(track: MediaStreamTrack): void {
    if (this.#state === "proven") {
      this.#wanted = track;
      return;
    }
    const put = (this.#state === "refused" ? this.refuse() : this.replaceTrack(track)).catch(() => this.refuse());
    this.#pending = put;
    void put.then(() => {
      if (this.#pending === put) this.#pending = null;
    });
  }

  /** The track that is sent, or will be once the transform is proven. */
  get wanted(): MediaStreamTrack | null {
    return this.#wanted;
  }

  /** The worker was given a frame of this sender: the real track may go. */
  async proven(): Promise<void> {
    if (this.#state !== "waiting") return;
    this.#state = "proven";
    const standIn = this.#standIn;
    this.#standIn = null;
    try {
      await this.#replace(this.#wanted);
    } finally {
      standIn?.stop();
    }
  }

  /** Ends sending for good. */
  async refuse(): Promise<void> {
    this.#state = "refused";
    this.#wanted = null;
    try {
      await this.#replace(null);
    } catch {
      // A stopped transceiver sends nothing either.
    }
    this.#standIn?.stop();
    this.#standIn = null;
  }

  /** Five times a second: a track that the application stopped needs no stand-in, and a silent one may have to hum. */
  sweep(connected: boolean): void {
    if (this.#state !== "waiting" || this.#wanted === null) return;
    if (this.#wanted.readyState === "ended") this.#standIn?.stop();
    else if (connected && this.#wanted.kind === "audio" && ++this.#sweeps === SWEEPS_TO_HUM) void this.#hum();
  }

  async #hum(): Promise<void> {
    const before = this.#standIn;
    const humming = hum();
    this.#standIn = humming;
    try {
      await this.#replace(humming.track);
    } catch {
      // The transceiver was stopped meanwhile.
      humming.stop();
    }
    before?.stop();
  }

  /** Gives `replaceTrack` and `track` back to the browser. */
  release(): void {
    this.#standIn?.stop();
    const own = this.#sender as { replaceTrack?: unknown; track?: unknown };
    delete own.replaceTrack;
    delete own.track;
  }
}

/** Makes a stand-in: silence, or black of the same size, so that the encoder need not start anew. */
export function standInFor(track: MediaStreamTrack): StandIn {
  // A disabled clone gives silence, in Chromium also black frames at the source's pace.
  if (track.kind === "audio" || hasEncodedStreams()) {
    const clone = track.clone();
    clone.enabled = false;
    return { track: clone, stop: () => clone.stop() };
  }
  return drawnBlack(track);
}

/** A tone too quiet to be heard. */
function hum(): StandIn {
  const context = new AudioContext();
  const out = context.createMediaStreamDestination();
  const [track] = out.stream.getAudioTracks();
  if (track === undefined) throw new E2eeError("Unsupported", "this browser cannot make a stand-in track");
  const level = new GainNode(context, { gain: HUM.gain });
  const tone = new OscillatorNode(context, { frequency: HUM.hertz });
  tone.connect(level).connect(out);
  tone.start();
  void context.resume().catch(() => undefined);
  return {
    track,
    stop: () => {
      track.stop();
      void context.close().catch(() => undefined);
    },
  };
}

/** Elsewhere a disabled video track gives no frame for seconds, so black is drawn. */
function drawnBlack(track: MediaStreamTrack): StandIn {
  const { width = 640, height = 360 } = track.getSettings();
  const canvas = document.createElement("canvas");
  canvas.width = width;
  canvas.height = height;
  const context = canvas.getContext("2d");
  let odd = false;
  const draw = (): void => {
    if (context === null) return;
    context.fillStyle = odd ? "#000" : "#010101";
    context.fillRect(0, 0, odd ? 2 : width, odd ? 2 : height);
    odd = !odd;
  };
  draw();
  const [drawn] = canvas.captureStream().getVideoTracks();
  if (drawn === undefined) throw new E2eeError("Unsupported", "this browser cannot make a stand-in track");
  const timer = setInterval(draw, DRAW_MS);
  return {
    track: drawn,
    stop: () => {
      clearInterval(timer);
      drawn.stop();
    },
  };
}
