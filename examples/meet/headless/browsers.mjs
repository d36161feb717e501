/** Starts headless browsers: Chromium by playwright-core, stock Firefox by puppeteer-core. Nothing is downloaded. */

import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** @typedef {'chromium' | 'firefox'} BrowserName */
/**
 * @typedef {object} Page
 * @property {BrowserName} browser
 * @property {string[]} log what the page printed, the last lines of it
 * @property {(source: string) => Promise<any>} evaluate an expression, awaited in the page
 * @property {(path: string) => Promise<void>} screenshot
 * @property {() => Promise<void>} close as a tab that somebody closes
 */
/**
 * @typedef {object} Browser
 * @property {string} version
 * @property {(url: string) => Promise<Page>} open
 * @property {() => Promise<void>} close
 */

/** @type {Record<BrowserName, { env: string, paths: string[], get: string }>} */
const WHERE = {
  chromium: {
    env: 'CHROMIUM',
    paths: ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome', '/usr/bin/google-chrome-stable'],
    get: 'apt-get install -y --no-install-recommends chromium',
  },
  firefox: {
    env: 'FIREFOX',
    paths: ['/usr/bin/firefox-esr', '/usr/bin/firefox'],
    get: 'apt-get install -y --no-install-recommends firefox-esr',
  },
};

const CHROMIUM_ARGS = [
  '--headless=new', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync', '--use-fake-device-for-media-stream=fps=30',
  '--use-fake-ui-for-media-stream', '--autoplay-policy=no-user-gesture-required', '--mute-audio',
  '--auto-select-desktop-capture-source=Entire screen',
];

const FIREFOX_PREFS = {
  'media.navigator.streams.fake': true,
  'media.navigator.permission.disabled': true,
  'media.autoplay.default': 0,
  'media.peerconnection.ice.loopback': true,
  'media.peerconnection.ice.obfuscate_host_addresses': false,
  'media.volume_scale': '0.0',
  'app.update.enabled': false,
  'browser.safebrowsing.downloads.remote.enabled': false,
  'browser.shell.checkDefaultBrowser': false,
  'captivedetect.canonicalURL': '',
  'datareporting.policy.dataSubmissionEnabled': false,
  'network.captive-portal-service.enabled': false,
  'network.connectivity-service.enabled': false,
  'toolkit.telemetry.enabled': false,
};

/** Log lines kept of each page. */
const LOG_LINES = 40;

/**
 * @param {BrowserName} name
 * @returns {Promise<Browser>}
 */
export async function launch(name) {
  const where = WHERE[name];
  const path = process.env[where.env] || where.paths.find((one) => existsSync(one));
  if (path === undefined) throw new Error(`${name} is missing. To get it: ${where.get}   (or set ${where.env}=/path/to/it)`);
  if (!existsSync(path)) throw new Error(`${where.env}=${path}: there is no such file`);
  return name === 'chromium' ? chromium(path) : firefox(path);
}

/**
 * @param {string} executablePath
 * @returns {Promise<Browser>}
 */
async function chromium(executablePath) {
  const driver = await import('playwright-core');
  const profile = await mkdtemp(join(tmpdir(), 'frameseal-meet-'));
  const context = await driver.chromium.launchPersistentContext(profile, {
    executablePath, headless: true, args: CHROMIUM_ARGS, viewport: { width: 1280, height: 800 }, handleSIGTERM: false, handleSIGINT: false,
  });
  return {
    version: context.browser()?.version() ?? 'unknown',
    open: async (url) => {
      const page = await context.newPage();
      /** @type {string[]} */
      const log = [];
      page.on('console', (line) => keep(log, `${line.type()}: ${line.text()}`));
      page.on('pageerror', (error) => keep(log, `error: ${error.message}`));
      await page.goto(url);
      return {
        browser: 'chromium',
        log,
        evaluate: (source) => page.evaluate(source),
        screenshot: async (to) => void (await page.screenshot({ path: to })),
        close: () => page.close(),
      };
    },
    close: async () => {
      await context.close();
      await rm(profile, { recursive: true, force: true });
    },
  };
}

/**
 * @param {string} executablePath
 * @returns {Promise<Browser>}
 */
async function firefox(executablePath) {
  const { default: driver } = await import('puppeteer-core');
  const browser = await driver.launch({
    browser: 'firefox', executablePath, headless: true, handleSIGTERM: false, handleSIGINT: false, protocolTimeout: 60_000,
    defaultViewport: { width: 1280, height: 800 }, extraPrefsFirefox: FIREFOX_PREFS,
  });
  return {
    version: await browser.version(),
    open: async (url) => {
      const page = await browser.newPage();
      /** @type {string[]} */
      const log = [];
      page.on('console', (line) => keep(log, `${line.type()}: ${line.text()}`));
      page.on('pageerror', (error) => keep(log, `error: ${String(error)}`));
      await page.goto(url);
      return {
        browser: 'firefox',
        log,
        evaluate: (source) => page.evaluate(source),
        screenshot: async (to) => void (await page.screenshot({ path: /** @type {`${string}.png`} */ (to) })),
        close: () => page.close(),
      };
    },
    close: () => browser.close(),
  };
}

/**
 * @param {string[]} log
 * @param {string} line
 */
function keep(log, line) {
  log.push(line);
  if (log.length > LOG_LINES) log.shift();
}
