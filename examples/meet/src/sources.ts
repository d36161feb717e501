/** Where a participant's own picture and sound come from: a camera, a test picture with a soft tone, or the screen. */

import { CallError, type Problem } from './model.js';
import { drawScene, hueOf, type Scene } from './scene.js';
import type { SceneOrder } from './scene.worker.js';

export interface Source {
  readonly kind: 'camera' | 'synthetic';
  /** The track now in use; a camera that was paused gives a new one. */
  readonly video: MediaStreamTrack | null;
  readonly audio: MediaStreamTrack | null;
  /** Set when the wanted source could not be had and this one stands in. */
  readonly problem?: Problem;
  /** Lets go of the camera; its light goes out. */
  pauseVideo(): void;
  resumeVideo(): Promise<void>;
  stop(): void;
}

export interface SourceSize {
  readonly width: number;
  readonly height: number;
  readonly fps: number;
}

/** Opens the wanted source; a camera that cannot be had is replaced by the test picture, with the reason. */
export async function openSource(kind: 'camera' | 'synthetic', name: string, size: SourceSize): Promise<Source> {
  if (kind === 'synthetic') return synthetic(name, size);
  try {
    return await camera(size);
  } catch (error) {
    return synthetic(name, size, cameraProblem(error));
  }
}

async function camera({ width, height, fps }: SourceSize): Promise<Source> {
  // `mediaDevices` is absent outside secure contexts, whatever the type says.
  const devices = navigator.mediaDevices as MediaDevices | undefined;
  if (devices === undefined) throw new CallError('insecure-page');
  const videoWish = { width: { ideal: width }, height: { ideal: height }, frameRate: { ideal: fps } };
  const stream = await devices.getUserMedia({
    video: videoWish,
    audio: { echoCancellation: true, noiseSuppression: true },
  });
  let video = stream.getVideoTracks()[0] ?? null;
  return {
    kind: 'camera',
    get video() {
      return video;
    },
    audio: stream.getAudioTracks()[0] ?? null,
    pauseVideo: () => video?.stop(),
    resumeVideo: async () => {
      const again = await devices.getUserMedia({ video: videoWish });
      video = again.getVideoTracks()[0] ?? null;
    },
    stop: () => {
      stopAll(stream);
      video?.stop();
    },
  };
}

function cameraProblem(error: unknown): Problem {
  if (error instanceof CallError) return error.problem;
  const name = error instanceof DOMException ? error.name : '';
  if (name === 'NotAllowedError' || name === 'SecurityError') return 'camera-denied';
  if (name === 'NotReadableError' || name === 'AbortError') return 'camera-busy';
  return 'no-camera';
}

function synthetic(name: string, size: SourceSize, problem?: Problem): Source {
  const picture = testPicture({ name, width: size.width, height: size.height }, size.fps);
  const sound = testTone(name);
  return {
    kind: 'synthetic',
    video: picture.track,
    audio: sound.track,
    ...(problem === undefined ? {} : { problem }),
    pauseVideo: () => undefined,
    resumeVideo: async () => undefined,
    stop: () => {
      picture.stop();
      sound.stop();
    },
  };
}

interface Part {
  readonly track: MediaStreamTrack;
  stop(): void;
}

/** A moving picture. In a worker where the browser can feed a track from there; else on a canvas in the page. */
function testPicture(scene: Scene, fps: number): Part {
  if ('MediaStreamTrackGenerator' in globalThis) {
    const track = new MediaStreamTrackGenerator({ kind: 'video' });
    const worker = new Worker(new URL('./scene.worker.js', import.meta.url), { type: 'module', name: 'test picture' });
    const order: SceneOrder = { scene, fps, writable: track.writable };
    worker.postMessage(order, [track.writable]);
    return {
      track,
      stop: () => {
        track.stop();
        worker.terminate();
      },
    };
  }
  const canvas = document.createElement('canvas');
  canvas.width = scene.width;
  canvas.height = scene.height;
  const ctx = canvas.getContext('2d', { alpha: false });
  if (ctx === null) throw new CallError('no-camera');
  let frame = 0;
  const draw = (): void => {
    drawScene(ctx, scene, frame, new Date());
    frame += 1;
  };
  draw();
  const timer = setInterval(draw, 1000 / fps);
  const track = canvas.captureStream(fps).getVideoTracks()[0];
  if (track === undefined) throw new CallError('no-camera');
  return {
    track,
    stop: () => {
      clearInterval(timer);
      track.stop();
    },
  };
}

/** A quiet chord that swells every four seconds: enough to hear that sound works, not enough to annoy. */
function testTone(name: string): Part {
  const audio = new AudioContext();
  const out = audio.createMediaStreamDestination();
  const swell = audio.createGain();
  swell.gain.value = 0.02;
  const breath = audio.createOscillator();
  const depth = audio.createGain();
  breath.frequency.value = 0.25;
  depth.gain.value = 0.016;
  breath.connect(depth).connect(swell.gain);
  swell.connect(out);
  const root = 196 * 2 ** (Math.floor(hueOf(name) / 10) % 12 / 12);
  const voices = [root, root * 1.5, root * 2].map((frequency) => {
    const voice = audio.createOscillator();
    voice.frequency.value = frequency;
    voice.connect(swell);
    return voice;
  });
  for (const oscillator of [breath, ...voices]) oscillator.start();
  // Without a click the context starts suspended; the track then carries silence until it may run.
  const wake = (): void => void audio.resume();
  document.addEventListener('pointerdown', wake, { once: true });
  document.addEventListener('keydown', wake, { once: true });
  void audio.resume();
  const track = out.stream.getAudioTracks()[0];
  if (track === undefined) throw new CallError('no-camera');
  return {
    track,
    stop: () => {
      document.removeEventListener('pointerdown', wake);
      document.removeEventListener('keydown', wake);
      track.stop();
      void audio.close();
    },
  };
}

/** Asks for a screen or window; its sound too where the browser offers it. */
export async function openScreen(): Promise<{ video: MediaStreamTrack; audio: MediaStreamTrack | null; stop(): void }> {
  try {
    const stream = await navigator.mediaDevices.getDisplayMedia({ video: { frameRate: { max: 30 } }, audio: true });
    const video = stream.getVideoTracks()[0];
    if (video === undefined) throw new CallError('share-denied');
    video.contentHint = 'detail';
    return { video, audio: stream.getAudioTracks()[0] ?? null, stop: () => stopAll(stream) };
  } catch {
    throw new CallError('share-denied');
  }
}

function stopAll(stream: MediaStream): void {
  for (const track of stream.getTracks()) track.stop();
}
