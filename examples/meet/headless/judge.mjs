/** From what pages and SFU observed to one verdict. Pure: no browser, no network; tested in test/judge.test.mjs. */

import { judgeNative } from './judge-native.mjs';

/** At least this part of the received frames must come out of the decoder. */
export const DECODED_AT_LEAST = 0.98;
/**
 * A browser that is late leaves out frames that it holds, to go on at a newer key frame (`framesDropped`; each joining
 * brings a key frame), and sound whose time has passed (`packetsDiscarded`). That is its choice and no fault of a frame,
 * so it is told apart; but at most this part, and half a second of one catching up.
 */
const SKIPPED_AT_MOST = 0.1;
const SKIPPED_SLACK_FRAMES = 15;
/** The picture on screen must be its sender's in at least this part of the looks. */
const RECOGNISED_AT_LEAST = 0.8;
/** Sound is counted in samples of 20 ms frames; the first ones, before it is played, are not. */
const AUDIO_SLACK_FRAMES = 12;
/**
 * A member that is removed is out at once: others seal with new keys before everybody has read that, and what comes
 * before its key is dropped. At most so many frames of a track: half a second of sound.
 */
const REMOVAL_FRAMES = 25;
/** And pictures that refer to one of these wait for the next key frame: at most a second of them. */
const RECOVERY_FRAMES = 30;
/** Of the mode that `--svc` asks for, L3T3_KEY. */
const SPATIAL_LAYERS = 3;

/**
 * @typedef {object} Track
 * @property {string} key
 * @property {string} kind
 * @property {'send' | 'receive'} direction
 * @property {string} codec
 * @property {string} lock
 * @property {number} frames
 * @property {number} pictures by the browser's count; with spatial layers several frames make one
 * @property {number} good
 * @property {number} decoded
 * @property {Record<string, number>} failed
 * @property {number} p50 microseconds
 * @property {number} p99
 * @property {number} width
 * @property {number} height
 * @property {number} lost packets that never came
 * @property {number} skipped frames that the browser left out before its decoder
 */
/** @typedef {{ id: string, name: string, self: boolean, tracks: Track[] }} Member */
/** @typedef {{ state: string, code: string, epoch: number, members: { id: string, heard: boolean }[], outside: string[] }} Group */
/** @typedef {{ of: string, frames: number, tried: number, pictures: number, recognised: number, errors: number, lastError: string, able: boolean }} Eye */
/**
 * @typedef {object} Observation
 * @property {string} browser
 * @property {string} problem
 * @property {{ page: { id: string, firstFrameMs: number }, members: Member[], group?: Group, frameseal?: { log: { what: string }[] } } | null} call
 * @property {Record<string, { looks: number, recognised: number, moved: number }>} sightings
 * @property {Eye | null} eye
 */
/** @typedef {{ frames: number, plaintextFrames: number, compared: number, streams?: { id?: string, kind?: string, frames: number, plaintextFrames: number, compared: number }[] }} ServerVerdict */
/**
 * @typedef {object} Expected
 * @property {string} codec
 * @property {string} suite
 * @property {number} participants
 * @property {number} seconds
 * @property {boolean} e2ee
 * @property {boolean} svc
 * @property {'session' | 'secret'} [keys] where keys come from: what the members agree on, or the link
 */

/**
 * @param {Expected} expected
 * @param {Observation[]} pages
 * @param {ServerVerdict} server
 * @param {import('./native.mjs').Native} [native] what native members say who were there too
 */
