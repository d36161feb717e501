import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { load } from './load.mjs';

describe('the room’s address', async () => {
  const { readAddress, invitation, newSecret } = await load('room.ts');
  it('makes a room on the first visit, and a secret of 192 bits where one is asked for', () => {
    const { room, secret, damaged, invited } = readAddress(new URL('http://127.0.0.1:8080/'));
    assert.match(room, /^[a-z]+-[a-z]+-\d\d$/);
    assert.deepEqual([secret, damaged, invited], ['', false, false]);
    assert.equal(Buffer.from(readAddress(new URL('http://127.0.0.1:8080/?keys=secret')).secret, 'base64url').length, 24);
  });
  it('reads the room from query or path and the secret from the fragment', () => {
    const secret = newSecret();
    assert.equal(readAddress(new URL(`http://h/?room=blue#k=${secret}`)).secret, secret);
    assert.equal(readAddress(new URL(`http://h/b%C3%A4r#k=${secret}`)).room, 'bär');
    assert.equal(readAddress(new URL('http://h/%')).room.length > 0, true);
  });
  it('calls a shortened secret damaged instead of using it', () => {
    assert.equal(readAddress(new URL('http://h/?room=blue#k=abc')).damaged, true);
  });
  it('hands out a link without name or options', () => {
    assert.equal(invitation(new URL('http://h/?room=blue&name=Eve'), 'blue', ''), 'http://h/?room=blue');
    assert.equal(invitation(new URL('http://h/?room=blue&name=Eve&e2ee=off#k=x'), 'blue', 'S'.repeat(32)), `http://h/?room=blue#k=${'S'.repeat(32)}`);
  });
});

describe('the eye’s messages', async () => {
  const { parseEyeFrame } = await load('eye.ts');
  it('are parsed as PROTOCOL.md has them', () => {
    const frame = parseEyeFrame(Uint8Array.of(1, 1, 4, 0, 1, 0, 2, 9, 8, 7).buffer);
    assert.deepEqual({ ...frame, bytes: [...frame.bytes] }, { key: true, codec: 'av1', timestamp: 65538, bytes: [9, 8, 7] });
  });
  it('are refused when short or of another version', () => {
    assert.equal(parseEyeFrame(new ArrayBuffer(6)), undefined);
    assert.equal(parseEyeFrame(Uint8Array.of(2, 1, 4, 0, 1, 0, 2, 9).buffer), undefined);
  });
});

describe('what the browser counts', async () => {
  const { browserCounts } = await load('measure.ts');
  const counted = async (entry) => {
    const stats = new Map([['in', { type: 'inbound-rtp', mid: '0', ...entry }]]);
    return (await browserCounts({ connectionState: 'connected', getStats: () => Promise.resolve(stats) })).get('0');
  };
  it('of sound are the frames that were decoded, however they were played', async () => {
    // As a busy machine said it: sound that came in bursts was played faster, and the gaps between were made up.
    const played = { totalSamplesReceived: 741 * 960, concealedSamples: 89_466, insertedSamplesForDeceleration: 2183, removedSamplesForAcceleration: 10_037 };
    const { frames, decoded, skipped } = await counted({ kind: 'audio', packetsReceived: 656, ...played });
    assert.deepEqual([frames, decoded, skipped], [656, 656, 0]);
    const late = await counted({ kind: 'audio', packetsReceived: 656, packetsDiscarded: 16, ...played, concealedSamples: 89_466 + 16 * 960 });
    assert.deepEqual([late.decoded, late.skipped], [640, 16]);
    assert.equal((await counted({ kind: 'audio', packetsReceived: 656, totalSamplesReceived: 960, concealedSamples: 960 })).decoded, 0);
  });
  it('of pictures are its own', async () => {
    const { frames, decoded, skipped } = await counted({ kind: 'video', framesReceived: 90, framesDecoded: 80, framesDropped: 10, packetsDiscarded: 3 });
    assert.deepEqual([frames, decoded, skipped], [90, 80, 10]);
  });
});

describe('the lock', async () => {
  const { trackView } = await load('measure.ts');
  const { worst } = await load('model.ts');
  const base = { key: 'k', kind: 'video', direction: 'receive', muted: false, encrypted: true, generation: 0 };
  const measured = (state) => ({ direction: 'receive', kind: 'video', mid: '0', member: 'x', state, seen: 10, passed: 9, dropped: { Rejected: 1 }, codec: 'video/VP8', p50: 1, p99: 2 });
  it('is closed by measured frames only', () => {
    assert.equal(trackView({ ...base, browser: undefined, measured: undefined }).lock, 'waiting');
    assert.equal(trackView({ ...base, browser: undefined, measured: measured('ok') }).lock, 'sealed');
  });
  it('says why it is open', () => {
    assert.deepEqual([trackView({ ...base, browser: undefined, measured: measured('wrong-key') })].map(({ lock, reason }) => [lock, reason]), [['broken', 'wrong-key']]);
    assert.equal(trackView({ ...base, browser: undefined, measured: measured('plaintext') }).lock, 'clear');
    assert.deepEqual(trackView({ ...base, browser: undefined, measured: measured('ok') }).failed, { 'wrong-key': 1 });
  });
  it('never closes without encryption', () => {
    const browser = { frames: 100, decoded: 100, codec: 'VP8', width: 1, height: 1 };
    assert.equal(trackView({ ...base, encrypted: false, browser, measured: undefined }).lock, 'clear');
    assert.equal(trackView({ ...base, encrypted: false, browser: { ...browser, decoded: 0 }, measured: undefined }).lock, 'broken');
  });
  it('of a participant is that of the worst track', () => {
    assert.equal(worst([{ lock: 'sealed' }, { lock: 'clear', reason: 'plaintext' }, { lock: 'broken' }]).lock, 'clear');
    assert.equal(worst([]).lock, 'waiting');
  });
});

describe('the French texts', async () => {
  const { setLanguage, t } = await load('i18n.ts').then((module) => {
    globalThis.document ??= { documentElement: {} };
    return module;
  });
  const { fr } = await load('i18n.fr.ts');
  it('have the same places to fill as the English ones', () => {
    setLanguage('en');
    for (const key of Object.keys(fr)) {
      const places = (words) => [...words.matchAll(/\{\w+\}/g)].map(([place]) => place).sort();
      assert.deepEqual(places(fr[key]), places(t(key)), key);
    }
  });
});
