/**
 * Starts the browsers of the tests: Chromium by playwright-core, stock Firefox by puppeteer-core (WebDriver BiDi).
 * No driver binaries, no downloads; a browser that is not there is an error that says how to get it.
 */
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium } from "playwright-core";
import puppeteer from "puppeteer-core";

/** The browsers that the tests know. */
export type BrowserName = "chromium" | "firefox";

/** One page, the same for both drivers. */
export interface TestPage {
  /** Runs `fn` in the page and returns its (awaited) result; arguments and result are JSON. */
  evaluate<A, R>(fn: (arg: A) => R | Promise<R>, arg: A): Promise<R>;
  /** Console lines and page errors so far. */
  readonly log: string[];
  close(): Promise<void>;
}

/** A started browser. */
export interface TestBrowser {
  readonly name: BrowserName;
  readonly version: string;
  open(url: string): Promise<TestPage>;
  close(): Promise<void>;
}

const WHERE: Record<BrowserName, { env: string; paths: string[]; hint: string }> = {
  chromium: {
    env: "CHROMIUM",
    paths: ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"],
    hint: "apt-get install -y --no-install-recommends chromium",
  },
  firefox: {
    env: "FIREFOX",
    paths: ["/usr/bin/firefox-esr", "/usr/bin/firefox"],
    hint: "apt-get install -y --no-install-recommends firefox-esr",
  },
};

/** The browser's executable, or `undefined` when it is not installed. `CHROMIUM` and `FIREFOX` override. */
export function executable(name: BrowserName): string | undefined {
  const where = WHERE[name];
  const given = process.env[where.env];
  return given !== undefined && given !== "" ? given : where.paths.find((path) => existsSync(path));
}

/** What to say when a browser is missing. */
export function missing(name: BrowserName): string {
  const where = WHERE[name];
  return `${name} is missing: ${where.hint}   (or set ${where.env}=/path/to/it)`;
}

/** Starts a browser; throws with the command that installs it when it is not there. */
export async function launch(name: BrowserName, extraArgs: string[] = []): Promise<TestBrowser> {
  const path = executable(name);
  if (path === undefined) throw new Error(missing(name));
  return name === "chromium" ? launchChromium(path, extraArgs) : launchFirefox(path);
}

async function launchChromium(executablePath: string, extraArgs: string[]): Promise<TestBrowser> {
  const profile = await mkdtemp(join(tmpdir(), "frameseal-chromium-"));
  const context = await chromium.launchPersistentContext(profile, {
    executablePath,
    headless: true,
    handleSIGTERM: false,
    args: [
      "--headless=new",
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
      "--use-fake-device-for-media-stream=fps=30",
      "--use-fake-ui-for-media-stream",
      "--autoplay-policy=no-user-gesture-required",
      ...extraArgs,
    ],
  });
  return {
    name: "chromium",
    version: context.browser()?.version() ?? "unknown",
    async open(url) {
      const page = await context.newPage();
      const log: string[] = [];
      page.on("console", (message) => log.push(`${message.type()}: ${message.text()}`));
      page.on("pageerror", (error) => log.push(`pageerror: ${error.message}`));
      await page.goto(url);
      return {
        log,
        evaluate: (fn, arg) => page.evaluate(fn as never, arg as never),
        close: () => page.close(),
      };
    },
    async close() {
      await context.close();
      await rm(profile, { recursive: true, force: true });
    },
  };
}

async function launchFirefox(executablePath: string): Promise<TestBrowser> {
  const browser = await puppeteer.launch({
    browser: "firefox",
    executablePath,
    headless: true,
    handleSIGTERM: false,
    protocolTimeout: 120_000,
    extraPrefsFirefox: {
      "media.navigator.streams.fake": true,
      "media.navigator.permission.disabled": true,
      "media.autoplay.default": 0,
      "media.peerconnection.ice.loopback": true,
      "media.peerconnection.ice.obfuscate_host_addresses": false,
      "app.update.enabled": false,
      "toolkit.telemetry.enabled": false,
      "datareporting.healthreport.uploadEnabled": false,
      "network.captive-portal-service.enabled": false,
      "network.connectivity-service.enabled": false,
      "privacy.reduceTimerPrecision": false,
    },
  });
  return {
    name: "firefox",
    version: await browser.version(),
    async open(url) {
      const page = await browser.newPage();
      const log: string[] = [];
      page.on("console", (message) => log.push(`${message.type()}: ${message.text()}`));
      page.on("pageerror", (error) => log.push(`pageerror: ${error instanceof Error ? error.message : String(error)}`));
      await page.goto(url);
      return {
        log,
        evaluate: (fn, arg) => page.evaluate(fn as never, arg as never) as Promise<never>,
        close: () => page.close(),
      };
    },
    close: () => browser.close(),
  };
}
