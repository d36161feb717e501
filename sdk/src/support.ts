/** What this browser can do. Every function is safe to call on a server, where it says no. */

/** How a transform is attached. */
export type TransformPath = "script" | "streams";

interface Globals {
  readonly RTCRtpScriptTransform?: unknown;
  readonly RTCRtpSender?: { readonly prototype: object };
  readonly RTCPeerConnection?: unknown;
  readonly Worker?: unknown;
  readonly crypto?: { readonly subtle?: unknown };
}

/** The way this browser takes transforms: `RTCRtpScriptTransform` first, `createEncodedStreams` else, or none. */
export function transformPath(): TransformPath | null {
  const scope = globalThis as Globals;
  if (scope.RTCRtpSender === undefined) return null;
  if (scope.RTCRtpScriptTransform !== undefined && "transform" in scope.RTCRtpSender.prototype) return "script";
  return hasEncodedStreams() ? "streams" : null;
}

/**
 * True in Chromium: there transforms that come late are ignored unless the connection has the
 * `encodedInsertableStreams` flag (w3c/webrtc-encoded-transform#314).
 */
export function hasEncodedStreams(): boolean {
  const sender = (globalThis as Globals).RTCRtpSender;
  return sender !== undefined && "createEncodedStreams" in sender.prototype;
}

/**
 * Whether end-to-end encryption can work here: encoded transforms, workers and WebCrypto (a secure context).
 * `false` on a server.
 */
export function isSupported(): boolean {
  const scope = globalThis as Globals;
  return (
    scope.RTCPeerConnection !== undefined &&
    scope.Worker !== undefined &&
    scope.crypto?.subtle !== undefined &&
    transformPath() !== null
  );
}
