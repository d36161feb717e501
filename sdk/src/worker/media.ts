/** The frame loop: one pipe per direction of a track, all of them in one worker. */

/** What a pipe runs through; an exception ends the pipe. */
export interface Processor<F> {
  /** `true`: hand the frame on. */
  process(frame: F): boolean | Promise<boolean>;
}

/**
 * Moves frames from `readable` through `track` to `writable` until either ends. Frames of a track keep their order;
 * a frame that fails is left out, and nothing that a frame holds can end the pipe.
 *
 * A reader and a writer by hand, not `pipeThrough`: a TransformStream in between costs more per frame than the
 * cipher of an audio frame.
 */
export async function pump<F>(
  track: Processor<F>,
  readable: ReadableStream<F>,
  writable: WritableStream<F>,
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
