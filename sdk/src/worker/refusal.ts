import type { Code } from "../codes.ts";

/** An error of the worker's. The page makes an `E2eeError` of it: names and reasons are texts, and stay there. */
export class Refusal extends Error {
  /** For what is refused by a part of the worker that is a file of its own, and has a class of its own. */
  override readonly name = "Refusal";

  /** Without a `message`, the page says what it knows of the code. */
  constructor(
    readonly code: Code,
    message = "",
  ) {
    super(message);
  }
}

/** True for a {@link Refusal}, whichever file it comes from. */
export function isRefusal(error: unknown): error is Refusal {
  return error instanceof Error && error.name === "Refusal";
}
