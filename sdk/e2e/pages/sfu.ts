/** What the tests through the SFU call in their page: participants by id, all in this page, each with a worker of its own. */
import { Member, type Order, type Stream } from "./member.ts";
import { picture, silence, sleep, stopwatch, tone, until } from "./media.ts";

const members = new Map<string, Member>();

function member(id: string): Member {
  const found = members.get(id);
  if (found === undefined) throw new Error(`${id} is not here`);
  return found;
}

const api = {
  Member,
  member,
  picture,
  silence,
  stopwatch,
  tone,
  until,
  async join(order: Order): Promise<void> {
    members.set(order.id, await Member.join(order));
  },
  /** Joins, and sends a picture (640x360) and a tone. */
  async talk(order: Order): Promise<void> {
    await api.join(order);
    await member(order.id).publish("audio", tone());
    await member(order.id).publish("video", picture(), `video/${order.codec ?? "VP8"}`);
  },
  leave(id: string): void {
    member(id).leave();
    members.delete(id);
  },
  /** What `id` has of `of`. */
  async stream(id: string, of: string, kind: Stream["kind"] = "video"): Promise<Stream | null> {
    return (await member(id).streams()).find((stream) => stream.of === of && stream.kind === kind) ?? null;
  },
  /** How many packets or frames of a kind `id` sends in so many milliseconds. */
  async sendsIn(id: string, kind: Stream["kind"], ms: number): Promise<number> {
    const before = await member(id).sentFrames(kind);
    await sleep(ms);
    return (await member(id).sentFrames(kind)) - before;
  },
  /** Waits until `id` has decoded `more` further pictures of `of`; gives the stream then. */
  async decodes(id: string, of: string, more: number, ms = 20_000, kind: Stream["kind"] = "video"): Promise<Stream> {
    const from = (await api.stream(id, of, kind))?.decoded ?? 0;
    let last: Stream | null = null;
    try {
      await until(async () => ((last = await api.stream(id, of, kind))?.decoded ?? 0) >= from + more, ms, "");
    } catch {
      throw new Error(`${id} did not decode ${more} pictures of ${of} (${kind}) in ${ms} ms: ${JSON.stringify(last)}, ${members.get(id)?.errors.slice(-2).map(({ message }) => message).join("; ")}`);
    }
    return last as unknown as Stream;
  },
};

declare global {
  interface Window {
    sfu: typeof api;
  }
}
window.sfu = api;
document.title = "ready";
