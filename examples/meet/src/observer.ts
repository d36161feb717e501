/**
 * What this page can say about its call, for a support desk and for the headless proof. With `?witness` it also looks
 * at the pictures: the test picture carries a code (marker.ts) by which a program recognises its sender.
 */

import type { App } from './app.js';
import type { EyeCounts } from './eye.js';
import { hashName, readMarker } from './marker.js';
import type { EyeVerdict } from './ui/eye.js';

export interface Sighting {
  readonly looks: number;
  readonly recognised: number;
  /** Distinct frame numbers seen: a frozen picture stays at 1. */
  readonly moved: number;
}

export interface Observation {
  readonly problem: string;
  readonly call: unknown;
  /** By member id: how often the picture on screen was this member's. */
  readonly sightings: Readonly<Record<string, Sighting>>;
  /** What a decoder made of the server's copy of a video. */
  readonly eye: (EyeCounts & { readonly of: string; readonly verdict: EyeVerdict; readonly recognised: number }) | null;
}

const LOOK_MS = 400;
/** Looks at the black of the beginning that are passed over. */
const BLACK_LOOKS = 10;

export class Observer {
  readonly #scratch = new OffscreenCanvas(16, 16);
  readonly #seen = new Map<string, { looks: number; recognised: number; black: number; frames: Set<number> }>();
  #eyeRecognised = 0;
  #eyeOf = '';

  constructor(private readonly app: App, witness: boolean) {
    if (!witness) return;
    setInterval(() => this.#look(), LOOK_MS);
    app.onEyePicture = (frame, of) => this.#eyePicture(frame, of);
  }

  async report(): Promise<Observation> {
    const eye = this.app.screen?.eyePane;
    return {
      problem: this.app.problem,
      call: (await this.app.call?.report()) ?? null,
      sightings: Object.fromEntries([...this.#seen].map(([id, { looks, recognised, frames }]) => [id, { looks, recognised, moved: frames.size }])),
      eye: eye === undefined ? null : { ...eye.counts, of: eye.of, verdict: eye.verdict, recognised: this.#eyeRecognised },
    };
  }

  #look(): void {
    for (const { id, name, video } of this.app.screen?.pictures() ?? []) {
      if (video.videoWidth === 0) continue;
      const seen = this.#seen.get(id) ?? { looks: 0, recognised: 0, black: 0, frames: new Set<number>() };
      this.#seen.set(id, seen);
      const marker = readMarker(video, video.videoWidth, video.videoHeight, this.#scratch);
      // A sender shows black until its transform was seen to work; black later on counts as a failed look.
      if (marker === 'black' && seen.recognised === 0 && seen.black < BLACK_LOOKS) {
        seen.black += 1;
        continue;
      }
      seen.looks += 1;
      if (marker === undefined || marker === 'black' || marker.sender !== hashName(name)) continue;
      seen.recognised += 1;
      seen.frames.add(marker.frame);
    }
  }

  #eyePicture(frame: VideoFrame, of: string): void {
    if (of !== this.#eyeOf) this.#eyeRecognised = 0;
    this.#eyeOf = of;
    const name = this.app.call?.view.members.find((member) => member.id === of)?.name ?? '';
    const marker = readMarker(frame, frame.displayWidth, frame.displayHeight, this.#scratch);
    if (marker !== undefined && marker !== 'black' && marker.sender === hashName(name)) this.#eyeRecognised += 1;
  }
}
