/** What browsers have and TypeScript's library does not describe yet. */

declare class MediaStreamTrackGenerator extends MediaStreamTrack {
  constructor(options: { kind: 'video' | 'audio' });
  readonly writable: WritableStream<VideoFrame>;
}
