/** Sources and sinks of test media that need no device. */

/** A moving picture with a bright field, so that black can be told from it. */
export function picture(width = 640, height = 360, fps = 30): MediaStreamTrack {
  const canvas = document.createElement("canvas");
  canvas.width = width;
  canvas.height = height;
  const context = canvas.getContext("2d");
  if (context === null) throw new Error("no 2d context");
  let n = 0;
  const draw = (): void => {
    n++;
    context.fillStyle = `hsl(${(n * 3) % 360} 80% 60%)`;
    context.fillRect(0, 0, width, height);
    context.fillStyle = "#fff";
    context.fillRect((n * 7) % width, (n * 5) % height, width / 5, height / 5);
    for (let k = 0; k < 40; k++) {
      context.fillStyle = `hsl(${(k * 37 + n) % 360} 90% 50%)`;
      context.fillRect((k * 53 + n * 3) % width, (k * 97) % height, 12, 12);
    }
  };
  draw();
  setInterval(draw, 1000 / fps);
  const [track] = canvas.captureStream(fps).getVideoTracks();
  if (track === undefined) throw new Error("no video track");
  return track;
}

let audio: AudioContext | null = null;

/** A tone. */
export function tone(frequency = 440): MediaStreamTrack {
  audio ??= new AudioContext();
  void audio.resume();
  const oscillator = audio.createOscillator();
  oscillator.frequency.value = frequency;
  const out = audio.createMediaStreamDestination();
  oscillator.connect(out);
  oscillator.start();
  const [track] = out.stream.getAudioTracks();
  if (track === undefined) throw new Error("no audio track");
  return track;
}

/** A microphone that hears nothing. */
export function silence(): MediaStreamTrack {
  audio ??= new AudioContext();
  void audio.resume();
  const [track] = audio.createMediaStreamDestination().stream.getAudioTracks();
  if (track === undefined) throw new Error("no audio track");
  return track;
}

/** The microphone and camera, which the browsers fake. */
export async function camera(): Promise<MediaStream> {
  return navigator.mediaDevices.getUserMedia({ audio: true, video: { width: 640, height: 360 } });
}

/** Plays a track, so that the browser decodes it; gives how bright its newest picture is, 0 to 765. */
export class Sink {
  readonly #video = document.createElement("video");

  constructor(track: MediaStreamTrack) {
    this.#video.muted = true;
    this.#video.autoplay = true;
    this.#video.playsInline = true;
    this.#video.srcObject = new MediaStream([track]);
    document.body.append(this.#video);
    void this.#video.play().catch(() => undefined);
  }

  brightness(): number {
    const canvas = document.createElement("canvas");
    canvas.width = canvas.height = 16;
    const context = canvas.getContext("2d");
    if (context === null || this.#video.videoWidth === 0) return -1;
    context.drawImage(this.#video, 0, 0, 16, 16);
    const { data } = context.getImageData(0, 0, 16, 16);
    let sum = 0;
    for (let n = 0; n < data.length; n += 4) sum += (data[n] ?? 0) + (data[n + 1] ?? 0) + (data[n + 2] ?? 0);
    return Math.round(sum / 256);
  }
}

export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** How often a stopwatch looks, and from when on the time between two looks is none that the page had. */
const LOOK_MS = 10;
const HELD_MS = 100;

/**
 * Milliseconds since this was called in which the page ran: a machine that stands still now and then, as shared ones
 * do, holds up the library and the clock of a test alike.
 */
export function stopwatch(): () => number {
  let last = performance.now();
  let ran = 0;
  const look = (): void => {
    const now = performance.now();
    ran += now - last > HELD_MS ? LOOK_MS : now - last;
    last = now;
  };
  const timer = setInterval(look, LOOK_MS);
  return () => {
    clearInterval(timer);
    look();
    return ran;
  };
}

/** Waits until `test` gives something true, at most `ms`. */
export async function until<T>(test: () => T | Promise<T>, ms: number, what: string): Promise<T> {
  const end = performance.now() + ms;
  for (;;) {
    const value = await test();
    if (value) return value;
    if (performance.now() > end) throw new Error(`not within ${ms} ms: ${what}`);
    await sleep(20);
  }
}
