/** Plays the others' sound. Browsers hold it back until somebody clicked; then the page says so. */

export class Sound {
  readonly #playing = new Map<MediaStreamTrack, HTMLAudioElement>();
  #held = false;

  constructor(private readonly onHeld: (release: () => void) => void) {}

  /** Plays exactly these tracks. */
  play(tracks: readonly MediaStreamTrack[]): void {
    const wanted = new Set(tracks);
    for (const [track, element] of this.#playing) {
      if (wanted.has(track)) continue;
      element.srcObject = null;
      this.#playing.delete(track);
    }
    for (const track of wanted) {
      if (this.#playing.has(track)) continue;
      const element = new Audio();
      element.srcObject = new MediaStream([track]);
      this.#playing.set(track, element);
      this.#start(element);
    }
  }

  close(): void {
    this.play([]);
  }

  #start(element: HTMLAudioElement): void {
    element.play().catch((error: unknown) => {
      if (!(error instanceof DOMException) || error.name !== 'NotAllowedError' || this.#held) return;
      this.#held = true;
      this.onHeld(() => {
        this.#held = false;
        for (const waiting of this.#playing.values()) void waiting.play();
      });
    });
  }
}
