/**
 * Native members of a headless call: the publisher and the recorder of examples/native, which answer to lines on their
 * standard input by lines of JSON.
 */

import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { look } from './recording.mjs';

/** For one of their answers, milliseconds. */
const ANSWER_MS = 30_000;
/** Until the members of all programs and pages are of one epoch, and until a recorder that was removed is locked out. */
const SETTLE_MS = 30_000;
/** How long the call goes on behind that, so that it is seen to. */
const GOES_ON_MS = 2000;
/** The recorder's pages are asked so often. */
const ASK_MS = 300;

/** @typedef {import('./browsers.mjs').Page} Page */
/** @typedef {import('./options.mjs').Options} Options */
/**
 * @typedef {object} Stream
 * @property {string} of
 * @property {string} kind
 * @property {string} codec
 * @property {number} arrived
 * @property {number} opened
 * @property {number} written
 * @property {Record<string, number>} refused
 * @property {boolean} lockedOut a frame came, after the removal, whose key the recorder does not have
 * @property {number} openedAfter frames that opened behind that one
 */
/** @typedef {{ id: string, epoch: number, code: string, members: { id: string, name: string, heard: boolean }[] }} Membership */
/** @typedef {Membership & { tracks: { kind: string, sealed: number, dropped: number }[] }} Published */
/** @typedef {Membership & { removed: boolean, streams: Stream[] }} Recorded */
/** @typedef {{ id: string, epoch: number, code: string, members: string[], outside: string[], decoded: number, early: number }} Seen what a page says of the group, how many pictures of others it has decoded, and how many frames came before their key */
/**
 * @typedef {object} Native
 * @property {{ publisher: Published, recorder: Recorded, pages: Seen[] }} before the removal, once all are of one epoch
 * @property {{ recorder: Recorded, pages: Seen[], later: Seen[] }} after
 * @property {Published} publisher at the end
 * @property {import('./recording.mjs').Recording[]} files
 */

/** One program. */
class Program {
  /** @type {Record<string, any>[]} */
  #lines = [];
  #child;
  /** @type {string} */
  #name;
  #ended = false;

