/** Which video codecs this browser can send, and in which order to name them to the peer connection. */

import { CODECS, type Codec } from './model.js';

const MIME: Record<Codec, string> = { vp8: 'video/vp8', vp9: 'video/vp9', av1: 'video/av1', h264: 'video/h264' };

/** The short name of a MIME type, or undefined for what is not one of the four. */
export function codecOf(mime: string): Codec | undefined {
  return CODECS.find((codec) => MIME[codec] === mime.toLowerCase());
}

export function sendable(): ReadonlySet<Codec> {
  const known = globalThis.RTCRtpSender?.getCapabilities('video')?.codecs ?? [];
  return new Set(known.map(({ mimeType }) => codecOf(mimeType)).filter((codec) => codec !== undefined));
}

/**
 * The preference list with `codec` first and the helpers (RTX and the like) kept; the other video codecs are
 * left out, so that what was chosen is what is sent. VP9 profile 0 and AV1 profile 0 only: the SFU asks for those. H.264 in fragments
 * only (packetization mode 1): a sealed frame is one large NAL unit, which mode 0 cannot carry.
 */
export function preferences(codec: Codec): RTCRtpCodec[] {
  const known = RTCRtpSender.getCapabilities('video')?.codecs ?? [];
  const wanted = known.filter(({ mimeType, sdpFmtpLine = '' }) =>
    codecOf(mimeType) === codec && (codec !== 'h264' || sdpFmtpLine.includes('packetization-mode=1')) && !/profile-id=[1-9]/.test(sdpFmtpLine) && !/(^|;)profile=[1-9]/.test(sdpFmtpLine));
  // Constrained baseline first: every H.264 decoder has it.
  if (codec === 'h264') wanted.sort((a, b) => rank(a.sdpFmtpLine) - rank(b.sdpFmtpLine));
  const helpers = known.filter(({ mimeType }) => codecOf(mimeType) === undefined && mimeType.toLowerCase() !== 'video/h265');
  return [...wanted, ...helpers];
}

function rank(fmtp = ''): number {
  return fmtp.includes('42e01f') ? 0 : 1;
}
