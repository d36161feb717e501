import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { judge, table } from '../headless/judge.mjs';

const EXPECTED = { codec: 'vp8', suite: 'aes-128-gcm', participants: 2, seconds: 5, e2ee: true, svc: false };
const SERVER = { frames: 800, plaintextFrames: 0, compared: 790 };

function track(kind, direction, change = {}) {
  const codec = kind === 'video' ? 'VP8' : 'Opus';
  return { key: `${direction}/${kind}`, kind, direction, codec, lock: 'sealed', frames: 200, pictures: 200, good: 200, decoded: 199, failed: {}, p50: 40, p99: 300, width: 640, height: 360, lost: 0, skipped: 0, ...change };
}

/** A call of two in which all is well; `change` alters the video that Alice receives from Bruno. */
function pages(change = {}, eye = {}, sighting = {}) {
  const page = (me, other, video) => ({
    browser: 'chromium', problem: '',
    call: {
      page: { id: me, firstFrameMs: 420 },
      members: [
        { id: me, name: me, self: true, tracks: [track('audio', 'send'), track('video', 'send')] },
        { id: other, name: other, self: false, tracks: [track('audio', 'receive'), track('video', 'receive', video)] },
      ],
    },
    sightings: { [other]: { looks: 10, recognised: 10, moved: 10, ...sighting } },
    eye: { of: me, frames: 150, tried: 140, pictures: 0, recognised: 0, errors: 12, lastError: 'EncodingError', able: true, ...eye },
  });
  return [page('Alice', 'Bruno', change), page('Bruno', 'Alice', {})];
}

