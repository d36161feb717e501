/** `cargo xtask demo --headless`: a call in real headless browsers, and one JSON object about it. Ends by itself. */

import { randomBytes } from 'node:crypto';
import { launch } from './browsers.mjs';
import { guests, measured, watchGaps } from './churn.mjs';
import { judge, table } from './judge.mjs';
import { NativeMembers } from './native.mjs';
import { readOptions, USAGE } from './options.mjs';

const NAMES = ['Alice', 'Bruno', 'Chloé', 'Dario', 'Elena', 'Farid', 'Greta', 'Hugo', 'Ines', 'Jonas', 'Karin', 'Luca', 'Mona', 'Nils', 'Olga', 'Pavel'];
/** What one guest may take. */
const GUEST_MS = 35_000;
/** Until everybody sees everybody. */
const CONNECT_MS = 40_000;
/** For starting browsers, collecting and stopping. */
const AROUND_MS = 90_000;
/** What native members may take: joining, being removed, files that are decoded. */
const NATIVE_MS = 150_000;
/** What is under way when the senders stop: until no count moves for so long, and at most so long. */
const STILL_MS = 1200;
const DRAIN_MS = 10_000;

/** @param {string} line */
const say = (line) => process.stderr.write(`${line}\n`);
/** @param {number} ms */
const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** @typedef {import('./options.mjs').Options} Options */
/** @typedef {import('./browsers.mjs').Page} Page */

/** @param {Options} options */
async function call(options) {
  /** @type {import('./browsers.mjs').BrowserName[]} */
  const wanted = options.browser === 'mixed' ? ['chromium', 'firefox'] : [options.browser];
  /** @type {import('./browsers.mjs').Browser[]} */
  const browsers = [];
  /** @type {Page[]} */
  const pages = [];
  /** @type {NativeMembers | undefined} */
  let native;
  try {
    for (const name of wanted) {
      const browser = await launch(name);
      browsers.push(browser);
      say(`${name} ${browser.version} started`);
    }
    const room = `proof-${randomBytes(4).toString('hex')}`;
    // Without one the members agree on keys among themselves.
    const secret = options.keys === 'secret' ? randomBytes(24).toString('base64url') : '';
    for (let at = 0; at < options.participants; at += 1) {
      const browser = browsers[at % browsers.length];
      if (browser === undefined) throw new Error('no browser');
      pages.push(await browser.open(address(options, room, NAMES[at] ?? `P${at}`, secret)));
      say(`${NAMES[at]} joins (${pages.length} of ${options.participants})`);
    }
    if (options.native !== undefined) {
      native = await NativeMembers.join(options, room);
      await native.joined();
      say('a native publisher and a native recorder joined');
    }
    await everybodySees(pages, options);
    await native?.records();
    await watchGaps(pages);
    const visitor = browsers[0];
    const come = async (/** @type {string} */ name) => {
      if (visitor === undefined) throw new Error('no browser');
      return visitor.open(address(options, room, name, secret));
    };
    const firsts = await guests(options.churn, come, say);
    const half = Math.ceil(options.seconds / 2);
    for (let left = options.seconds; left > 0; left -= 1) {
      if (left === half && options.e2ee && options.keys === 'session') {
        say('fresh keys for everybody');
        await pages[0]?.evaluate('meet.rotate()');
      }
      if (left % 5 === 0 || left === options.seconds) say(`talking, ${left} s left`);
      await wait(1000);
    }
    const churn = options.churn > 0 ? await measured(firsts, pages) : undefined;
    if (options.screenshot !== undefined) await pages[0]?.screenshot(options.screenshot);
    const removal = await native?.removed(pages);
    native?.hush();
    await Promise.all(pages.map((page) => page.evaluate('meet.hush()')));
    const observed = await settled(pages);
    const natives = native === undefined || removal === undefined ? undefined
      : { ...removal, publisher: await native.published(), files: await native.recordings(removal.files) };
    const verdict = { ...judge(options, observed, await serverVerdict(options.url), natives), ...(churn === undefined ? {} : { churn }) };
    if (!verdict.ok) {
      for (const page of pages) for (const line of page.log) say(`  page: ${line}`);
      for (const one of observed) for (const line of historyOf(one)) say(`  ${line}`);
    }
    return verdict;
  } finally {
    await native?.close();
    await Promise.all(browsers.map((browser) => browser.close().catch(() => undefined)));
  }
}

/**
 * @param {Options} options
 * @param {string} room
 * @param {string} name
 * @param {string} secret
 */
