/**
 * Codec rules: which bytes of a frame must stay clear is a property of its codec. The rules themselves live in the
 * core; here a media type finds its rule.
 */

/** Numbers of the codec rules, as they stand (authenticated) in every sealed frame. 0 is no rule: drop. */
export const RULE = { none: 0, opaque: 1, vp8: 2, av1: 3, h264: 4, h265: 5 } as const;

const BY_MIME: Readonly<Record<string, number>> = {
  "audio/opus": RULE.opaque,
  "audio/red": RULE.opaque,
  "audio/multiopus": RULE.opaque,
  "audio/pcmu": RULE.opaque,
  "audio/pcma": RULE.opaque,
  "audio/g722": RULE.opaque,
  "audio/l16": RULE.opaque,
  "video/vp8": RULE.vp8,
  "video/vp9": RULE.opaque,
  "video/av1": RULE.av1,
  "video/h264": RULE.h264,
  "video/h265": RULE.h265,
};

/** The rule for a media type, without regard to case and parameters; {@link RULE}`.none` when there is none. */
export function ruleOfMime(mime: string): number {
  const end = mime.indexOf(";");
  return BY_MIME[(end < 0 ? mime : mime.slice(0, end)).trim().toLowerCase()] ?? RULE.none;
}

/** What a frame's metadata says about its codec. */
export interface CodecMetadata {
  readonly mimeType?: string | undefined;
  readonly payloadType?: number | undefined;
}

/** A frame, as far as its codec goes. */
export interface CodecFrame {
  /** `key` or `delta`; audio has none. */
  readonly type?: string | undefined;
  getMetadata(): CodecMetadata;
}

/**
 * Finds the rule of each frame of one track: by the frame's media type, else its payload type in the negotiated
 * list. The last answer is kept, as codecs change rarely.
 */
export class CodecFinder {
  /** The media type of the last frame, for reports. */
  mime: string | null = null;
  #rule: number = RULE.none;
  #payloadType = -1;
  #negotiated: Readonly<Record<number, string>> = {};

  /** The codecs negotiated for this track: payload type to media type. */
  negotiated(mimeTypes: Readonly<Record<number, string>>): void {
    this.#negotiated = mimeTypes;
    this.#payloadType = -1;
    this.#rule = RULE.none;
    this.mime = null;
  }

  /** Key frames were of more than one codec. */
  #mixed = false;

  /**
   * The rule for a frame. Metadata costs more to get than a small frame to seal, and every change of codec begins with
   * a key frame: so as long as all of those were of one codec, other frames are.
   */
  rule(frame: CodecFrame): number {
    if (frame.type === "delta" && this.#rule !== RULE.none && !this.#mixed) return this.#rule;
    const before = this.#rule;
    const rule = this.#ruleOf(frame.getMetadata());
    if (before !== RULE.none && rule !== before) this.#mixed = true;
    return rule;
  }

  /** A frame did not open: ask its metadata from now on, for a key frame with the change may have been lost. */
  doubt(): void {
    this.#mixed = true;
  }

  #ruleOf(metadata: CodecMetadata): number {
    const mime = metadata.mimeType;
    if (mime !== undefined && mime !== "") return mime === this.mime ? this.#rule : this.#remember(mime);
    const payloadType = metadata.payloadType ?? -1;
    if (payloadType >= 0 && payloadType === this.#payloadType) return this.#rule;
    const known = this.#negotiated[payloadType] ?? this.#onlyCodec();
    if (known === undefined) return RULE.none;
    this.#payloadType = payloadType;
    return this.#remember(known);
  }

  /** When only one media codec was negotiated, there is nothing to choose. */
  #onlyCodec(): string | undefined {
    const all = new Set(Object.values(this.#negotiated).filter((mime) => ruleOfMime(mime) !== RULE.none));
    return all.size === 1 ? [...all][0] : undefined;
  }

  #remember(mime: string): number {
    this.mime = mime;
    this.#rule = ruleOfMime(mime);
    return this.#rule;
  }
}
