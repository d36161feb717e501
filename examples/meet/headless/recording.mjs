/** What a recorded file holds, by ffprobe and ffmpeg, which decode all of it; and whose picture it shows. */

import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);
/** For one file. */
const LIMIT_MS = 60_000;
const BUFFER = 256 << 20;

/** Of the code in the test picture: src/marker.ts. */
const COLUMNS = 24;
const ROWS = 2;
const PLACE = { left: 0.035, top: 0.055, width: 0.24, height: 0.036 };

/**
 * @typedef {object} Recording
 * @property {string} of
 * @property {number} seconds
 * @property {{ codec: string, frames: number, width: number, height: number, looks: number, senders: Record<string, number> } | null} video `senders`: by name hash, in how many looks
 * @property {{ codec: string, frames: number } | null} audio
 * @property {string} errors of the decoders
 */

/**
 * @param {{ of: string, path: string }} file
 * @returns {Promise<Recording>}
 */
export async function look({ of, path }) {
  const asked = ['-v', 'error', '-count_frames', '-show_streams', '-show_format', '-of', 'json', path];
  const { stdout, stderr } = await run('ffprobe', asked, { timeout: LIMIT_MS, maxBuffer: BUFFER });
  const { streams, format } = JSON.parse(stdout);
  const one = (/** @type {string} */ kind) => streams.find((/** @type {any} */ stream) => stream.codec_type === kind);
  const [video, audio] = [one('video'), one('audio')];
  const { width = 0, height = 0 } = video ?? {};
  return {
    of, seconds: Number(format.duration), errors: stderr.trim(),
    video: video === undefined ? null : { codec: video.codec_name, frames: Number(video.nb_read_frames), width, height, ...(await markers(path, width, height)) },
    audio: audio === undefined ? null : { codec: audio.codec_name, frames: Number(audio.nb_read_frames) },
  };
}

/**
 * Two pictures of each second, read for the code.
 * @param {string} path
 * @param {number} width
 * @param {number} height
 */
async function markers(path, width, height) {
  const asked = ['-v', 'error', '-i', path, '-an', '-vf', `fps=2,scale=${width}:${height},format=gray`, '-f', 'rawvideo', '-'];
  const { stdout } = await run('ffmpeg', asked, { timeout: LIMIT_MS, maxBuffer: BUFFER, encoding: 'buffer' });
  /** @type {Record<string, number>} */
  const senders = {};
  const looks = Math.floor(stdout.length / (width * height));
  for (let at = 0; at < looks; at += 1) {
    const sender = read(stdout.subarray(at * width * height, (at + 1) * width * height), width, height);
    if (sender !== undefined) senders[sender] = (senders[sender] ?? 0) + 1;
  }
  return { looks, senders };
}

/**
 * The sender's name hash in a grey picture.
 * @param {Uint8Array} grey
 * @param {number} width
 * @param {number} height
 */
function read(grey, width, height) {
  /** @type {number[]} */
  const levels = [];
  for (let at = 0; at < COLUMNS * ROWS; at += 1) {
    const x = Math.floor(width * (PLACE.left + (((at % COLUMNS) + 0.5) * PLACE.width) / COLUMNS));
    const y = Math.floor(height * (PLACE.top + ((Math.floor(at / COLUMNS) + 0.5) * PLACE.height) / ROWS));
    levels.push(grey[y * width + x] ?? 0);
  }
  const [least, most] = [Math.min(...levels), Math.max(...levels)];
  if (most - least < 60) return undefined;
  const word = (/** @type {number} */ from) => levels.slice(from, from + 16).reduce((sum, level) => sum * 2 + (level > (least + most) / 2 ? 1 : 0), 0);
  return word(32) === crc([word(0) >> 8, word(0) & 255, word(16) >> 8, word(16) & 255]) ? word(0) : undefined;
}

/** CRC-16/CCITT-FALSE. @param {number[]} bytes */
function crc(bytes) {
  let value = 0xffff;
  for (const byte of bytes) {
    value ^= byte << 8;
    for (let bit = 0; bit < 8; bit += 1) value = (value & 0x8000) !== 0 ? ((value << 1) ^ 0x1021) & 0xffff : (value << 1) & 0xffff;
  }
  return value;
}

/** 16 bits that stand for a name (FNV-1a, folded). @param {string} name */
export function hashName(name) {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(name)) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  return (hash ^ (hash >>> 16)) & 0xffff;
}
