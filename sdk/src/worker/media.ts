/** The frame loop: one pipe per direction of a track, all of them in one worker. */
import type { Track } from "./track.ts";
import type { EncodedFrame } from "./engine.ts";

/**
 * Moves frames from `readable` through `track` to `writable` until either ends. Frames of a track keep their order;
 * a frame that fails is left out, and nothing that a frame holds can end the pipe.
 *
 * A reader and a writer by hand, not `pipeThrough`: a TransformStream in between costs more per frame than the
 * cipher of an audio frame.
 */
export async function pump(
  track: Track,
  readable: ReadableStream<EncodedFrame>,
  writable: WritableStream<EncodedFrame>,
): Promise<void> {
  const reader = readable.getReader();
  const writer = writable.getWriter();
  writer.closed.catch(ignore);
  try {
    for (;;) {
      const next = await reader.read();
      if (next.done) break;
      const verdict = track.process(next.value);
      if (typeof verdict === "boolean" ? verdict : await verdict) writer.write(next.value).catch(ignore);
    }
  } catch {
    // The browser ended the pipe (transceiver stopped, connection closed).
  } finally {
    reader.cancel().catch(ignore);
    writer.close().catch(ignore);
  }
}

function ignore(): void {
  // The stream's end is seen by the read loop.
}
