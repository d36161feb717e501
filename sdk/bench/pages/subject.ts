/** What is measured: one or the other cryptor, driven alike. */
import type { Frame } from "./frames.ts";

/**
 * The function that the frame loop calls for each frame of one direction of one track; `frame.data` is replaced.
 * A frame that fails keeps its data, which is checked outside the measured time.
 */
export type Process = (frame: Frame) => boolean | Promise<unknown>;

/** A cryptor with its keys set. */
export interface Subject {
  readonly name: string;
  /** Sender and receiver of a new track. */
  pair(kind: "audio" | "video"): Promise<{ seal: Process; open: Process }>;
  /**
   * Sets the whole loop of a new sending track up as for `RTCRtpScriptTransform`: frames are read from `readable`,
   * and come out at `writable`.
   */
  pipe(kind: "audio" | "video", readable: ReadableStream<Frame>, writable: WritableStream<Frame>): Promise<void>;
  /** The same for a new receiving track; `seal` is its sender. */
  receiving?(kind: "audio" | "video"): Promise<{ seal: Process; pipe(readable: ReadableStream<Frame>, writable: WritableStream<Frame>): void }>;
}
