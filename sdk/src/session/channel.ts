/**
 * The port between session and media worker (`port.ts`) for a media worker to which nobody can hand one: both open the
 * broadcast channel of a name that is drawn for the two, and the page tells them only that. Keys are not in the page then
 * either; as with a port, a script of the same origin that got hold of it in the page could listen.
 */
import type { FromMedia, ToMedia } from "./port.ts";

type OverChannel =
  /** The session's worker listens: who is there? */
  | { readonly t: "who" }
  /** A media worker listens. `run` is another one in each. */
  | { readonly t: "here"; readonly run: string }
  | { readonly t: "to"; readonly run: string; readonly message: ToMedia }
  | { readonly t: "from"; readonly run: string; readonly message: FromMedia };

/** An end, as both workers use one. */
interface End<In, Out> {
  onmessage: ((event: { readonly data: In }) => void) | null;
  postMessage(message: Out): void;
  close(): void;
}

/** A name that nobody guesses. */
export function newChannelName(): string {
  return `frameseal-${crypto.randomUUID()}`;
}

/** The session's end: tells of every media worker that comes, and what it has is the last one's. */
export function seats(name: string, seat: (end: End<FromMedia, ToMedia>) => void): () => void {
  const channel = new BroadcastChannel(name);
  let last: { readonly run: string; readonly end: End<FromMedia, ToMedia> } | null = null;
  channel.onmessage = ({ data }: { data: OverChannel }) => {
    if (data.t === "from" && data.run === last?.run) last.end.onmessage?.({ data: data.message });
    if (data.t !== "here" || data.run === last?.run) return;
    const { run } = data;
    const end: End<FromMedia, ToMedia> = {
      onmessage: null,
      postMessage(message) {
        if (last?.run === run) channel.postMessage({ t: "to", run, message } satisfies OverChannel);
        // A port moves the secret; here it was copied.
        if (message.t === "epoch") message.secret.fill(0);
      },
      close: () => undefined,
    };
    last = { run, end };
    seat(end);
  };
  channel.postMessage({ t: "who" } satisfies OverChannel);
  return () => channel.close();
}

/** The media worker's end. */
export class ChannelEnd implements End<ToMedia, FromMedia> {
  onmessage: End<ToMedia, FromMedia>["onmessage"] = null;
  readonly #channel: BroadcastChannel;
  readonly #run = crypto.randomUUID();

  constructor(name: string) {
    this.#channel = new BroadcastChannel(name);
    this.#channel.onmessage = ({ data }: { data: OverChannel }) => {
      if (data.t === "who") this.#here();
      if (data.t === "to" && data.run === this.#run) this.onmessage?.({ data: data.message });
    };
    this.#here();
  }

  postMessage(message: FromMedia): void {
    this.#tell({ t: "from", run: this.#run, message });
  }

  close(): void {
    this.onmessage = null;
    this.#channel.close();
  }

  #here(): void {
    this.#tell({ t: "here", run: this.#run });
  }

  #tell(message: OverChannel): void {
    this.#channel.postMessage(message);
  }
}
