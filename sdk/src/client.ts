/** The page's end of the worker: numbers requests, hands out events, notices when the worker is gone. */
import { E2eeError, nameOf, reasonOf } from "./errors.ts";
import type { Answers, Ask, FromWorker, Request, ToWorker } from "./protocol.ts";

/** How long a request may take, milliseconds. Stretching a secret on a slow phone takes seconds. */
const PATIENCE_MS = 30_000;
/** Without a pulse for so long the worker counts as gone. */
const SILENCE_MS = 3_000;

/** Messages that are no answers. */
export type WorkerEvent = Exclude<FromWorker, { readonly id: number }>;

/** What each request is for, in words that an error begins with. */
const ATTEMPTS: Readonly<Record<Request["t"], string>> = {
  init: "could not start",
  "room-secret": "could not set the room's secret",
  "sender-key": "could not set the own key",
  "receiver-key": "could not set a participant's key",
  add: "could not add a participant",
  remove: "could not remove a participant",
  rotate: "could not rotate",
  ratchet: "could not ratchet",
  "seal-data": "could not seal data",
  "open-data": "could not open data",
  compat: "could not do it in LiveKit's format",
  tally: "could not count frames",
  report: "could not make a report",
};

interface Waiting {
  readonly what: string;
  resolve(value: never): void;
  reject(error: E2eeError): void;
  readonly timer: ReturnType<typeof setTimeout>;
}

/** See the file's comment. */
export class WorkerClient {
  readonly #worker: Worker;
  readonly #waiting = new Map<number, Waiting>();
  readonly #onEvent: (event: WorkerEvent) => void;
  readonly #onLost: (reason: string) => void;
  #next = 1;
  #closed = false;
  #silent = 0;
  #watch: ReturnType<typeof setInterval> | null = null;

  constructor(worker: Worker, onEvent: (event: WorkerEvent) => void, onLost: (reason: string) => void) {
    this.#worker = worker;
    this.#onEvent = onEvent;
    this.#onLost = onLost;
    worker.onmessage = (event: MessageEvent<FromWorker>) => this.#receive(event.data);
    worker.onerror = (event) => {
      event.preventDefault();
      this.#lost(event.message || "the worker script did not load: check its URL and the page's worker-src");
    };
    worker.onmessageerror = () => this.#lost("a message of the worker could not be read");
  }

  /** The worker itself, for `RTCRtpScriptTransform`. */
  get worker(): Worker {
    return this.#worker;
  }

  /** Asks and waits. Rejects with an {@link E2eeError}. */
  ask<T extends Request["t"]>(request: Extract<Ask, { readonly t: T }>, transfer: Transferable[] = []): Promise<Answers[T]> {
    if (this.#closed) return Promise.reject(new E2eeError("Closed", "this E2EE was closed"));
    const id = this.#next++;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#waiting.delete(id);
        reject(new E2eeError("WorkerFailed", `the worker did not answer "${request.t}" in ${PATIENCE_MS / 1000} s`));
      }, PATIENCE_MS);
      const who = "participant" in request && request.t !== "init" ? ` (${request.participant})` : "";
      this.#waiting.set(id, { what: ATTEMPTS[request.t] + who, resolve, reject, timer });
      this.#worker.postMessage({ ...request, id }, transfer);
    });
  }

  /** Tells, without an answer. */
  tell(message: Exclude<ToWorker, Request>, transfer: Transferable[] = []): void {
    if (!this.#closed) this.#worker.postMessage(message, transfer);
  }

  /** Ends the worker. Its transforms then pass nothing: that is the browser's doing, and the safe side. */
  close(): void {
    if (this.#closed) return;
    this.tell({ t: "close" });
    this.#closed = true;
    if (this.#watch !== null) clearInterval(this.#watch);
    this.#rejectAll("this E2EE was closed", "Closed");
    this.#worker.terminate();
  }

  #receive(message: FromWorker): void {
    if (message.t === "done" || message.t === "failed") {
      const waiting = this.#waiting.get(message.id);
      if (waiting === undefined) return;
      this.#waiting.delete(message.id);
      clearTimeout(waiting.timer);
      if (message.t === "done") waiting.resolve(message.value as never);
      else waiting.reject(new E2eeError(nameOf(message.code), `${waiting.what}: ${message.message || reasonOf(message.code)}`));
      return;
    }
    if (message.t === "pulse") this.#heard();
    this.#onEvent(message);
  }

  #heard(): void {
    this.#silent = 0;
    // Counted in own ticks, so that a page that slept does not blame the worker.
    this.#watch ??= setInterval(() => {
      if (++this.#silent * 500 === SILENCE_MS) this.#onLost("the worker fell silent");
    }, 500);
  }

  #lost(reason: string): void {
    this.#rejectAll(reason, "WorkerFailed");
    this.#onLost(reason);
  }

  #rejectAll(reason: string, name: "Closed" | "WorkerFailed"): void {
    for (const waiting of this.#waiting.values()) {
      clearTimeout(waiting.timer);
      waiting.reject(new E2eeError(name, reason));
    }
    this.#waiting.clear();
  }
}