export function judge(expected, pages, server, native) {
  /** @type {string[]} */
  const problems = [];
  const receivers = pages.flatMap((page) => receiversOf(page, expected, native === undefined ? 0 : REMOVAL_FRAMES, problems));
  const senders = pages.flatMap((page) => sendersOf(page, expected, problems));
  const senderCount = expected.participants + (native === undefined ? 0 : 1);
  const wanted = expected.participants * (senderCount - 1) * 2;
  if (receivers.length !== wanted) problems.push(`${receivers.length} of ${wanted} streams were received`);

  const group = expected.e2ee && expected.keys === 'session' ? groupOf(pages, senderCount, problems) : undefined;
  const natives = native === undefined ? undefined : judgeNative(expected, native, server, problems);

  const eyes = pages.flatMap(({ eye }) => (eye === null ? [] : [eye]));
  const attempt = {
    frames: sum(eyes.map(({ frames }) => frames)),
    tried: sum(eyes.map(({ tried }) => tried)),
    pictures: sum(eyes.map(({ pictures }) => pictures)),
    recognised: sum(eyes.map(({ recognised }) => recognised)),
    errors: sum(eyes.map(({ errors }) => errors)),
    said: [...new Set(eyes.map(({ lastError }) => lastError).filter((words) => words !== ''))],
  };
  const plaintext = Math.max(server.plaintextFrames, attempt.recognised);
  if (plaintext > 0) problems.push(`the SFU held plaintext: ${server.plaintextFrames} frames by comparison, ${attempt.recognised} pictures by decoding`);
  if (server.frames === 0) problems.push('the SFU saw no frame');
  if (server.compared === 0) problems.push('no sender told the SFU what to compare with, so its verdict says nothing');
  if (attempt.tried === 0) problems.push('no frame of the SFU’s copy was given to a decoder, so that attempt says nothing');

  const costs = (/** @type {'send' | 'receive'} */ direction) => {
    const tracks = pages.flatMap(({ call }) => call?.members ?? []).flatMap(({ tracks: all }) => all).filter((track) => track.direction === direction && track.p50 > 0);
    const of = (/** @type {Track[]} */ some) => ({ p50: round(median(some.map(({ p50 }) => p50))), p99: round(Math.max(0, ...some.map(({ p99 }) => p99))) });
    return { audio: of(tracks.filter(({ kind }) => kind === 'audio')), video: of(tracks.filter(({ kind }) => kind === 'video')) };
  };
  const firsts = pages.map(({ call }) => call?.page.firstFrameMs ?? -1);
  return {
    ok: problems.length === 0,
    codec: expected.codec,
    participants: expected.participants,
    sfu: { frames: server.frames, plaintext_frames: plaintext, plaintext_by_comparison: server.plaintextFrames, plaintext_by_decoding: attempt.recognised, compared_frames: server.compared, decode_attempt: attempt },
    receivers,
    senders,
    cost_us: { seal: costs('send'), open: costs('receive') },
    join_to_first_frame_ms: { each: firsts, worst: Math.max(...firsts) },
    ...(group === undefined ? {} : { session: group }),
    ...(natives === undefined ? {} : { native: natives }),
    e2ee: expected.e2ee,
    suite: expected.suite,
    seconds: expected.seconds,
    problems,
  };
}

/**
 * Whether all pages are in one group: the same code, the same epoch, and everybody in it.
 * @param {Observation[]} pages
 * @param {number} members
 * @param {string[]} problems
 */
function groupOf(pages, members, problems) {
  const groups = pages.map((page) => page.call?.group);
  for (const [at, group] of groups.entries()) {
    const page = pages[at];
    const me = page === undefined ? '?' : nameOf(page);
    if (group === undefined) problems.push(`${me}: keys do not come from a group`);
    else {
      if (group.members.length !== members) problems.push(`${me}: ${group.members.length} of ${members} are in the group`);
      if (!group.members.every(({ heard }) => heard)) problems.push(`${me}: somebody in the group is not heard`);
      if (group.outside.length > 0) problems.push(`${me}: ${group.outside.length} are in the call and not in the group`);
    }
  }
  const codes = new Set(groups.map((group) => `${group?.code} of epoch ${group?.epoch}`));
  if (codes.size !== 1) problems.push(`not one group: ${[...codes].join(', ')}`);
  return { members: groups[0]?.members.length ?? 0, epoch: groups[0]?.epoch ?? 0, one_code: codes.size === 1 };
}

