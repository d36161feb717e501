/** A participant on LiveKit's native SDK (npm `@livekit/rtc-node`): a tone and a moving picture out, what it decodes in. */
import {
  AudioFrame,
  AudioSource,
  AudioStream,
  EncryptionType,
  type KeyProvider,
  LocalAudioTrack,
  LocalVideoTrack,
  type RemoteParticipant,
  type RemoteTrack,
  type RemoteTrackPublication,
  Room,
  RoomEvent,
  TrackKind,
  TrackPublishOptions,
  TrackSource,
  VideoBufferType,
  VideoCodec,
  VideoFrame,
  VideoSource,
  VideoStream,
} from "@livekit/rtc-node";
import type { Received } from "./page.ts";

const CODECS = { vp8: VideoCodec.VP8, vp9: VideoCodec.VP9, h264: VideoCodec.H264 } as const;
const [WIDTH, HEIGHT, FPS] = [640, 360, 30];
export const GRID = 24;
const RATE = 48_000;
/** Ten milliseconds. */
const BLOCK = RATE / 100;
/** A sound is heard when it is louder than this; the tones of the browser come once a second. */
const LOUD = 500;
const AFTER_LOUD = 1.5 * RATE;

/** Brightness of a grid of points. */
function small(frame: VideoFrame): number[] {
  const { data, width, height } = frame.convert(VideoBufferType.RGBA);
  const at = (x: number, y: number): number => {
    const pixel = (Math.floor(y * height) * width + Math.floor(x * width)) * 4;
    return (data[pixel] ?? 0) + (data[pixel + 1] ?? 0) + (data[pixel + 2] ?? 0);
  };
  return Array.from({ length: GRID * GRID }, (_, n) => at(((n % GRID) + 0.5) / GRID, (Math.floor(n / GRID) + 0.5) / GRID));
}

/** How alike two pictures are: the correlation of their points, 1 for the same. */
export function likeness(a: readonly number[], b: readonly number[]): number {
  const middle = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
  const [x, y] = [middle(a), middle(b)];
  const product = (p: readonly number[], m: number, q: readonly number[], n: number): number =>
    p.reduce((sum, value, at) => sum + (value - m) * ((q[at] ?? 0) - n), 0);
  const spread = Math.sqrt(product(a, x, a, x) * product(b, y, b, y));
  return spread === 0 ? 0 : product(a, x, b, y) / spread;
}

/** See the top of this file. */
export class Native {
  readonly #room = new Room();
  readonly #counts = new Map<string, Received & { good: number; all: number }>();
  readonly #timers: ReturnType<typeof setInterval>[] = [];
  readonly #pictures = new Map<string, number[]>();

  constructor(readonly name: string) {}

  async join(url: string, token: string, passphrase: string, codec: keyof typeof CODECS | null): Promise<void> {
    this.#room.on(RoomEvent.TrackSubscribed, (track: RemoteTrack, _: RemoteTrackPublication, from: RemoteParticipant) => {
      void this.#count(track, from.identity);
    });
    const keyProviderOptions = { sharedKey: new TextEncoder().encode(passphrase) };
    await this.#room.connect(url, token, {
      autoSubscribe: true,
      dynacast: false,
      encryption: { keyProviderOptions, encryptionType: EncryptionType.GCM },
    });
    if (codec !== null) await this.#publish(codec);
  }

  /** Takes everything and gives nothing: what somebody with the server's own view, and a decoder, has. */
  async eavesdrop(url: string, token: string): Promise<void> {
    this.#room.on(RoomEvent.TrackSubscribed, (track: RemoteTrack, _: RemoteTrackPublication, from: RemoteParticipant) => {
      void this.#count(track, from.identity);
    });
    await this.#room.connect(url, token, { autoSubscribe: true, dynacast: false });
  }

  /** Steps the shared key. */
  ratchet(): void {
    // The types hide it, and there is no other way to it.
    const manager = this.#room.e2eeManager as unknown as { readonly keyProvider?: KeyProvider } | undefined;
    if (manager?.keyProvider === undefined) throw new Error("the native SDK has no key provider");
    manager.keyProvider.ratchetSharedKey(0);
  }

  /** The last picture of somebody's camera, made small and grey; `null` when none was decoded. */
  picture(from: string): number[] | null {
    return this.#pictures.get(from) ?? null;
  }

  /** As the browsers count it. */
  async received(): Promise<Received[]> {
    return [...this.#counts.values()].map((count) => ({ ...count }));
  }

  async errors(): Promise<string[]> {
    return [];
  }

  async leave(): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer);
    await this.#room.disconnect();
  }

  async #publish(codec: keyof typeof CODECS): Promise<void> {
    const me = this.#room.localParticipant;
    if (me === undefined) throw new Error("the native participant is not in the room");
    const [sound, picture] = [new AudioSource(RATE, 1), new VideoSource(WIDTH, HEIGHT)];
    const options = (source: TrackSource): TrackPublishOptions => new TrackPublishOptions({ source, simulcast: false, videoCodec: CODECS[codec] });
    await me.publishTrack(LocalAudioTrack.createAudioTrack("tone", sound), options(TrackSource.SOURCE_MICROPHONE));
    await me.publishTrack(LocalVideoTrack.createVideoTrack("picture", picture), options(TrackSource.SOURCE_CAMERA));
    let at = 0;
    this.#timers.push(
      setInterval(() => {
        // What time has passed, and not what the timer thinks.
        if (sound.queuedDuration > 200) return;
        for (let n = 0; n < 10; n++) {
          const tone = Int16Array.from({ length: BLOCK }, (_, sample) => 8000 * Math.sin(((at + sample) * 2 * Math.PI * 440) / RATE));
          at += BLOCK;
          void sound.captureFrame(new AudioFrame(tone, RATE, 1, BLOCK));
        }
      }, 50),
    );
    const pixels = new Uint8Array(WIDTH * HEIGHT * 4);
    let shown = 0;
    this.#timers.push(
      setInterval(() => {
        const edge = (++shown * 8) % WIDTH;
        const row = new Uint8Array(WIDTH * 4).fill(40).fill(220, 0, edge * 4);
        for (let line = 0; line < HEIGHT; line++) pixels.set(row, line * row.length);
        picture.captureFrame(new VideoFrame(pixels, WIDTH, HEIGHT, VideoBufferType.RGBA), BigInt(Math.round(performance.now() * 1000)));
      }, 1000 / FPS),
    );
  }

  async #count(track: RemoteTrack, from: string): Promise<void> {
    const video = track.kind === TrackKind.KIND_VIDEO;
    const count = { from, source: video ? "camera" : "microphone", codec: "", good: 0, all: 0 };
    this.#counts.set(`${from} ${count.source}`, count);
    if (video) {
      for await (const { frame } of new VideoStream(track)) {
        count.good = ++count.all;
        if (count.all % (FPS / 3) === 0) this.#pictures.set(from, small(frame));
      }
      return;
    }
    let quiet = Infinity;
    for await (const { data } of new AudioStream(track, RATE, 1)) {
      quiet = data.some((sample) => Math.abs(sample) > LOUD) ? 0 : quiet + data.length;
      count.all += data.length;
      if (quiet < AFTER_LOUD) count.good += data.length;
    }
  }
}