  /**
   * @param {string} name
   * @param {string} command
   * @param {string[]} args
   * @param {Record<string, string>} env
   */
  constructor(name, command, args, env) {
    this.#name = name;
    this.#child = spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe'], env: { ...process.env, ...env } });
    this.#child.on('error', (error) => process.stderr.write(`${name}: ${error.message}\n`));
    this.#child.on('close', () => (this.#ended = true));
    this.#child.stdin.on('error', () => undefined);
    createInterface({ input: this.#child.stdout }).on('line', (line) => this.#lines.push(JSON.parse(line)));
    createInterface({ input: this.#child.stderr }).on('line', (line) => process.stderr.write(`  ${name}: ${line}\n`));
  }

  /** @param {string} word */
  tell(word) {
    this.#child.stdin.write(`${word}\n`);
  }

  /**
   * The next line that says this.
   * @param {string} what
   * @returns {Promise<any>}
   */
  async said(what) {
    const until = Date.now() + ANSWER_MS;
    while (Date.now() < until) {
      const at = this.#lines.findIndex((line) => line['what'] === what);
      if (at >= 0) return this.#lines.splice(at, 1)[0];
      if (this.#ended) throw new Error(`the ${this.#name} ended before it said “${what}”`);
      await wait(20);
    }
    throw new Error(`the ${this.#name} did not say “${what}” within ${ANSWER_MS / 1000} s`);
  }

  /** @returns {Promise<any>} */
  report() {
    this.tell('report');
    return this.said('report');
  }

  /** All lines that say this, of those that were not asked for. @param {string} what */
  all(what) {
    return this.#lines.filter((line) => line['what'] === what);
  }

  async close() {
    this.#child.stdin.end();
    const until = Date.now() + ANSWER_MS;
    while (!this.#ended && Date.now() < until) await wait(20);
    if (!this.#ended) this.#child.kill('SIGKILL');
  }
}

/** A publisher and a recorder in a call of pages. */
export class NativeMembers {
  #options;
  #publisher;
  #recorder;
  #folder;

  /**
   * @param {Options} options
   * @param {string} room
   */
  static async join(options, room) {
    return new NativeMembers(options, room, await mkdtemp(join(tmpdir(), 'frameseal-record-')));
  }

  /**
   * @param {Options} options
   * @param {string} room
   * @param {string} folder
   */
  constructor(options, room, folder) {
    const built = options.native ?? '';
    const [width = '', height = ''] = options.size.split('x');
    const call = ['--server', options.url.host, '--room', room];
    const env = { GST_PLUGIN_PATH: join(built, 'plugins') };
    this.#options = options;
    this.#folder = folder;
    this.#recorder = new Program('recorder', join(built, 'record'), [...call, '--name', 'Recorder', '--into', folder, '--stay'], env);
    this.#publisher = new Program('publisher', join(built, 'python/bin/python'), [
      new URL('../../native/publish.py', import.meta.url).pathname, ...call, '--name', 'Camera', '--codec', options.codec,
      '--width', width, '--height', height, '--fps', String(Math.min(options.fps, 20)), '--witness',
    ], env);
  }

  /** Until both are in the call. */
  async joined() {
    await Promise.all([this.#recorder.said('recording'), this.#publisher.said('publishing')]);
  }

  /** Until the recorder has opened something of everybody's sound and picture. */
  async records() {
    const wanted = (this.#options.participants + 1) * 2;
    await happens('the recorder opens frames of everybody', async () => {
      const { streams } = await this.#recorder.report();
      return streams.filter((/** @type {Stream} */ one) => one.written > 0).length >= wanted;
    });
  }

  /**
   * A page removes the recorder, which stays connected and keeps its keys; and the call goes on.
   * @param {Page[]} pages
   */
  async removed(pages) {
    /** @type {Native['before']} */
    let before = { publisher: await this.#publisher.report(), recorder: await this.#recorder.report(), pages: [] };
    await happens('all members are of one epoch', async () => {
      before = { publisher: await this.#publisher.report(), recorder: await this.#recorder.report(), pages: await seen(pages) };
      return new Set([before.publisher, before.recorder, ...before.pages].map(({ epoch, code }) => `${epoch} ${code}`)).size === 1;
    });
    await pages[0]?.evaluate(`meet.remove(${JSON.stringify(before.recorder.id)})`);
    await this.#recorder.said('removed');
    /** @type {Recorded} */
    let recorder = before.recorder;
    await happens('every sender has keys that the recorder lacks', async () => {
      recorder = await this.#recorder.report();
      return recorder.streams.every(({ lockedOut }) => lockedOut);
    });
    const after = await seen(pages);
    await wait(GOES_ON_MS);
    recorder = await this.#recorder.report();
    const later = await seen(pages);
    const files = this.#recorder.all('file').map(({ name, path }) => ({ of: String(name), path: String(path) }));
    await this.#recorder.close();
    return { before, after: { recorder, pages: after, later }, files };
  }

  hush() {
    this.#publisher.tell('hush');
  }

  /** @returns {Promise<Published>} */
  published() {
    return this.#publisher.report();
  }

  /** @param {{ of: string, path: string }[]} files */
  recordings(files) {
    return Promise.all(files.map(look));
  }

  async close() {
    await Promise.all([this.#recorder.close(), this.#publisher.close()]);
    await rm(this.#folder, { recursive: true, force: true });
  }
}

/**
 * @param {Page[]} pages
 * @returns {Promise<Seen[]>}
 */
async function seen(pages) {
  const all = await Promise.all(pages.map((page) => page.evaluate('meet.report()')));
  return all.map(({ call }) => {
    const tracks = (call?.members ?? []).filter((/** @type {any} */ one) => !one.self).flatMap((/** @type {any} */ one) => one.tracks);
    const sum = (/** @type {(track: any) => number} */ of) => tracks.reduce((/** @type {number} */ total, /** @type {any} */ track) => total + of(track), 0);
    return {
      id: call?.page.id ?? '', epoch: call?.group?.epoch ?? -1, code: call?.group?.code ?? '',
      members: (call?.group?.members ?? []).filter((/** @type {any} */ one) => one.heard).map((/** @type {any} */ one) => one.id),
      outside: call?.group?.outside ?? [],
      decoded: sum((track) => (track.kind === 'video' ? track.decoded : 0)),
      early: sum((track) => track.failed['no-key'] ?? 0),
    };
  });
}

/**
 * @param {string} what
 * @param {() => Promise<boolean>} holds
 */
async function happens(what, holds) {
  const until = Date.now() + SETTLE_MS;
  while (!(await holds())) {
    if (Date.now() > until) throw new Error(`within ${SETTLE_MS / 1000} s it did not come to this: ${what}`);
    await wait(ASK_MS);
  }
}

/** @param {number} ms */
function wait(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