function address(options, room, name, secret) {
  const url = new URL('/', options.url);
  const query = { room, name, join: '', witness: '', source: 'synthetic', codec: options.codec, suite: options.suite, size: options.size, fps: String(options.fps), lang: 'en' };
  for (const [key, value] of Object.entries(query)) url.searchParams.set(key, value);
  if (!options.e2ee) url.searchParams.set('e2ee', 'off');
  if (options.simulcast) url.searchParams.set('simulcast', '');
  if (options.svc) url.searchParams.set('svc', '');
  if (secret !== '') url.hash = `k=${secret}`;
  return url.href;
}

/**
 * Waits until each page decodes a picture of each other; goes on after the timeout, for the verdict to tell.
 * @param {Page[]} pages
 * @param {Options} options
 */
async function everybodySees(pages, options) {
  const until = Date.now() + CONNECT_MS;
  const others = options.participants - (options.native === undefined ? 1 : 0);
  let seeing = 0;
  while (seeing < pages.length && Date.now() < until) {
    await wait(300);
    const observed = await Promise.all(pages.map((page) => page.evaluate('globalThis.meet ? meet.report() : null')));
    seeing = observed.filter((one) => (one?.call?.members ?? []).filter((/** @type {any} */ member) =>
      !member.self && member.tracks.some((/** @type {any} */ track) => track.kind === 'video' && track.decoded > 0)).length >= others).length;
    const failed = observed.find((one) => one !== null && one.call === null && one.problem !== '');
    if (failed !== undefined) throw new Error(failed.problem);
  }
  say(seeing === pages.length ? 'everybody sees everybody' : `only ${seeing} of ${pages.length} see everybody after ${CONNECT_MS / 1000} s`);
}

/**
 * What the SDK of a page remembers of its tracks: states, errors, and whether the real picture is sent yet.
 * @param {any} observed
 * @returns {string[]}
 */
function historyOf(observed) {
  const about = observed.call?.frameseal;
  const name = observed.call?.members.find((/** @type {any} */ member) => member.self)?.name ?? '?';
  return [
    ...(about?.tracks ?? []).map((/** @type {any} */ track) => `${name}: track ${track.track} ${track.direction} ${track.kind} is ${track.state}, seen ${track.seen}, hold ${track.hold}`),
    ...(about?.log ?? []).map((/** @type {any} */ line) => `${name}: ${JSON.stringify(line)}`),
  ];
}

/**
 * What the pages say once everything sent has arrived and went through the decoders.
 * @param {Page[]} pages
 * @returns {Promise<import('./judge.mjs').Observation[]>}
 */
async function settled(pages) {
  const until = Date.now() + DRAIN_MS;
  let before = '';
  let since = Date.now();
  for (;;) {
    const observed = await Promise.all(pages.map(async (page) => ({ browser: page.browser, ...(await page.evaluate('meet.report()')) })));
    const counts = JSON.stringify(observed.map(({ call: one }) => one?.members.map((/** @type {any} */ member) =>
      member.tracks.map((/** @type {any} */ track) => [track.frames, track.kind === 'audio' ? 0 : track.decoded]))));
    const now = Date.now();
    if (counts !== before) since = now;
    if (now - since >= STILL_MS || now >= until) return observed;
    before = counts;
    await wait(300);
  }
}

/**
 * @param {URL} url
 * @returns {Promise<import('./judge.mjs').ServerVerdict>}
 */
async function serverVerdict(url) {
  const answer = await fetch(new URL('/api/verdict', url));
  if (!answer.ok) throw new Error(`the SFU gives no verdict (${answer.status}): start it with --test`);
  return /** @type {any} */ (await answer.json());
}

try {
  if (process.argv.includes('--help')) {
    process.stdout.write(USAGE);
    process.exit(0);
  }
  const options = readOptions(process.argv.slice(2));
  const limit = (options.native === undefined ? 0 : NATIVE_MS) + options.seconds * 1000 + options.churn * GUEST_MS + CONNECT_MS + AROUND_MS;
  setTimeout(() => {
    say(`gave up after ${limit / 1000} s`);
    process.exit(1);
  }, limit).unref();
  const verdict = await call(options);
  if (verdict.churn !== undefined) {
    const { joins, first_frame_ms: first, longest_gap_ms: gap } = verdict.churn;
    say(`${joins} guests saw somebody after ${first.p50} ms (p50), ${first.p99} ms (p99); the others' pictures stood still for ${gap} ms at most`);
  }
  process.stdout.write(`${options.json ? JSON.stringify(verdict, null, 2) : table(verdict)}\n`);
  process.exit(verdict.ok ? 0 : 1);
} catch (error) {
  say(error instanceof Error ? error.message : String(error));
  process.exit(1);
}
