/** Members of a session in a LiveKit room: their messages by its data packets, their order by the log. */
import { Relay } from "../../test/relay.ts";
import type { TestBrowser, TestPage } from "../../e2e/browsers.ts";
import type { Sfu } from "./server.ts";
import type { Enter, Entered } from "./session-page.ts";

const PATIENCE_MS = 20_000;
const TOPIC = "frameseal-session";

/** A member in a page of its own. */
class Member {
  constructor(
    readonly name: string,
    readonly page: TestPage,
  ) {}

  entered(): Promise<Entered> {
    return this.page.evaluate(() => window.lk.sessions.entered(), null);
  }
}

/** Says what is wrong; `null`: nothing. */
export async function overDataPackets(sfu: Sfu, address: string, browsers: readonly [TestBrowser, TestBrowser, TestBrowser], room: string): Promise<string | null> {
  const relay = await Relay.start();
  const members: Member[] = [];
  const enter = async (name: string, browser: TestBrowser, alone = false): Promise<Member> => {
    const member = new Member(name, await browser.open(address));
    members.push(member);
    const order: Enter = { url: sfu.url, token: sfu.token(room, name), participant: name, log: relay.url(room), alone };
    await member.page.evaluate((order: Enter) => window.lk.sessions.enter(order), order);
    return member;
  };
  /** Waits until all of them see these members in one epoch, and more if wanted. */
  const agree = async (who: readonly Member[], names: string, more: (all: readonly Entered[]) => boolean = () => true): Promise<Entered[]> => {
    const end = Date.now() + PATIENCE_MS;
    for (;;) {
      const all = await Promise.all(who.map((one) => one.entered()));
      const one = all.every(({ code, members, sealing, epoch }) => code === all[0]?.code && members.join(" ") === names && sealing === epoch);
      if (one && more(all)) return all;
      if (Date.now() > end) throw new Error(`not within ${PATIENCE_MS} ms: ${names}: ${JSON.stringify(all)}`);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  };
  const oneEmoji = (all: readonly Entered[]): boolean => all[0]?.emoji.length === 7 && all.every(({ emoji }) => emoji.join() === all[0]?.emoji.join());
  try {
    const [ada, bob, cleo] = [await enter("ada", browsers[0]), await enter("bob", browsers[1]), await enter("cleo", browsers[2])] as const;
    const three = [ada, bob, cleo];
    const before = await agree(three, "ada bob cleo", (all) => all.every(({ sent }) => sent.reached.length === 2));
    await ada.page.evaluate(() => window.lk.sessions.rotate(), null);
    const turned = await agree(three, "ada bob cleo", (all) => (all[0]?.epoch ?? 0) > (before[0]?.epoch ?? 0) && all.every(({ packets }) => (packets[TOPIC] ?? 0) > 0));
    for (const [n, { sent, outside, trouble }] of turned.entries()) {
      if (sent.byData === 0) return `${three[n]?.name} sent nothing by data packets`;
      if (outside.length > 0) return `outside: ${outside.join()}`;
      if (trouble.length > 0) return trouble.join(" | ");
    }

    // The relay is away, and members still hear each other.
    await relay.down();
    await bob.page.evaluate(() => window.lk.sessions.compare(), null);
    const compared = await agree(three, "ada bob cleo", oneEmoji);
    const byLog = (all: readonly Entered[]): string => all.map(({ sent }) => sent.byLog).join();
    if (byLog(compared) !== byLog(turned)) return `by the log: ${byLog(turned)}, then ${byLog(compared)}`;
    await relay.up();

    // Somebody who is not in the room hears by the log, and is removed when it does not come.
    const dan = await enter("dan", browsers[0], true);
    const four = await agree([...three, dan], "ada bob cleo dan");
    await cleo.page.evaluate(() => window.lk.sessions.compare(), null);
    const all = await agree([...three, dan], "ada bob cleo dan", oneEmoji);
    if ((all[0]?.sent.byLog ?? 0) <= (four[0]?.sent.byLog ?? 0)) return "dan was forgotten, and heard nevertheless";
    await agree(three, "ada bob cleo");
    if ((await dan.entered()).state !== "removed") return `dan is ${(await dan.entered()).state}`;

    // Who leaves says so; who vanishes is missed.
    await cleo.page.evaluate(() => window.lk.sessions.leave(), null);
    await agree([ada, bob], "ada bob");
    await bob.page.evaluate(() => window.lk.sessions.vanish(), null);
    await agree([ada], "ada");
    return null;
  } finally {
    for (const { page } of members) await page.close();
    await relay.close();
  }
}
