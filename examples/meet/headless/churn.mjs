/** Guests who come and go while others talk: how soon they see something, and how long pictures of the others stand still. */

/** How long a guest may take to see somebody, milliseconds. */
const SEES_MS = 30_000;
/** How long a guest stays then, and how long nobody comes, milliseconds. */
const STAYS_MS = 1500;

/** @typedef {import('./browsers.mjs').Page} Page */
/**
 * @typedef {object} Churn
 * @property {number} joins
 * @property {{ p50: number, p99: number, each: number[] }} first_frame_ms from the join to the first decoded picture of somebody
 * @property {number} longest_gap_ms between two pictures of somebody who stays, over all joins, leaves and rotations
 */

/** Runs in a page: the longest time between two frames that a picture on screen was given. */
const WATCH = `(() => {
  const gaps = (globalThis.gaps = { longest: 0, last: new Map() });
  const watch = (video) => {
    const next = (now) => {
      const before = gaps.last.get(video);
      if (before !== undefined) gaps.longest = Math.max(gaps.longest, now - before);
      gaps.last.set(video, now);
      video.requestVideoFrameCallback(next);
    };
    gaps.last.set(video, performance.now());
    video.requestVideoFrameCallback(next);
  };
  const look = () => {
    for (const video of document.querySelectorAll('video')) if (!gaps.last.has(video)) watch(video);
    setTimeout(look, 200);
  };
  look();
})()`;
/** The same at the end, with what stands still now. */
const READ = `(() => {
  const now = performance.now();
  for (const [video, last] of globalThis.gaps.last) if (video.isConnected) globalThis.gaps.longest = Math.max(globalThis.gaps.longest, now - last);
  return globalThis.gaps.longest;
})()`;

/**
 * Begins to watch pictures stand still.
 * @param {Page[]} pages
 */
export async function watchGaps(pages) {
  await Promise.all(pages.map((page) => page.evaluate(WATCH)));
}

/**
 * One guest after the other: joins, sees somebody, stays a moment, closes its tab.
 * @param {number} count
 * @param {(name: string) => Promise<Page>} open
 * @param {(words: string) => void} say
 * @returns {Promise<number[]>} milliseconds to the first picture
 */
export async function guests(count, open, say) {
  const firsts = [];
  for (let at = 1; at <= count; at += 1) {
    const page = await open(`Guest ${at}`);
    const until = Date.now() + SEES_MS;
    let first = -1;
    while (first < 0 && Date.now() < until) {
      await wait(100);
      first = (await page.evaluate('globalThis.meet ? meet.report().then((one) => one.call?.page.firstFrameMs ?? -1) : -1')) ?? -1;
    }
    if (first < 0) throw new Error(`guest ${at} saw nobody within ${SEES_MS / 1000} s: ${page.log.slice(-3).join(' | ')}`);
    firsts.push(first);
    say(`guest ${at} of ${count} saw somebody after ${first} ms`);
    await wait(STAYS_MS);
    await page.close();
    await wait(STAYS_MS);
  }
  return firsts;
}

/**
 * @param {number[]} firsts
 * @param {Page[]} pages
 * @returns {Promise<Churn>}
 */
export async function measured(firsts, pages) {
  const gaps = await Promise.all(pages.map((page) => page.evaluate(READ)));
  const sorted = firsts.toSorted((a, b) => a - b);
  const at = (/** @type {number} */ part) => sorted[Math.min(sorted.length - 1, Math.ceil(part * sorted.length) - 1)] ?? 0;
  return { joins: firsts.length, first_frame_ms: { p50: at(0.5), p99: at(0.99), each: firsts }, longest_gap_ms: Math.round(Math.max(0, ...gaps)) };
}

/** @param {number} ms */
const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
