/**
 * Real livekit-client in real Chromium through a real LiveKit server, its own worker and Frameseal's in one room:
 * `cargo xtask interop livekit`. Prints a table; ends with 1 when a row failed.
 *   --only TEXT   rows with TEXT in their name
 *   --few         a few rows that meet everything once
 *   --write FILE  the table as Markdown
 */
import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { launch, type TestPage } from "../../e2e/browsers.ts";
import { example } from "./example.ts";
import { GRID, likeness, Native } from "./native.ts";
import type { Join, Received, Secret } from "./page.ts";
import { RELEASES, type Sfu, startPages, startSfu } from "./server.ts";
import { overDataPackets } from "./session.ts";
import type {} from "./page.ts";

const { values: args } = parseArgs({
  options: { only: { type: "string", default: "" }, few: { type: "boolean", default: false }, write: { type: "string" } },
});

const [NEW = "", OLD = ""] = Object.keys(RELEASES);
const PASSPHRASE: Secret = { kind: "passphrase", text: "a passphrase of the room" };
const RAW: Secret = { kind: "raw", text: "0123456789abcdef0123456789abcdef" };
const OWN_KEYS = Object.fromEntries(["ada", "bob", "cleo"].map((name): [string, Secret] => [name, { kind: "raw", text: `the first key of ${name}`.padEnd(32, ".") }]));
const OTHER: Secret = { kind: "passphrase", text: "another passphrase" };
/** A stream counts as through when so much of it came in the time that it was watched. */
const WATCH_MS = 3000;
const LEAST_PICTURES = 30;
const LEAST_SAMPLES = 0.8 * 48_000 * (WATCH_MS / 1000);
const PATIENCE_MS = 12_000;

/** A livekit-client release with one of the workers. */
interface Client {
  readonly release: string;
  readonly worker: "stock" | "frameseal" | "manager";
  /** Chromium unless said otherwise. */
  readonly browser?: "firefox";
}

const OURS: Client = { release: NEW, worker: "frameseal" };
const OURS_OLD: Client = { release: OLD, worker: "frameseal" };
const STOCK: Client = { release: NEW, worker: "stock" };
const STOCK_OLD: Client = { release: OLD, worker: "stock" };
const OURS_FIREFOX: Client = { ...OURS, browser: "firefox" };
const STOCK_FIREFOX: Client = { ...STOCK, browser: "firefox" };
const MANAGER: Client = { release: NEW, worker: "manager" };
const MANAGER_OLD: Client = { release: OLD, worker: "manager" };
const MANAGER_FIREFOX: Client = { ...MANAGER, browser: "firefox" };
const KINDS: Readonly<Record<Client["worker"], string>> = { stock: "", frameseal: "Frameseal in ", manager: "Frameseal's manager in " };
const nameOf = ({ release, worker, browser }: Client): string =>
  `${KINDS[worker]}livekit-client ${release}${browser === undefined ? "" : ", Firefox"}`;

/** One participant in a call. */
class Member {
  constructor(
    readonly name: string,
    readonly client: Client,
    readonly page: TestPage,
  ) {}

  received(): Promise<Received[]> {
    return this.page.evaluate(() => window.lk.received(), null);
  }

  errors(): Promise<string[]> {
    return this.page.evaluate(() => window.lk.errors(), null);
  }
}

const sfu: Sfu = await startSfu();
const pages = await startPages();
const chromium = await launch("chromium", ["--auto-accept-this-tab-capture", "--auto-select-desktop-capture-source=Entire screen"]);
const firefox = await launch("firefox");
let calls = 0;

type Setting = Partial<Pick<Join, "codec" | "simulcast" | "scalabilityMode" | "secret" | "ratchetWindow" | "singlePeerConnection" | "format" | "older">> & {
  /** Tokens allow attributes; true unless said otherwise. */
  readonly attributes?: boolean;
};