/**
 * @param {Observation} page
 * @param {Expected} expected
 * @param {number} before how many frames may come before their key
 * @param {string[]} problems
 */
function receiversOf(page, expected, before, problems) {
  const me = nameOf(page);
  if (page.problem !== '') problems.push(`${me}: ${page.problem}`);
  if (page.call === null) problems.push('a page is not in the call');
  else if (page.call.page.firstFrameMs < 0) problems.push(`${me}: no picture of anybody came`);
  return (page.call?.members ?? []).filter(({ self }) => !self).flatMap((member) => member.tracks.map((track) => {
    const repeated = track.failed['replay'] ?? 0;
    // Browsers deliver repeats of genuine frames; they are no loss when they are dropped.
    const early = Math.min(track.failed['no-key'] ?? 0, before);
    const received = track.frames - repeated - early;
    const seen = track.kind === 'video' ? page.sightings[member.id] : undefined;
    const where = `${me} from ${member.name}, ${track.kind}`;
    const slack = track.kind === 'audio' ? AUDIO_SLACK_FRAMES : early > 0 ? RECOVERY_FRAMES : 0;
    // One call of the transform for each spatial layer, one decoded picture for all of them.
    const layered = expected.svc && track.kind === 'video';
    const arrived = layered ? track.pictures : received;
    // Only where nothing was lost and all of it opened: else the gap is the reason.
    const whole = track.lost === 0 && (!expected.e2ee || track.good >= received);
    const skipped = whole ? track.skipped : 0;
    const decodable = arrived - skipped;
    const share = arrived === 0 ? 0 : track.decoded / arrived;
    if (received === 0) problems.push(`${where}: no frame was received`);
    else if (track.decoded + slack < decodable * DECODED_AT_LEAST) problems.push(`${where}: ${track.decoded} of ${decodable} frames were decoded (${track.lost} packets lost, ${track.skipped} frames skipped)`);
    if (skipped > arrived * SKIPPED_AT_MOST + SKIPPED_SLACK_FRAMES) problems.push(`${where}: the browser left out ${skipped} of ${arrived} frames`);
    if (layered && track.pictures * SPATIAL_LAYERS < received * DECODED_AT_LEAST) problems.push(`${where}: ${received} frames made only ${track.pictures} pictures`);
    if (expected.e2ee && track.good < received) problems.push(`${where}: ${track.good} of ${received} frames opened`);
    if (expected.e2ee && track.lock !== 'sealed') problems.push(`${where}: the lock says ${track.lock}`);
    if (track.kind === 'video' && (seen === undefined || seen.recognised < seen.looks * RECOGNISED_AT_LEAST || seen.moved < 3)) {
      problems.push(`${where}: the picture was the sender's in ${seen?.recognised ?? 0} of ${seen?.looks ?? 0} looks`);
    }
    return {
      receiver: me, browser: page.browser, from: member.name, kind: track.kind, codec: track.codec,
      received: track.frames, ...(layered ? { pictures: track.pictures } : {}), opened: expected.e2ee ? track.good : 0, decoded: track.decoded, decoded_share: round(share, 4),
      failed: track.failed, packets_lost: track.lost, frames_skipped: track.skipped, width: track.width, height: track.height, open_p50_us: round(track.p50), open_p99_us: round(track.p99),
      ...(seen === undefined ? {} : { picture_recognised: `${seen.recognised} of ${seen.looks}` }),
    };
  }));
}

/**
 * @param {Observation} page
 * @param {Expected} expected
 * @param {string[]} problems
 */
