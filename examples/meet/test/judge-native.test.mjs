import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { judge } from '../headless/judge.mjs';
import { judgeNative } from '../headless/judge-native.mjs';
import { hashName } from '../headless/recording.mjs';

const EXPECTED = { codec: 'vp8', suite: 'aes-128-gcm', participants: 1, seconds: 5, e2ee: true, svc: false };
const NAMES = { page: 'Alice', cam: 'Camera', rec: 'Recorder' };

/** A page, a publisher and a recorder, in which all is well. */
function call() {
  const members = Object.entries(NAMES).map(([id, name]) => ({ id, name, heard: true }));
  const member = (id) => ({ id, epoch: 4, code: '00001', members });
  const stream = (of, kind) => ({ of, kind, codec: kind === 'video' ? 'VP8' : 'OPUS', arrived: 200, opened: 200, written: 190, refused: { 'no-key': 0, repeated: 0, rejected: 0, other: 0 }, lockedOut: false, openedAfter: 0 });
  const streams = ['page', 'cam'].flatMap((of) => [stream(of, 'audio'), stream(of, 'video')]);
  const seen = (change) => [{ id: 'page', epoch: 4, code: '00001', members: ['page', 'cam', 'rec'], outside: [], decoded: 100, early: 0, ...change }];
  const publisher = { ...member('cam'), tracks: [{ kind: 'video', sealed: 200, dropped: 0 }, { kind: 'audio', sealed: 200, dropped: 0 }] };
  const out = { epoch: 5, code: '00002', members: ['page', 'cam'], outside: ['rec'] };
  return {
    native: {
      before: { publisher, recorder: { ...member('rec'), removed: false, streams }, pages: seen({}) },
      after: {
        recorder: { ...member('rec'), removed: true, streams: streams.map((one) => ({ ...one, refused: { ...one.refused, 'no-key': 30 }, lockedOut: true })) },
        pages: seen(out), later: seen({ ...out, decoded: 140 }),
      },
      publisher,
      files: ['page', 'cam'].map((of) => ({
        of, seconds: 9, errors: '', audio: { codec: 'opus', frames: 195 },
        video: { codec: 'vp8', frames: 195, width: 640, height: 360, looks: 18, senders: { [hashName(NAMES[of])]: 18 } },
      })),
    },
    server: { frames: 800, plaintextFrames: 0, compared: 700, streams: ['audio', 'video'].map((kind) => ({ id: 'cam', kind, frames: 200, compared: 190, plaintextFrames: 0 })) },
  };
}

/** The problems of a call that was changed. */
function problems(change) {
  const { native, server } = call();
  change(native, server);
  const found = [];
  judgeNative(EXPECTED, native, server, found);
  return found.join('; ');
}