describe('the verdict on a headless call', () => {
  it('is ok when every stream opens and decodes and the SFU is blind', () => {
    const verdict = judge(EXPECTED, pages(), SERVER);
    assert.deepEqual(verdict.problems, []);
    assert.equal(verdict.ok, true);
    assert.deepEqual(Object.keys(verdict).slice(0, 5), ['ok', 'codec', 'participants', 'sfu', 'receivers']);
    assert.equal(verdict.receivers.length, 4);
    assert.equal(verdict.receivers[1].decoded_share, 0.995);
    assert.match(table(verdict), /\nok$/);
  });

  it('does not count repeats that browsers deliver as a loss', () => {
    assert.equal(judge(EXPECTED, pages({ frames: 220, failed: { replay: 20 } }), SERVER).ok, true);
  });

  it('counts pictures, not layers, with spatial layers', () => {
    const layers = { frames: 600, good: 600, decoded: 199 };
    assert.equal(judge({ ...EXPECTED, svc: true }, pages(layers), SERVER).ok, true);
    assert.match(judge({ ...EXPECTED, svc: true }, pages({ ...layers, pictures: 100, decoded: 100 }), SERVER).problems.join(), /600 frames made only 100 pictures/);
  });

  it('tells frames that the browser left out to catch up from frames that do not decode', () => {
    const verdict = judge(EXPECTED, pages({ decoded: 190, skipped: 9 }), SERVER);
    assert.deepEqual(verdict.problems, []);
    assert.equal(verdict.receivers[1].decoded_share, 0.95);
    assert.equal(verdict.receivers[1].frames_skipped, 9);
    assert.match(judge(EXPECTED, pages({ decoded: 160, skipped: 40 }), SERVER).problems.join(), /left out 40 of 200/);
    assert.match(judge(EXPECTED, pages({ decoded: 190, skipped: 9, lost: 1 }), SERVER).problems.join(), /190 of 200 frames were decoded/);
  });

  it('tells sound that came too late from sound that does not decode', () => {
    const heard = (/** @type {object} */ change) => {
      const all = pages();
      Object.assign(all[0].call.members[1].tracks[0], change);
      return judge(EXPECTED, all, SERVER).problems.join();
    };
    assert.equal(heard({ decoded: 180, skipped: 20 }), '');
    assert.match(heard({ decoded: 180 }), /audio: 180 of 200 frames were decoded/);
    assert.match(heard({ decoded: 160, skipped: 36 }), /audio: the browser left out 36 of 200/);
    assert.match(heard({ decoded: 160, skipped: 20, good: 190 }), /audio: 160 of 200 frames were decoded/);
  });

  it('looks at the group where keys come from one', () => {
    const group = { state: 'joined', code: '00001', epoch: 3, members: [{ id: 'Alice', heard: true }, { id: 'Bruno', heard: true }], outside: [] };
    const with_ = (/** @type {any[]} */ ...groups) => {
      const all = pages();
      all.forEach((page, at) => Object.assign(page.call, { group: groups[at] }));
      return judge({ ...EXPECTED, keys: 'session' }, all, SERVER);
    };
    const fine = with_(group, group);
    assert.deepEqual([fine.problems, fine.session], [[], { members: 2, epoch: 3, one_code: true }]);
    assert.match(table(fine), /group: 2 members, epoch 3, one code/);
    assert.match(with_(group, undefined).problems.join(), /Bruno: keys do not come from a group/);
    assert.match(with_(group, { ...group, code: '00002' }).problems.join(), /not one group: 00001 of epoch 3, 00002 of epoch 3/);
    assert.match(with_(group, { ...group, members: group.members.slice(1) }).problems.join(), /Bruno: 1 of 2 are in the group/);
    assert.match(with_(group, { ...group, members: [group.members[0], { id: 'Bruno', heard: false }] }).problems.join(), /somebody in the group is not heard/);
    assert.match(with_({ ...group, outside: ['x'] }, group).problems.join(), /Alice: 1 are in the call and not in the group/);
    assert.equal('session' in judge(EXPECTED, pages(), SERVER), false);
  });

  const wrong = {
    'a frame that did not open': [pages({ good: 199, failed: { 'wrong-key': 1 } }), SERVER, /199 of 200 frames opened/],
    'too few decoded frames': [pages({ decoded: 195 }), SERVER, /195 of 200 frames were decoded/],
    'a stream that never came': [pages({ frames: 0, good: 0, decoded: 0 }), SERVER, /no frame was received/],
    'a lock that is not closed': [pages({ lock: 'clear' }), SERVER, /the lock says clear/],
    'a sender that was stopped': [[...pages()].map((page) => {
      page.call.members[0].tracks[1].lock = 'clear';
      page.call.frameseal = { log: [{ what: 'the sender was stopped (browser 6, worker 0)' }] };
      return page;
    }), SERVER, /the sender's lock says clear \(the sender was stopped \(browser 6, worker 0\)\)/],
    'another codec than asked for': [[...pages()].map((page) => {
      page.call.members[0].tracks[1].codec = 'VP9';
      return page;
    }), SERVER, /sends VP9, not vp8/],
    'a picture that is not the sender’s': [pages({}, {}, { recognised: 3 }), SERVER, /in 3 of 10 looks/],
    'a frozen picture': [pages({}, {}, { moved: 1 }), SERVER, /in 10 of 10 looks/],
    'plaintext found by comparison': [pages(), { ...SERVER, plaintextFrames: 1 }, /1 frames by comparison/],
    'plaintext found by decoding': [pages({}, { pictures: 9, recognised: 2 }), SERVER, /4 pictures by decoding/],
    'a server that saw nothing': [pages(), { ...SERVER, frames: 0 }, /the SFU saw no frame/],
    'a comparison that compared nothing': [pages(), { ...SERVER, compared: 0 }, /its verdict says nothing/],
    'an attempt that tried nothing': [pages({}, { tried: 0 }), SERVER, /attempt says nothing/],
    'a page that told of a problem': [pages().map((page, at) => (at === 0 ? { ...page, problem: 'server-gone: ' } : page)), SERVER, /Alice: server-gone/],
    'a page outside the call': [pages().map((page, at) => (at === 0 ? { ...page, call: null } : page)), SERVER, /not in the call/],
  };
  for (const [name, [observed, server, words]] of Object.entries(wrong)) {
    it(`is not ok with ${name}`, () => {
      const verdict = judge(EXPECTED, observed, server);
      assert.equal(verdict.ok, false);
      assert.match(verdict.problems.join('\n'), words);
      assert.match(table(verdict), /\nNOT ok$/);
    });
  }

  it('finds the plaintext of a call without encryption', () => {
    const verdict = judge({ ...EXPECTED, e2ee: false }, pages({}, { pictures: 140, recognised: 138, errors: 0 }), { ...SERVER, plaintextFrames: 780 });
    assert.equal(verdict.ok, false);
    assert.deepEqual(Object.keys(verdict.sfu).slice(0, 2), ['frames', 'plaintext_frames']);
    assert.equal(verdict.sfu.plaintext_frames, 780);
    assert.equal(verdict.sfu.plaintext_by_comparison, 780);
    assert.equal(verdict.sfu.plaintext_by_decoding, 2 * 138);
    assert.match(table(verdict), /780 of them plaintext by comparison/);
  });
});