function sendersOf(page, expected, problems) {
  const me = page.call?.members.find(({ self }) => self);
  return (me?.tracks ?? []).map((track) => {
    const codec = track.codec.toLowerCase().replace('.', '');
    if (track.kind === 'video' && codec !== expected.codec) problems.push(`${me?.name}: sends ${track.codec}, not ${expected.codec}`);
    if (expected.e2ee && track.good < track.frames) problems.push(`${me?.name}, ${track.kind}: ${track.good} of ${track.frames} frames sealed`);
    if (expected.e2ee && track.lock !== 'sealed') problems.push(`${me?.name}, ${track.kind}: the sender's lock says ${track.lock}${stoppedBy(page)}`);
    return {
      sender: me?.name, browser: page.browser, kind: track.kind, codec: track.codec, frames: track.frames,
      sealed: expected.e2ee ? track.good : 0, width: track.width, height: track.height, seal_p50_us: round(track.p50), seal_p99_us: round(track.p99),
    };
  });
}

/**
 * Why the SDK stopped a sender, with its figures.
 * @param {Observation} page
 */
function stoppedBy(page) {
  const line = page.call?.frameseal?.log.findLast(({ what }) => what.includes('was stopped'));
  return line === undefined ? '' : ` (${line.what})`;
}

/** @param {Observation} page */
function nameOf(page) {
  return page.call?.members.find(({ self }) => self)?.name ?? '?';
}

/** @param {number[]} values */
function sum(values) {
  return values.reduce((total, value) => total + value, 0);
}

/** @param {number[]} values */
function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}

/**
 * @param {number} value
 * @param {number} [digits]
 */
function round(value, digits = 1) {
  return Number(value.toFixed(digits));
}

/**
 * The verdict as a table for people.
 * @param {ReturnType<typeof judge>} verdict
 */
export function table(verdict) {
  const rows = verdict.receivers.map((r) => [
    `${r.from} to ${r.receiver}`, r.kind, r.codec, String(r.received), verdict.e2ee ? String(r.opened) : '-', String(r.decoded),
    Object.entries(r.failed).map(([reason, count]) => `${reason} ${count}`).join(', ') || 'none',
  ]);
  const all = [['stream', 'kind', 'codec', 'received', 'opened', 'decoded', 'refused'], ...rows];
  const widths = all[0]?.map((_, column) => Math.max(...all.map((row) => row[column]?.length ?? 0))) ?? [];
  const lines = all.map((row) => row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ').trimEnd());
  const { seal, open } = verdict.cost_us;
  return [
    ...lines, '',
    `SFU: ${verdict.sfu.frames} frames, ${verdict.sfu.plaintext_by_comparison} of them plaintext by comparison with what the senders put in; its decoder made ${verdict.sfu.decode_attempt.pictures} pictures, ${verdict.sfu.decode_attempt.recognised} recognisable`,
    `seal p50/p99: sound ${seal.audio.p50}/${seal.audio.p99} µs, picture ${seal.video.p50}/${seal.video.p99} µs`,
    `open p50/p99: sound ${open.audio.p50}/${open.audio.p99} µs, picture ${open.video.p50}/${open.video.p99} µs`,
    ...(verdict.native === undefined ? [] : nativeLines(verdict.native)),
    ...('session' in verdict ? [`group: ${verdict.session?.members} members, epoch ${verdict.session?.epoch}, ${verdict.session?.one_code ? 'one code' : 'NOT one code'}`] : []),
    `join to first picture: ${verdict.join_to_first_frame_ms.each.map((ms) => `${ms} ms`).join(', ')}`,
    ...verdict.problems.map((problem) => `problem: ${problem}`),
    verdict.ok ? 'ok' : 'NOT ok',
  ].join('\n');
}

/** @param {ReturnType<typeof judgeNative>} native */
function nativeLines({ publisher, recorder, removal }) {
  return [
    ...publisher.tracks.map(({ kind, sealed, dropped }) => `native publisher, ${kind}: ${sealed} frames sealed, ${dropped} not sent`),
    ...recorder.streams.map(({ from, kind, opened, arrived, file }) => `native recorder from ${from}, ${kind}: ${opened} of ${arrived} frames opened; file: ${file.codec}, ${file.frames} frames, ${file.seconds} s`),
    `recorder removed: epoch ${removal.epoch_before} to ${removal.epoch_after}, ${removal.frames_refused} frames came that it has no key for, ${removal.frames_opened_after} opened`,
  ];
}
