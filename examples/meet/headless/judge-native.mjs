/** The verdict on the native members of a headless call. Pure, as judge.mjs. */

import { hashName } from './recording.mjs';

/** At least this part of what the recorder received must be in the file, which begins with a key frame. */
const WRITTEN_AT_LEAST = 0.6;
/** Frames of a file that a demuxer may find more or fewer, at its ends. */
const FRAMES_SLACK = 3;
/** The recorded picture must be its sender's in at least this part of the looks. */
const RECOGNISED_AT_LEAST = 0.9;

/** @typedef {import('./native.mjs').Native} Native */

/**
 * @param {import('./judge.mjs').Expected} expected
 * @param {Native} native
 * @param {import('./judge.mjs').ServerVerdict} server
 * @param {string[]} problems
 */
export function judgeNative(expected, native, server, problems) {
  const { before, after, publisher } = native;
  const everybody = [before.publisher, before.recorder, ...before.pages];
  const ids = everybody.map(({ id }) => id);
  for (const { id, members, early } of before.pages) {
    if (early > 0) problems.push(`${id}: ${early} frames came before their key, and nobody was removed yet`);
    const missing = ids.filter((one) => !members.includes(one));
    if (missing.length > 0) problems.push(`before the removal ${id} did not show ${missing.join(', ')} as a member`);
  }
  if (new Set(everybody.map(({ epoch, code }) => `${epoch} ${code}`)).size !== 1) problems.push('native members and pages were not of one epoch and code');

  const streams = (server.streams ?? []).filter(({ id }) => id === publisher.id);
  for (const { kind, frames, compared, plaintextFrames } of streams) {
    if (compared === 0) problems.push(`the publisher’s ${kind}: none of ${frames} frames at the SFU was compared`);
    if (plaintextFrames > 0) problems.push(`the publisher’s ${kind}: the SFU held ${plaintextFrames} frames in clear`);
  }
  if (streams.length !== 2) problems.push(`the SFU had ${streams.length} of 2 streams of the publisher`);
  for (const { kind, sealed } of publisher.tracks) if (sealed === 0) problems.push(`the publisher sealed no frame of ${kind}`);

  return {
    publisher: { id: publisher.id, tracks: publisher.tracks, at_sfu: streams.map(({ kind, frames, compared, plaintextFrames }) => ({ kind, frames, compared, plaintext_frames: plaintextFrames })) },
    recorder: { id: before.recorder.id, streams: recordings(expected, native, problems) },
    removal: removal(expected, before, after, problems),
  };
}

/**
 * What the recorder received, and what is in its files.
 * @param {import('./judge.mjs').Expected} expected
 * @param {Native} native
 * @param {string[]} problems
 */
function recordings(expected, { before, files }, problems) {
  const senders = [...before.pages, before.publisher].map(({ id }) => id);
  const { streams, members } = before.recorder;
  return senders.flatMap((id) => {
    const name = members.find((one) => one.id === id)?.name ?? id;
    const file = files.find(({ of }) => of === id);
    if (file === undefined) {
      problems.push(`nothing of ${name} was recorded`);
      return [];
    }
    if (file.errors !== '') problems.push(`the file of ${name}: ${file.errors.slice(0, 200)}`);
    if (!(file.seconds >= expected.seconds)) problems.push(`the file of ${name} has ${file.seconds} s, and they talked for ${expected.seconds} s`);
    const { video } = file;
    const recognised = video?.senders[hashName(name)] ?? 0;
    if (video === null || recognised === 0 || recognised < video.looks * RECOGNISED_AT_LEAST) {
      problems.push(`the file of ${name} shows their picture in ${recognised} of ${video?.looks ?? 0} looks`);
    }
    return ['audio', 'video'].map((kind) => {
      const stream = streams.find((one) => one.of === id && one.kind === kind);
      const held = kind === 'video' ? video : file.audio;
      const wanted = kind === 'video' ? expected.codec : 'opus';
      const where = `the recorder from ${name}, ${kind}`;
      if (stream === undefined || stream.arrived === 0) problems.push(`${where}: no frame came`);
      else if (stream.opened < stream.arrived - (stream.refused['repeated'] ?? 0)) problems.push(`${where}: ${stream.opened} of ${stream.arrived} frames opened, ${JSON.stringify(stream.refused)}`);
      else if (stream.written < stream.opened * WRITTEN_AT_LEAST) problems.push(`${where}: ${stream.written} of ${stream.opened} frames were written`);
      if (held?.codec !== wanted) problems.push(`${where}: the file has ${held?.codec ?? 'nothing'}, not ${wanted}`);
      // Until the removal some more were written than the report before it says.
      if ((held?.frames ?? 0) < (stream?.written ?? 0) - FRAMES_SLACK) problems.push(`${where}: the file has ${held?.frames ?? 0} of ${stream?.written ?? 0} frames`);
      return {
        from: name, kind, codec: stream?.codec, arrived: stream?.arrived, opened: stream?.opened, written: stream?.written, refused: stream?.refused,
        file: { codec: held?.codec, frames: held?.frames, seconds: file.seconds, ...(kind === 'video' ? { width: video?.width, height: video?.height, picture_recognised: `${recognised} of ${video?.looks ?? 0}` } : {}) },
      };
    });
  });
}

/**
 * A page removed the recorder: it is out, everybody has other keys, and the call goes on.
 * @param {import('./judge.mjs').Expected} expected
 * @param {Native['before']} before
 * @param {Native['after']} after
 * @param {string[]} problems
 */
function removal(expected, before, after, problems) {
  const { id, streams, removed } = after.recorder;
  if (!removed) problems.push('the recorder does not know that it was removed');
  const wanted = (expected.participants + 1) * 2;
  const out = streams.filter(({ lockedOut }) => lockedOut).length;
  if (out !== wanted) problems.push(`after the removal ${out} of ${wanted} streams had keys that the recorder lacks`);
  const late = streams.reduce((total, { openedAfter }) => total + openedAfter, 0);
  if (late > 0) problems.push(`the recorder opened ${late} frames behind the first of a key that it lacks`);
  for (const [at, page] of after.pages.entries()) {
    const [earlier, later] = [before.pages[at], after.later[at]];
    if (page.members.includes(id)) problems.push(`${page.id} shows the removed recorder as a member`);
    if (!page.outside.includes(id)) problems.push(`${page.id} does not show that the recorder is still connected`);
    if (earlier === undefined || page.epoch <= earlier.epoch) problems.push(`${page.id}: the removal began no epoch`);
    if (later === undefined || later.decoded <= page.decoded) problems.push(`${page.id}: the call did not go on`);
  }
  const count = (/** @type {import('./native.mjs').Stream[]} */ all) => all.reduce((total, { refused }) => total + (refused['no-key'] ?? 0), 0);
  return {
    epoch_before: before.recorder.epoch, epoch_after: Math.max(...after.pages.map(({ epoch }) => epoch)),
    streams_locked_out: out, frames_refused: count(streams) - count(before.recorder.streams), frames_opened_after: late,
  };
}