describe('the verdict on native members', () => {
  it('is ok when they send, record and are removed', () => {
    const { native, server } = call();
    const found = [];
    const verdict = judgeNative(EXPECTED, native, server, found);
    assert.deepEqual(found, []);
    assert.equal(verdict.recorder.streams.length, 4);
    assert.deepEqual(verdict.removal, { epoch_before: 4, epoch_after: 5, streams_locked_out: 4, frames_refused: 120, frames_opened_after: 0 });
  });

  const wrong = {
    'a member that pages do not show': [(n) => n.before.pages[0].members.pop(), /page did not show rec as a member/],
    'another code': [(n) => (n.before.recorder.code = '00009'), /not of one epoch and code/],
    'a publisher’s frame in clear': [(n, s) => (s.streams[0].plaintextFrames = 1), /the SFU held 1 frames in clear/],
    'a publisher that told nothing': [(n, s) => (s.streams[1].compared = 0), /none of 200 frames at the SFU was compared/],
    'a stream that the SFU did not have': [(n, s) => s.streams.pop(), /1 of 2 streams of the publisher/],
    'nothing sealed': [(n) => (n.publisher.tracks[0].sealed = 0), /sealed no frame of video/],
    'a file that is missing': [(n) => n.files.pop(), /nothing of Camera was recorded/],
    'a file that does not decode': [(n) => (n.files[0].errors = 'Invalid data'), /the file of Alice: Invalid data/],
    'a file that is too short': [(n) => (n.files[0].seconds = 4), /has 4 s, and they talked for 5 s/],
    'a file without a length': [(n) => (n.files[0].seconds = Number.NaN), /has NaN s/],
    'somebody else’s picture': [(n) => (n.files[1].video.senders = { [hashName('Alice')]: 18 }), /file of Camera shows their picture in 0 of 18 looks/],
    'another codec': [(n) => (n.files[0].video.codec = 'h264'), /the file has h264, not vp8/],
    'frames that are not in the file': [(n) => (n.files[0].audio.frames = 100), /the file has 100 of 190 frames/],
    'a frame that did not open': [(n) => (n.before.recorder.streams[0].opened = 199), /199 of 200 frames opened/],
    'frames that were not written': [(n) => (n.before.recorder.streams[1].written = 100), /100 of 200 frames were written/],
    'a recorder that was not removed': [(n) => (n.after.recorder.removed = false), /does not know that it was removed/],
    'a sender whose keys the recorder has still': [(n) => (n.after.recorder.streams[2].lockedOut = false), /3 of 4 streams had keys that the recorder lacks/],
    'a frame that the recorder opened later': [(n) => (n.after.recorder.streams[2].openedAfter = 1), /opened 1 frames behind/],
    'a member that is still shown': [(n) => n.after.pages[0].members.push('rec'), /shows the removed recorder as a member/],
    'a connection that is not shown': [(n) => (n.after.pages[0].outside = []), /does not show that the recorder is still connected/],
    'no new epoch': [(n) => (n.after.pages[0].epoch = 4), /the removal began no epoch/],
    'a frame before its key while nobody was removed': [(n) => (n.before.pages[0].early = 1), /1 frames came before their key/],
    'a call that ended': [(n) => (n.after.later[0].decoded = 100), /the call did not go on/],
  };
  for (const [what, [change, words]] of Object.entries(wrong)) {
    it(`is not ok with ${what}`, () => assert.match(problems(change), words));
  }

  it('lets some frames come before their key when a member is removed at once, and only then', () => {
    const { native, server } = call();
    const track = (kind, direction, early = 0, waits = 0) => ({
      key: `${direction}/${kind}`, kind, direction, codec: kind === 'video' ? 'VP8' : 'Opus', lock: 'sealed', frames: 200, pictures: 200,
      good: 200 - early, decoded: 200 - early - waits, failed: { 'no-key': early }, p50: 40, p99: 300, width: 640, height: 360, lost: 0, skipped: 0,
    });
    const page = (early, waits) => ({
      browser: 'chromium', problem: '',
      call: {
        page: { id: 'page', firstFrameMs: 400 },
        members: [
          { id: 'page', name: 'Alice', self: true, tracks: [track('audio', 'send'), track('video', 'send')] },
          { id: 'cam', name: 'Camera', self: false, tracks: [track('audio', 'receive'), track('video', 'receive', early, waits)] },
        ],
      },
      sightings: { cam: { looks: 10, recognised: 10, moved: 10 } },
      eye: { of: 'cam', frames: 150, tried: 140, pictures: 0, recognised: 0, errors: 12, lastError: 'EncodingError', able: true },
    });
    const verdict = (early, natives, waits = 0) => judge(EXPECTED, [page(early, waits)], server, natives).problems.join();
    assert.equal(verdict(3, native), '');
    assert.match(verdict(26, native), /174 of 175 frames opened/);
    assert.equal(verdict(3, native, 30), '');
    assert.match(verdict(3, native, 40), /157 of 197 frames were decoded/);
    assert.match(verdict(0, native, 30), /170 of 200 frames were decoded/);
    assert.match(verdict(3, undefined), /197 of 200 frames opened/);
  });
});
