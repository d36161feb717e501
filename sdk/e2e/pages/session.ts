/** What a session says where it cannot be. */
import { frameseal, framesealSession } from "./pair.ts";

/** A carrier that never answers. */
const nowhere = { start() {}, append() {}, read() {}, knock() {}, take() {}, send() {}, close() {} };

/** Starts a session, then the encryption with it under each engine; gives the state, or the error's name and words. */
export async function session({ path }: { path: string }): Promise<string[]> {
  const [{ createE2EE }, { createSession }] = [await frameseal(), await framesealSession()];
  const words = (error: unknown): string => (error instanceof Error ? `${error.name}: ${error.message}` : String(error));
  const options = { room: "r", participant: "p", transport: nowhere, workerUrl: `${path}/dist/session-worker.js` };
  const made = await createSession(options).catch(words);
  if (typeof made === "string") return [made];
  const said: string[] = [made.state];
  for (const more of [{}, { engine: "webcrypto" }, { call: "another" }, { keys: { secret: "x" } }] as const) {
    const workerUrl = `${path}/dist/worker.js`;
    const e2ee = await createE2EE({ call: "r", participant: "p", session: made, workerUrl, ...more }).catch(words);
    said.push(typeof e2ee === "string" ? e2ee : `${e2ee.engine} ${(await e2ee.getReport()).session?.state ?? "no session"} ${await e2ee.setRoomSecret("x").then(String, words)}`);
    if (typeof e2ee !== "string") e2ee.close();
  }
  made.close();
  return said;
}