async function join(room: string, name: string, client: Client, setting: Setting): Promise<Member> {
  const page = await (client.browser === "firefox" ? firefox : chromium).open(pages.page(client.release));
  const { attributes, ...rest } = setting;
  const worker = {
    stock: `/stock/${client.release}/livekit-client.e2ee.worker.mjs`,
    frameseal: "/dist/livekit-worker.js",
    manager: "/dist/livekit.js",
  }[client.worker];
  const order: Join = {
    url: sfu.url,
    token: sfu.token(room, name, attributes),
    worker,
    secret: PASSPHRASE,
    codec: "vp8",
    simulcast: false,
    ...rest,
  };
  await page.evaluate((order) => window.lk.join(order), order);
  return new Member(name, client, page);
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Who receives. */
type Receiver = Pick<Member, "name" | "received" | "errors">;

/** Waits until all `sources` of `from` grow enough, as `to` receives them; says what did not. */
async function flows(to: Receiver, from: Receiver, sources = ["microphone", "camera"]): Promise<string | null> {
  const end = Date.now() + PATIENCE_MS;
  for (;;) {
    const before = await to.received();
    await pause(WATCH_MS);
    const after = await to.received();
    const late = sources.flatMap((source) => {
      const of = (all: Received[]): Received | undefined => all.find((got) => got.from === from.name && got.source === source);
      const good = (of(after)?.good ?? 0) - (of(before)?.good ?? 0);
      const least = source === "microphone" ? LEAST_SAMPLES : LEAST_PICTURES;
      return good >= least ? [] : [`${source} of ${from.name}: ${Math.round(good)} of ${least}`];
    });
    if (late.length === 0) return null;
    if (Date.now() > end) return `${late.join(", ")}; ${(await to.errors()).slice(-2).join(" | ") || "no error"}`;
  }
}

/** Nothing of `from` is decoded for a while. */
async function isDark(to: Member, from: Member): Promise<string | null> {
  await pause(1000);
  const before = await to.received();
  await pause(WATCH_MS / 2);
  const after = await to.received();
  const camera = (all: Received[]): number => all.find((got) => got.from === from.name && got.source === "camera")?.good ?? 0;
  const seen = camera(after) - camera(before);
  return seen === 0 ? null : `${seen} pictures of ${from.name} were decoded`;
}

async function both(ada: Receiver, bob: Receiver): Promise<string | null> {
  const [one, other] = await Promise.all([flows(ada, bob), flows(bob, ada)]);
  return one ?? other;
}

/** Both ways, and in the codec that was asked for. */
function inCodec(codec: string): Play {
  return async (ada, bob) => {
    const failure = await both(ada, bob);
    if (failure !== null) return failure;
    const used = [...(await ada.received()), ...(await bob.received())].filter(({ source }) => source === "camera");
    const other = used.find((got) => got.codec.toLowerCase() !== `video/${codec}`);
    return other === undefined ? null : `the camera of ${other.from} came as ${other.codec}`;
  };
}

const setKey = (member: Member, secret: Secret, index: number): Promise<void> =>
  member.page.evaluate(({ secret, index }) => window.lk.setKey(secret, undefined, index), { secret, index });

async function data(ada: Member, bob: Member): Promise<string | null> {
  for (const [from, to] of [[ada, bob], [bob, ada]] as const) {
    for (const what of ["send", "chat"] as const) {
      const text = `${what} from ${from.name}`;
      await from.page.evaluate(({ what, text }) => window.lk[what](text), { what, text });
      const end = Date.now() + 4000;
      while (!(await to.page.evaluate(() => window.lk.messages(), null)).some((message) => message.text === text)) {
        if (Date.now() > end) return `${text} did not arrive; ${(await to.errors()).join(" | ")}`;
        await pause(100);
      }
    }
    const opened = await to.page.evaluate(() => window.lk.answers(), null);
    if ((opened["decryptDataResponse"] ?? 0) === 0) return `what ${from.name} said came without encryption`;
  }
  return null;
}

async function muted(ada: Member, bob: Member): Promise<string | null> {
  const before = await both(ada, bob);
  if (before !== null) return before;
  for (const off of [true, false]) {
    for (const { page } of [ada, bob]) await page.evaluate((off) => window.lk.mute(off), off);
    await pause(1500);
  }
  return both(ada, bob);
}

async function shared(ada: Member, bob: Member): Promise<string | null> {
  for (let n = 0; n < 2; n++) {
    await ada.page.evaluate(() => window.lk.share(true), null);
    const failure = (await flows(bob, ada, ["screen_share", "camera"])) ?? (await flows(ada, bob));
    if (failure !== null) return failure;
    await ada.page.evaluate(() => window.lk.share(false), null);
  }
  return both(ada, bob);
}

async function otherCamera(ada: Member, bob: Member): Promise<string | null> {
  for (let n = 0; n < 2; n++) {
    const failure = await both(ada, bob);
    if (failure !== null) return failure;
    await ada.page.evaluate(() => window.lk.otherCamera(), null);
  }
  return both(ada, bob);
}

async function reconnected(ada: Member, bob: Member): Promise<string | null> {
  for (const how of ["signal-reconnect", "resume-reconnect", "full-reconnect", "migration"] as const) {
    const before = await both(ada, bob);
    if (before !== null) return `before ${how}: ${before}`;
    await ada.page.evaluate((how) => window.lk.reconnect(how), how);
  }
  const after = await both(ada, bob);
  return after === null ? null : `after all: ${after}`;
}

async function generations(ada: Member, bob: Member): Promise<string | null> {
  for (let n = 0; n < 3; n++) {
    const failure = await both(ada, bob);
    if (failure !== null) return failure;
    await ada.page.evaluate(() => window.lk.rotate(), null);
    await bob.page.evaluate(() => window.lk.ratchet(undefined, 0), null);
  }
  return both(ada, bob);
}

async function rotated(ada: Member, bob: Member): Promise<string | null> {
  const before = await both(ada, bob);
  if (before !== null) return before;
  await Promise.all([setKey(ada, OTHER, 1), setKey(bob, OTHER, 1)]);
  return both(ada, bob);
}

async function wrongKey(ada: Member, bob: Member): Promise<string | null> {
  const before = await both(ada, bob);
  if (before !== null) return before;
  await setKey(bob, OTHER, 0);
  const dark = (await isDark(bob, ada)) ?? (await isDark(ada, bob));
  if (dark !== null) return dark;
  if ((await bob.errors()).length === 0) return "bob was told of no error";
  await setKey(bob, PASSPHRASE, 0);
  return both(ada, bob);
}

async function leftOut(ada: Member, bob: Member, room: string): Promise<string | null> {
  const cleo = await join(room, "cleo", ada.client, {});
  const before = (await flows(cleo, ada)) ?? (await both(ada, bob));
  if (before !== null) return before;
  await Promise.all([setKey(ada, OTHER, 1), setKey(bob, OTHER, 1)]);
  const after = (await isDark(cleo, ada)) ?? (await isDark(cleo, bob)) ?? (await both(ada, bob));
  await cleo.page.close();
  return after;
}

/** The same where each has a key of its own, and nobody shares one. */
async function leftOutOfKeys(ada: Member, bob: Member, room: string): Promise<string | null> {
  const cleo = await join(room, "cleo", ada.client, { secret: OWN_KEYS });
  const before = (await flows(cleo, ada)) ?? (await flows(cleo, bob)) ?? (await flows(ada, cleo)) ?? (await both(ada, bob));
  if (before !== null) return before;
  for (const { page } of [ada, bob]) {
    for (const identity of ["ada", "bob"]) {
      const secret: Secret = { kind: "raw", text: `the next key of ${identity}`.padEnd(32, ".") };
      await page.evaluate(({ secret, identity }) => window.lk.setKey(secret, identity, 0), { secret, identity });
    }
  }
  const after = (await isDark(cleo, ada)) ?? (await isDark(cleo, bob)) ?? (await both(ada, bob));
  await cleo.page.close();
  return after;
}

function lateComer([first, second]: readonly [Client, Client]): Play {
  return async (ada, bob, room) => {
    const late = await join(room, "cleo", first, {});
    const came = (await flows(late, ada)) ?? (await flows(late, bob)) ?? (await flows(ada, late));
    await late.page.evaluate(() => window.lk.leave(), null);
    await late.page.close();
    if (came !== null) return came;
    const again = await join(room, "cleo", second, {});
    const returned = (await flows(again, bob)) ?? (await flows(bob, again));
    await again.page.close();
    return returned;
  };
}

/** Two who speak Frameseal, then one who does not: LiveKit's format while it is there, and Frameseal's again after. */
async function mixed(ada: Member, bob: Member, room: string): Promise<string | null> {
  const before = await both(ada, bob);
  if (before !== null) return before;
  const cleo = await join(room, "cleo", STOCK, {});
  const together = (await flows(cleo, ada)) ?? (await flows(cleo, bob)) ?? (await flows(ada, cleo)) ?? (await both(ada, bob));
  await cleo.page.evaluate(() => window.lk.leave(), null);
  await cleo.page.close();
  if (together !== null) return together;
  const after = await both(ada, bob);
  if (after !== null) return after;
  for (const { name, page } of [ada, bob]) {
    const told = (await page.evaluate(() => window.lk.formats(), null)).join(", ");
    if (told !== "livekit, sframe") return `${name} was told: ${told || "nothing"}`;
  }
  return null;
}

/** Bob is of the stock kind. */
async function foreign(ada: Member, bob: Member): Promise<string | null> {
  const dark = (await isDark(bob, ada)) ?? (await isDark(ada, bob));
  if (dark !== null) return dark;
  const states = await ada.page.evaluate(() => window.lk.memberStates(), null);
  return states.at(-1) === "bob foreign" ? null : `ada was told: ${states.join(", ") || "nothing"}`;
}

type Play = (ada: Member, bob: Member, room: string) => Promise<string | null>;
interface Row {
  readonly what: string;
  readonly ada: Client;
  readonly bob: Client;
  readonly setting: Setting;
  readonly play: Play;
}

const PAIRS: readonly (readonly [Client, Client])[] = [
  [STOCK, OURS],
  [STOCK_OLD, OURS],
  [STOCK_OLD, OURS_OLD],
  [OURS, OURS],
];
const row = (what: string, setting: Setting, play: Play, ada: Client = STOCK, bob: Client = OURS): Row => ({ what, ada, bob, setting, play });
const rows: Row[] = [
  ...PAIRS.flatMap(([ada, bob]) => (["vp8", "vp9", "h264"] as const).map((codec) => row(`${codec.toUpperCase()} and Opus`, { codec }, inCodec(codec), ada, bob))),
  // livekit-client publishes VP8 from Firefox, whatever it is asked for.
  ...([[OURS_FIREFOX, OURS], [STOCK, OURS_FIREFOX], [STOCK_FIREFOX, OURS]] as const).map(([ada, bob]) => row("VP8 and Opus", {}, inCodec("vp8"), ada, bob)),
  row("raw keys", { secret: RAW }, both),
  row("a key for each participant", { secret: { ada: RAW, bob: { kind: "raw", text: "fedcba9876543210fedcba9876543210" } } }, both),
  row("VP8, simulcast", { simulcast: true }, both),
  row("VP9, SVC in three layers", { codec: "vp9", scalabilityMode: "L3T3_KEY" }, inCodec("vp9")),
  row("data messages and chat", {}, data),
  row("data messages and chat, ours and ours", {}, data, OURS, OURS),
  row("mute and unmute", {}, muted),
  row("a shared screen, stopped and shared again", {}, shared),
  row("another camera in mid-call", {}, otherCamera),
  row("the connection resumed, and made anew", {}, reconnected, OURS, STOCK),
  row("rotation while talking", {}, rotated),
  row("wrong key, then the right one", {}, wrongKey),
  row("ratchet by the stock sender", { secret: { ada: RAW, bob: RAW } }, ratchet),
  row("ratchet by our sender", { secret: { ada: RAW, bob: RAW } }, ratchet, OURS, STOCK),
  row("who is left out of a rotation decodes nothing more", {}, leftOut, OURS, OURS),
  row("one comes late, leaves and returns", {}, lateComer([OURS, STOCK])),
  ...(["vp8", "vp9", "h264", "av1"] as const).map((codec) => row(`${codec.toUpperCase()} and Opus`, { codec }, inCodec(codec), MANAGER, MANAGER)),
  row("AV1 and Opus", { codec: "av1" }, inCodec("av1"), MANAGER_OLD, MANAGER),
  row("VP8 and Opus", {}, inCodec("vp8"), MANAGER_FIREFOX, MANAGER),
  row("one connection for both directions, VP9", { codec: "vp9", singlePeerConnection: true }, inCodec("vp9"), MANAGER, MANAGER),
  row("VP8, simulcast", { simulcast: true }, both, MANAGER, MANAGER),
  row("VP9, SVC in three layers", { codec: "vp9", scalabilityMode: "L3T3_KEY" }, inCodec("vp9"), MANAGER, MANAGER),
  row("AV1, SVC in three layers", { codec: "av1", scalabilityMode: "L3T3_KEY" }, inCodec("av1"), MANAGER, MANAGER),
  row("a key for each participant", { secret: { ada: RAW, bob: { kind: "raw", text: "fedcba9876543210fedcba9876543210" } } }, both, MANAGER, MANAGER),
  row("data messages and chat", {}, data, MANAGER, MANAGER),
  row("tokens without attributes", { attributes: false }, async (ada, bob) => (await both(ada, bob)) ?? (await data(ada, bob)), MANAGER_OLD, MANAGER),
  row("mute and unmute", {}, muted, MANAGER, MANAGER),
  row("a shared screen, stopped and shared again", {}, shared, MANAGER, MANAGER),
  row("another camera in mid-call", {}, otherCamera, MANAGER, MANAGER),
  row("the connection resumed, and made anew", {}, reconnected, MANAGER, MANAGER),
  row("generations and steps while talking", {}, generations, MANAGER, MANAGER),
  row("rotation to another secret while talking", {}, rotated, MANAGER, MANAGER),
  row("wrong key, then the right one", {}, wrongKey, MANAGER, MANAGER),
  row("who is left out of a rotation decodes nothing more", {}, leftOut, MANAGER, MANAGER),
  row("keys of each participant: who is removed opens nothing after the rotation", { secret: OWN_KEYS }, leftOutOfKeys, MANAGER, MANAGER),
  row("the room's option by its older name", { older: true }, async (ada, bob) => (await both(ada, bob)) ?? (await data(ada, bob)), MANAGER, MANAGER_OLD),
  row("one comes late, leaves and returns", {}, lateComer([MANAGER, MANAGER]), MANAGER, MANAGER),
  row("two who speak Frameseal, and one who does not comes and goes", { format: "auto" }, mixed, MANAGER, MANAGER),
  ...(["vp8", "vp9", "h264"] as const).map((codec) => row(`${codec.toUpperCase()} and Opus, LiveKit's format`, { codec, format: "livekit" }, inCodec(codec), MANAGER, STOCK)),
  row("VP8 and Opus, LiveKit's format", { format: "livekit" }, both, MANAGER_FIREFOX, STOCK_OLD),
  row("data messages and chat, LiveKit's format", { format: "livekit" }, data, MANAGER, STOCK),
  row("rotation while talking, LiveKit's format", { format: "livekit" }, rotated, MANAGER, STOCK),
  row("who does not speak Frameseal is shown, and opens nothing", {}, foreign, MANAGER, STOCK),
];

/** A native participant with one in a browser; both sides are named by their clients. */
interface NativeRow {
  readonly codec: "vp8" | "vp9" | "h264";
  readonly client: Client;
}
const nativeRows: NativeRow[] = ([OURS, STOCK] as const).flatMap((client) => (["vp8", "vp9", "h264"] as const).map((codec) => ({ codec, client })));

async function withNative({ codec, client }: NativeRow): Promise<string | null> {
  const room = `call-${++calls}`;
  const native = new Native("nan");
  const ada = await join(room, "ada", client, { codec });
  try {
    await native.join(sfu.url, sfu.token(room, native.name), PASSPHRASE.text, codec);
    return await both(ada, native);
  } finally {
    await native.leave();
    await ada.page.close();
  }
}

/** The native participant's key steps in mid-call; ours follows by the frames alone, and seals with the step itself. */
async function nativeRatchet(): Promise<string | null> {
  const room = `call-${++calls}`;
  const native = new Native("nan");
  const ada = await join(room, "ada", OURS, { ratchetWindow: 8 });
  try {
    await native.join(sfu.url, sfu.token(room, native.name), PASSPHRASE.text, "vp8");
    const before = await both(ada, native);
    if (before !== null) return before;
    native.ratchet();
    const after = await both(ada, native);
    if (after !== null) return after;
    const said = await ada.page.evaluate(() => window.lk.answers(), null);
    return (said["ratchetKey"] ?? 0) > 0 ? null : "ada's worker did not say that a key moved";
  } finally {
    await native.leave();
    await ada.page.close();
  }
}

/** Least likeness of pictures that two holders of the key have (not at quite the same moment), and most of one that an eavesdropper has. */
const [ALIKE, UNLIKE] = [0.6, 0.3];
const EAVESDROP_MS = 6000;

/** Somebody who can look at ada. */
interface Onlooker {
  picture(): Promise<number[] | null>;
  leave(): Promise<void>;
}

/** Who has the key: native participants where they can speak the format, else browsers. */
async function friends(room: string, client: Client): Promise<Onlooker[]> {
  return Promise.all(
    ["friend", "other"].map(async (name) => {
      if (client.worker === "manager") {
        const { page } = await join(room, name, client, {});
        return { picture: () => page.evaluate((grid) => window.lk.picture("ada", grid), GRID), leave: () => page.close() };
      }
      const native = new Native(name);
      await native.join(sfu.url, sfu.token(room, name), PASSPHRASE.text, null);
      return { picture: () => Promise.resolve(native.picture("ada")), leave: () => native.leave() };
    }),
  );
}

/** Somebody with the server's view: subscribed to everything, with every decoder, without the key. */
async function eavesdropped(client: Client, codec: Join["codec"]): Promise<string | null> {
  const room = `call-${++calls}`;
  const eve = new Native("eve");
  const ada = await join(room, "ada", client, { codec });
  let known: Onlooker[] = [];
  try {
    known = await friends(room, client);
    await eve.eavesdrop(sfu.url, sfu.token(room, eve.name));
    await pause(EAVESDROP_MS);
    // Pictures move, and onlookers look one after the other: until two holders of the key saw the same moment.
    let alike = 0;
    for (const end = Date.now() + PATIENCE_MS; Date.now() < end; await pause(150)) {
      const [mine = null, yours = null] = await Promise.all(known.map((friend) => friend.picture()));
      const theirs = eve.picture("ada");
      alike = mine === null || yours === null ? 0 : likeness(mine, yours);
      // The check can fail: two holders of the key do see the same.
      if (mine === null || alike < ALIKE) continue;
      const got = theirs === null ? 0 : Math.abs(likeness(mine, theirs));
      return got < UNLIKE ? null : `the eavesdropper's picture has a likeness of ${got.toFixed(2)}`;
    }
    return `two holders of the key saw pictures of likeness ${alike.toFixed(2)}`;
  } finally {
    for (const friend of known) await friend.leave();
    await eve.leave();
    await ada.page.close();
  }
}

/** Ada's key steps; bob follows by the frames alone. */
async function ratchet(ada: Member, bob: Member): Promise<string | null> {
  const before = await both(ada, bob);
  if (before !== null) return before;
  await ada.page.evaluate(() => window.lk.ratchet("ada", 0), null);
  const after = await flows(bob, ada);
  if (after !== null) return after;
  const said = await bob.page.evaluate(() => window.lk.answers(), null);
  return (said["ratchetKey"] ?? 0) > 0 ? null : "bob's worker did not say that a key moved";
}

interface Result {
  readonly what: string;
  readonly sides: readonly [string, string];
  readonly failure: string | null;
}
const results: Result[] = [];
function record(result: Result): void {
  results.push(result);
  const { what, sides, failure } = result;
  console.log(`${failure === null ? "passed" : "FAILED"}  ${what}: ${sides.join(" with ")}${failure === null ? "" : `: ${failure}`}`);
}
const FEW = [
  `VP8 and Opus ${nameOf(STOCK_OLD)} ${nameOf(OURS)}`,
  `AV1 and Opus ${nameOf(MANAGER_OLD)} ${nameOf(MANAGER)}`,
  `VP8 and Opus ${nameOf(MANAGER_FIREFOX)} ${nameOf(MANAGER)}`,
  `two who speak Frameseal, and one who does not comes and goes ${nameOf(MANAGER)} ${nameOf(MANAGER)}`,
  `the connection resumed, and made anew ${nameOf(MANAGER)} ${nameOf(MANAGER)}`,
  `VP8 and Opus native SDK ${nameOf(OURS)}`,
  `a session by data packets livekit-client ${NEW}`,
  "React example, production",
  "VP8: the server's view",
];
function chosen(what: string, sides: readonly string[]): boolean {
  const name = `${what} ${sides.join(" ")}`;
  return name.includes(args.only) && (!args.few || FEW.some((start) => name.startsWith(start)));
}
const firstLine = (error: unknown): string => (error instanceof Error ? error.message : String(error)).split("\n")[0] ?? "";

/** Failures of what a busy machine does late. That something was seen or heard which must not be is none of them. */
const LATE = /\d+ of \d+|did not arrive|who has the key saw nothing|two holders of the key|was to be shown as encrypted|ada's page plays|not within|timed? ?out/i;

/** Runs a row that was asked for. Of the few, one that came late is run once more, and it is said. */
async function judged(what: string, sides: readonly [string, string], run: () => Promise<string | null>): Promise<void> {
  if (!chosen(what, sides)) return;
  let failure = await run().catch(firstLine);
  if (failure !== null && args.few && LATE.test(failure)) {
    console.log(`again   ${what}: ${sides.join(" with ")}: ${failure}`);
    failure = await run().catch(firstLine);
  }
  record({ what, sides, failure });
}

async function played(row: Row): Promise<string | null> {
  const room = `call-${++calls}`;
  const members: Member[] = [];
  try {
    members.push(await join(room, "ada", row.ada, row.setting), await join(room, "bob", row.bob, row.setting));
    const [ada, bob] = members as [Member, Member];
    return await row.play(ada, bob, room);
  } finally {
    for (const { page } of members) await page.close();
  }
}

try {
  for (const row of rows) await judged(row.what, [nameOf(row.ada), nameOf(row.bob)], () => played(row));
  for (const row of nativeRows) await judged(`${row.codec.toUpperCase()} and Opus`, ["native SDK", nameOf(row.client)], () => withNative(row));
  await judged("ratchet by the native sender", ["native SDK", nameOf(OURS)], nativeRatchet);
  for (const release of [NEW, OLD]) {
    const sides = [`livekit-client ${release}`, "itself, and in Firefox"] as const;
    await judged("a session by data packets", sides, () => overDataPackets(sfu, pages.page(release), [chromium, chromium, firefox], `call-${++calls}`));
  }
  for (const build of ["development", "production"] as const) {
    const sides = ["livekit-client 2.21.0 with Frameseal's manager", "itself, and one with another secret"] as const;
    await judged(`React example, ${build} build`, sides, () => example(build, `call-${++calls}`, sfu, chromium));
  }
  const views = [...(["vp8", "vp9", "h264"] as const).map((codec) => [OURS, codec] as const), ...(["vp8", "vp9", "h264", "av1"] as const).map((codec) => [MANAGER, codec] as const)];
  for (const [client, codec] of views) {
    await judged(`${codec.toUpperCase()}: the server's view shows nothing of the picture`, [nameOf(client), "an eavesdropper without the key"], () => eavesdropped(client, codec));
  }
} finally {
  await chromium.close();
  await firefox.close();
  pages.close();
  sfu.close();
}

const failed = results.filter(({ failure }) => failure !== null).length;
console.log(`${results.length - failed} passed, ${failed} failed, Chromium ${chromium.version}, Firefox ${firefox.version}`);
if (args.write !== undefined) {
  const lines = results.map(({ what, sides, failure }) => `| ${what} | ${sides.join(" | ")} | ${failure === null ? "passed" : `**failed**: ${failure}`} |`);
  const head = ["| call | one side | other side | |", "|---|---|---|---|"];
  writeFileSync(args.write, [`Chromium ${chromium.version}, Firefox ${firefox.version}, LiveKit server ${process.env["LIVEKIT_VERSION"] ?? "unknown"}`, "", ...head, ...lines, ""].join("\n"));
}
// The native SDK has threads of its own, which would keep the process.
process.exit(failed === 0 && results.length > 0 ? 0 : 1);
