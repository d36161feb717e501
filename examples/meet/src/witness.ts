/**
 * A program's eyes for the test picture: counts how often a video element shows the picture that its sender drew.
 * Runs only on request (`?witness`): a person needs none of this.
 */

import { hashName, readMarker } from './marker.js';

export interface Sighting {
  readonly looks: number;
  readonly recognised: number;
  /** Distinct frame numbers seen: a frozen picture stays at 1. */
  readonly moved: number;
}

const LOOK_MS = 400;

export class Witness {
  readonly #scratch = new OffscreenCanvas(16, 16);
  readonly #seen = new Map<string, { looks: number; recognised: number; frames: Set<number> }>();
  readonly #timer: ReturnType<typeof setInterval>;
  #eyePictures = 0;
  #eyeRecognised = 0;

  /** `pictures` lists the elements to look at, each with the member it shows. */
  constructor(private readonly pictures: () => readonly { id: string; name: string; video: HTMLVideoElement }[]) {
    this.#timer = setInterval(() => this.#look(), LOOK_MS);
  }

  /** One picture that the decoder at the server's eye made; `name` is whose video that should be. */
  eyePicture(frame: VideoFrame, name: string): void {
    this.#eyePictures += 1;
    const marker = readMarker(frame, frame.displayWidth, frame.displayHeight, this.#scratch);
    if (marker !== undefined && marker.sender === hashName(name)) this.#eyeRecognised += 1;
  }

  get eye(): { pictures: number; recognised: number } {
    return { pictures: this.#eyePictures, recognised: this.#eyeRecognised };
  }

  sighting(id: string): Sighting {
    const seen = this.#seen.get(id);
    return { looks: seen?.looks ?? 0, recognised: seen?.recognised ?? 0, moved: seen?.frames.size ?? 0 };
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #look(): void {
    for (const { id, name, video } of this.pictures()) {
      if (video.videoWidth === 0) continue;
      const seen = this.#seen.get(id) ?? { looks: 0, recognised: 0, frames: new Set<number>() };
      this.#seen.set(id, seen);
      seen.looks += 1;
      const marker = readMarker(video, video.videoWidth, video.videoHeight, this.#scratch);
      if (marker === undefined || marker.sender !== hashName(name)) continue;
      seen.recognised += 1;
      seen.frames.add(marker.frame);
    }
  }
}
