/**
 * Stable error numbers, the same in Rust, C and TypeScript; a number is never used again for another meaning.
 *
 * 100 to 199 opening a frame, 200 to 299 sealing one, 400 to 499 misuse of this API, 500 to 599 the browser,
 * 900 our bug.
 */
export const CODE = {
  Layout: 100,
  Header: 101,
  TooShort: 102,
  UnknownVersion: 103,
  WrongCodec: 104,
  UnknownKey: 110,
  TooFar: 111,
  Replayed: 120,
  TooOld: 121,
  Rejected: 130,
  StaleOpen: 140,
  UnknownCodec: 150,
  Plaintext: 151,
  SealLayout: 200,
  Worn: 210,
  StepsUsedUp: 211,
  UnsupportedSuite: 220,
  Refused: 221,
  OldEpoch: 230,
  WrongScheme: 231,
  StaleSeal: 240,
  NoSenderKey: 250,
  SealUnknownCodec: 251,
  BadOption: 400,
  BadAnnouncement: 401,
  UnknownParticipant: 402,
  NotWatched: 403,
  Closed: 404,
  BadKey: 405,
  TooManyAnnouncements: 406,
  WorkerFailed: 500,
  WasmFailed: 501,
  AttachTooLate: 510,
  NotAttached: 511,
  Unsupported: 512,
  Internal: 900,
} as const;

/** The name of an error code. */
export type ErrorName = keyof typeof CODE;

/** What the application should do about an error. */
export type Reaction = "drop" | "ask-for-key" | "rotate" | "fix-your-code" | "refuse" | "report-bug";

const NAMES = new Map<number, ErrorName>((Object.entries(CODE) as [ErrorName, number][]).map(([name, n]) => [n, name]));

/** The name of a code; `Internal` for a number that is not in {@link CODE}. */
export function nameOf(code: number): ErrorName {
  return NAMES.get(code) ?? "Internal";
}

/** What to do about a code. */
export function reactionOf(code: number): Reaction {
  if (code === CODE.UnknownKey || code === CODE.TooFar || code === CODE.NoSenderKey) return "ask-for-key";
  if (code === CODE.Worn || code === CODE.StepsUsedUp) return "rotate";
  if (code >= 220 && code < 240 && code !== CODE.Refused) return "fix-your-code";
  if (code < 300) return "drop";
  if (code === CODE.TooManyAnnouncements) return "refuse";
  if (code < 500) return "fix-your-code";
  return code < 600 ? "refuse" : "report-bug";
}

/** Every error this package throws or rejects with. */
export class E2eeError extends Error {
  /** Stable number, see {@link CODE}. */
  readonly code: number;
  /** What to do about it. */
  readonly reaction: Reaction;

  constructor(name: ErrorName, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = `E2eeError(${name})`;
    this.code = CODE[name];
    this.reaction = reactionOf(this.code);
  }
}
