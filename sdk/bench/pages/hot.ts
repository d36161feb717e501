/** The hot loop's messages, and the page's side of it. */

/** What to measure. */
export interface HotOrder {
  readonly sizes: readonly number[];
  readonly rounds: number;
  /** Ours in its own format, in LiveKit's, or in Jitsi's, which is measured against WebCrypto in the same layout. */
  readonly format: "frameseal" | "livekit" | "jitsi";
  /** Where livekit-client's worker is served. */
  readonly livekit: string;
}

/** Microseconds a frame, one value for each round. */
export interface Samples {
  readonly seal: number[];
  readonly open: number[];
  readonly burstSeal: number[];
  readonly burstOpen: number[];
  /** The whole loop of a sending track, streams included. */
  readonly loop: number[];
  /** That of a receiving one; for Jitsi's format. */
  readonly openLoop: number[];
}

export interface SizeResult {
  readonly bytes: number;
  readonly kind: "audio" | "video";
  /** Frames of one round, by subject. */
  readonly frames: readonly number[];
  readonly subjects: readonly { readonly name: string; readonly samples: Samples }[];
}

export type HotResult =
  | { readonly size: SizeResult }
  | { readonly end: true }
  | { readonly error: string };

/** Runs the hot loop in its worker; `progress` is called after each size. */
export function hot(order: HotOrder, progress: (done: SizeResult) => void): Promise<SizeResult[]> {
  const worker = new Worker("/bench/hot-worker.js", { type: "module" });
  const sizes: SizeResult[] = [];
  return new Promise<SizeResult[]>((resolve, reject) => {
    worker.onerror = (event) => reject(new Error(`the bench worker failed: ${event.message}`));
    worker.onmessage = ({ data }: MessageEvent<HotResult>) => {
      if ("error" in data) reject(new Error(data.error));
      else if ("end" in data) resolve(sizes);
      else {
        sizes.push(data.size);
        progress(data.size);
      }
    };
    worker.postMessage(order);
  }).finally(() => worker.terminate());
}
