/** The command line of a headless call. */

import { parseArgs } from 'node:util';

export const CODECS = ['vp8', 'vp9', 'av1', 'h264'];
const BROWSERS = ['chromium', 'firefox', 'mixed'];

/**
 * @typedef {object} Options
 * @property {URL} url
 * @property {number} participants
 * @property {number} seconds
 * @property {string} codec
 * @property {string} suite
 * @property {'chromium' | 'firefox' | 'mixed'} browser
 * @property {boolean} e2ee
 * @property {boolean} simulcast
 * @property {boolean} svc
 * @property {boolean} json
 * @property {string} size
 * @property {number} fps
 * @property {string | undefined} screenshot
 * @property {'session' | 'secret'} keys
 * @property {number} churn
 * @property {string | undefined} native
 */

export const USAGE = `node headless/run.mjs --url http://127.0.0.1:PORT [options]

  --participants N   how many join (2 to 16; default 2)
  --seconds S        how long they talk after everybody is there (default 8)
  --codec C          ${CODECS.join(', ')} (default vp8)
  --suite S          aes-128-gcm, aes-256-gcm, aes-128-ctr-hmac, aes-256-ctr-hmac
  --browser B        ${BROWSERS.join(', ')} (default chromium)
  --no-e2ee          without encryption: the run must find plaintext and end with 1
  --simulcast        three layers
  --svc              spatial and temporal layers in one stream (vp9, av1)
  --size WxH         of the sent picture (default 640x360)
  --fps F            of the sent picture (default 30, 20 from four participants on)
  --screenshot FILE  a picture of the first page at the end
  --keys K           session: members agree on keys (default); secret: keys from the link
  --churn N          a guest joins and leaves so many times while the others talk (default 0)
  --native FOLDER    a native publisher and a native recorder take part, as “cargo xtask demo --headless --native” built them
  --json             one JSON object on standard output, else a table
`;

/**
 * @param {string[]} argv
 * @returns {Options}
 */
export function readOptions(argv) {
  const { values } = parseArgs({
    args: argv,
    options: {
      url: { type: 'string' },
      participants: { type: 'string', default: '2' },
      seconds: { type: 'string', default: '8' },
      codec: { type: 'string', default: 'vp8' },
      suite: { type: 'string', default: 'aes-128-gcm' },
      browser: { type: 'string', default: 'chromium' },
      'no-e2ee': { type: 'boolean', default: false },
      simulcast: { type: 'boolean', default: false },
      svc: { type: 'boolean', default: false },
      size: { type: 'string' },
      fps: { type: 'string' },
      screenshot: { type: 'string' },
      keys: { type: 'string', default: 'session' },
      churn: { type: 'string', default: '0' },
      native: { type: 'string' },
      json: { type: 'boolean', default: false },
    },
  });
  if (values.url === undefined) throw new Error('--url is missing: the address of a running SFU in test mode');
  const participants = whole('--participants', values.participants, 2, 16);
  const codec = values.codec.toLowerCase().replace('.', '');
  if (!CODECS.includes(codec)) throw new Error(`--codec ${values.codec}: one of ${CODECS.join(', ')}`);
  if (!BROWSERS.includes(values.browser)) throw new Error(`--browser ${values.browser}: one of ${BROWSERS.join(', ')}`);
  if (values.svc && codec !== 'vp9' && codec !== 'av1') throw new Error('--svc needs --codec vp9 or av1');
  if (values.svc && values.simulcast) throw new Error('--svc and --simulcast exclude each other');
  if (values.keys !== 'session' && values.keys !== 'secret') throw new Error(`--keys ${values.keys}: session or secret`);
  if (values.native !== undefined && (values.keys !== 'session' || values['no-e2ee'])) throw new Error('--native needs encryption with the keys of a session');
  // Simulcast drops its upper layers when the picture is small.
  const size = values.size ?? (values.simulcast || values.svc ? '960x540' : '640x360');
  if (!/^\d{3,4}x\d{3,4}$/.test(size)) throw new Error(`--size ${size}: WIDTHxHEIGHT`);
  return {
    url: new URL(values.url),
    participants,
    seconds: whole('--seconds', values.seconds, 1, 3600),
    codec,
    suite: values.suite,
    browser: /** @type {Options['browser']} */ (values.browser),
    e2ee: !values['no-e2ee'],
    simulcast: values.simulcast,
    svc: values.svc,
    json: values.json,
    size,
    fps: whole('--fps', values.fps ?? (participants > 3 ? '20' : '30'), 1, 60),
    screenshot: values.screenshot,
    keys: /** @type {Options['keys']} */ (values.keys),
    churn: whole('--churn', values.churn, 0, 1000),
    native: values.native,
  };
}

/**
 * @param {string} name
 * @param {string} words
 * @param {number} least
 * @param {number} most
 */
function whole(name, words, least, most) {
  const value = Number(words);
  if (!Number.isInteger(value) || value < least || value > most) throw new Error(`${name} ${words}: a whole number from ${least} to ${most}`);
  return value;
}
