/** The page's end of the session worker: numbers requests, hands out the rest. */
import { E2eeError, nameOf, reasonOf } from "../errors.ts";
import type { FromSession, SessionAsk, SessionRequest, ToSession } from "./protocol.ts";

/** How long a request may take, milliseconds: the first one loads the module. */
const PATIENCE_MS = 30_000;

/** What each request is for, in words that an error begins with. */
const ATTEMPTS: Readonly<Record<SessionRequest["t"], string>> = {
  init: "the session could not start",
  introduce: "could not say who this is",
  policy: "could not ask for another policy",
  rotate: "could not ask for fresh keys",
  remove: "could not remove a member",
  compare: "could not ask for emoji to compare",
  same: "could not note that people compared",
  leave: "could not leave",
  report: "could not make a report",
  verdict: "could not answer who may be in",
};

/** Messages that are no answers. */
export type SessionWorkerEvent = Exclude<FromSession, { readonly id: number }>;

interface Waiting {
  readonly what: string;
  resolve(value: Extract<FromSession, { readonly t: "done" }>["value"]): void;
  reject(error: E2eeError): void;
  readonly timer: ReturnType<typeof setTimeout>;
}

/** See the file's comment. */
export class SessionClient {
  readonly #worker: Worker;
  readonly #waiting = new Map<number, Waiting>();
  #next = 1;
  #closed = false;

  constructor(worker: Worker, onEvent: (event: SessionWorkerEvent) => void, onLost: (reason: string) => void) {
    this.#worker = worker;
    worker.onmessage = ({ data }: MessageEvent<FromSession>) => {
      if (data.t === "done" || data.t === "failed") this.#answered(data);
      else onEvent(data);
    };
    worker.onerror = (event) => {
      event.preventDefault();
      const reason = event.message || "the session worker did not load: check its URL and the page's worker-src";
      this.#rejectAll("WorkerFailed", reason);
      onLost(reason);
    };
  }

  /** Asks and waits. Rejects with an {@link E2eeError}. */
  ask(request: SessionAsk): Promise<Extract<FromSession, { readonly t: "done" }>["value"]> {
    if (this.#closed) return Promise.reject(new E2eeError("SessionOver", "this session was closed"));
    const id = this.#next++;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#waiting.delete(id);
        reject(new E2eeError("WorkerFailed", `the session worker did not answer "${request.t}" in ${PATIENCE_MS / 1000} s`));
      }, PATIENCE_MS);
      this.#waiting.set(id, { what: ATTEMPTS[request.t], resolve, reject, timer });
      this.#worker.postMessage({ ...request, id });
    });
  }

  /** Tells, without an answer. */
  tell(message: Exclude<ToSession, SessionRequest>, transfer: Transferable[] = []): void {
    if (!this.#closed) this.#worker.postMessage(message, transfer);
  }

  /** Ends the worker; it wipes its keys by itself. */
  close(): void {
    if (this.#closed) return;
    this.tell({ t: "close" });
    this.#closed = true;
    this.#rejectAll("SessionOver", "this session was closed");
  }

  #answered(answer: Extract<FromSession, { readonly id: number }>): void {
    const waiting = this.#waiting.get(answer.id);
    if (waiting === undefined) return;
    this.#waiting.delete(answer.id);
    clearTimeout(waiting.timer);
    if (answer.t === "done") waiting.resolve(answer.value);
    else waiting.reject(new E2eeError(nameOf(answer.code), `${waiting.what}: ${answer.message || reasonOf(answer.code)}`));
  }

  #rejectAll(name: "SessionOver" | "WorkerFailed", reason: string): void {
    for (const waiting of this.#waiting.values()) {
      clearTimeout(waiting.timer);
      waiting.reject(new E2eeError(name, reason));
    }
    this.#waiting.clear();
  }
}
