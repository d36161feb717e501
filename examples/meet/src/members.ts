/** Who is in the call, and how each of their tracks fares: from signalling, connections and measured frames. */

import { trackView, type BrowserCounts } from './measure.js';
import { worst, type MemberView, type TrackKind, type TrackView } from './model.js';
import type { Publisher, Subscriber } from './peers.js';
import type { Measured, Sealing } from './sealing.js';
import type { Member } from './signalling.js';

export interface MembersInput {
  readonly id: string;
  readonly name: string;
  readonly encrypted: boolean;
  readonly measured: readonly Measured[];
  readonly sent: ReadonlyMap<string, BrowserCounts>;
  readonly received: ReadonlyMap<string, BrowserCounts>;
  readonly publisher: Publisher;
  readonly subscriber: Subscriber;
  readonly sealing: Sealing;
  readonly members: ReadonlyMap<string, Member>;
  readonly micOn: boolean;
  readonly cameraOn: boolean;
  readonly camera: MediaStreamTrack | null;
  readonly screen: MediaStreamTrack | null;
}

/** Oneself first, the others in the order in which they came. */
export function viewMembers(input: MembersInput): MemberView[] {
  return [viewSelf(input), ...[...input.members.values()].map((member) => viewOther(input, member))];
}

function viewSelf(input: MembersInput): MemberView {
  const { id, name, encrypted, publisher, sealing, micOn, cameraOn } = input;
  const tracks = publisher.kinds.map((kind) => {
    const mid = publisher.mid(kind);
    return trackView({
      key: `send/${kind}`, kind, direction: 'send', encrypted,
      muted: (kind === 'audio' && !micOn) || (kind === 'video' && !cameraOn),
      generation: sealing.keys(id)?.generation ?? -1,
      browser: mid === undefined ? undefined : input.sent.get(mid),
      measured: input.measured.find((one) => one.direction === 'send' && one.mid === mid),
    });
  });
  return {
    id, name, self: true, tracks, camera: cameraOn ? input.camera : null, screen: input.screen, sound: [],
    ...summary(tracks), fingerprint: sealing.keys(id)?.fingerprint ?? '', micOn, cameraOn,
  };
}

function viewOther(input: MembersInput, member: Member): MemberView {
  const { encrypted, sealing } = input;
  const received = input.subscriber.received.filter(({ of }) => of === member.id);
  const sealed = member.announcement !== '';
  const tracks = received.map(({ kind, mid }) => explained(sealed, encrypted, trackView({
    key: `receive/${kind}/${mid}`, kind, direction: 'receive', encrypted,
    muted: member.tracks.find((track) => track.kind === kind)?.muted ?? false,
    generation: sealing.keys(member.id)?.generation ?? -1,
    browser: input.received.get(mid),
    measured: input.measured.find((one) => one.direction === 'receive' && one.mid === mid && one.member === member.id),
  })));
  const track = (kind: TrackKind): MediaStreamTrack | null => received.find((one) => one.kind === kind)?.track ?? null;
  const published = (kind: TrackKind): Member['tracks'][number] | undefined => member.tracks.find((one) => one.kind === kind);
  const cameraOn = published('video')?.muted === false;
  return {
    id: member.id, name: member.name === '' ? member.id : member.name, self: false, tracks,
    camera: cameraOn ? track('video') : null,
    screen: published('screen') === undefined ? null : track('screen'),
    // A sound decoder makes noise of sealed frames: without the transform nobody should have to hear it.
    sound: sealed && !encrypted ? [] : received.filter(({ kind }) => kind === 'audio' || kind === 'screen-audio').map((one) => one.track),
    ...summary(tracks), fingerprint: sealing.keys(member.id)?.fingerprint ?? '',
    micOn: published('audio')?.muted === false, cameraOn,
  };
}

/** What frames cannot say by themselves: that nobody announced a key, or that this page has no transform to open them. */
function explained(sealed: boolean, encrypted: boolean, track: TrackView): TrackView {
  if (encrypted) return track.reason === 'no-key' && !sealed ? { ...track, reason: 'unannounced' } : track;
  return sealed && track.lock === 'clear' ? { ...track, lock: 'broken', reason: 'not-attached' } : track;
}

/** A muted or not yet heard sound track does not hold up the word on the rest. */
function summary(tracks: readonly TrackView[]): Pick<MemberView, 'lock' | 'reason'> {
  const telling = tracks.filter((track) => !(track.lock === 'waiting' && (track.muted || tracks.some((other) => other.lock !== 'waiting'))));
  return worst(telling);
}
