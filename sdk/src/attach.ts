/** Puts a transform on a sender or receiver. Nothing else knows which of the two browser interfaces is used. */
import { E2eeError } from "./errors.ts";
import type { TrackSetup, TransformOptions } from "./protocol.ts";
import type { TransformPath } from "./support.ts";
import type { WorkerClient } from "./client.ts";

/** A sender or receiver as browsers have them, the older interface included. */
type Transformable = (RTCRtpSender | RTCRtpReceiver) & {
  createEncodedStreams?(): { readonly readable: ReadableStream; readonly writable: WritableStream };
};

/**
 * Attaches, in this very task: Chromium ignores a script transform that is set in a later task than the one that
 * made the transceiver. Afterwards the `transform` property of this object is locked, as setting it to `null` would
 * send media in clear at once.
 */
export function attachTransform(
  client: WorkerClient,
  path: TransformPath,
  target: RTCRtpSender | RTCRtpReceiver,
  setup: TrackSetup,
): void {
  if (path === "script") {
    const options: TransformOptions = { frameseal: setup };
    target.transform = new RTCRtpScriptTransform(client.worker, options);
  } else {
    const streams = (target as Transformable).createEncodedStreams?.();
    if (streams === undefined) throw new E2eeError("Unsupported", "this browser has no encoded transforms");
    const { readable, writable } = streams;
    client.tell({ t: "streams", setup, readable, writable }, [readable, writable] as Transferable[]);
  }
  lockTransform(target);
}

function lockTransform(target: RTCRtpSender | RTCRtpReceiver): void {
  const attached = target.transform;
  Object.defineProperty(target, "transform", {
    configurable: true,
    enumerable: true,
    get: () => attached,
    set: () => {
      throw new E2eeError("NotAttached", "this track is end-to-end encrypted: its transform cannot be replaced");
    },
  });
}

/** Whether the browser still has the transform that was attached; what the object itself says is not asked. */
export function stillAttached(end: RTCRtpSender | RTCRtpReceiver): boolean {
  const native = Object.getOwnPropertyDescriptor(Object.getPrototypeOf(end), "transform")?.get;
  return native === undefined || native.call(end) === end.transform;
}
