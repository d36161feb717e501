import { Code } from "./codes.ts";

/** Stable error numbers by name, the same in Rust, C and TypeScript. */
export const CODE = {
  Layout: Code.Layout,
  Header: Code.Header,
  TooShort: Code.TooShort,
  UnknownVersion: Code.UnknownVersion,
  WrongCodec: Code.WrongCodec,
  Trailer: Code.Trailer,
  UnknownKey: Code.UnknownKey,
  TooFar: Code.TooFar,
  Replayed: Code.Replayed,
  TooOld: Code.TooOld,
  Rejected: Code.Rejected,
  StaleOpen: Code.StaleOpen,
  UnknownCodec: Code.UnknownCodec,
  Plaintext: Code.Plaintext,
  Injected: Code.Injected,
  SealLayout: Code.SealLayout,
  Worn: Code.Worn,
  StepsUsedUp: Code.StepsUsedUp,
  UnsupportedSuite: Code.UnsupportedSuite,
  Refused: Code.Refused,
  OldEpoch: Code.OldEpoch,
  WrongScheme: Code.WrongScheme,
  StaleSeal: Code.StaleSeal,
  NoSenderKey: Code.NoSenderKey,
  SealUnknownCodec: Code.SealUnknownCodec,
  BadOption: Code.BadOption,
  BadAnnouncement: Code.BadAnnouncement,
  UnknownParticipant: Code.UnknownParticipant,
  NotWatched: Code.NotWatched,
  Closed: Code.Closed,
  BadKey: Code.BadKey,
  TooManyAnnouncements: Code.TooManyAnnouncements,
  WorkerFailed: Code.WorkerFailed,
  WasmFailed: Code.WasmFailed,
  AttachTooLate: Code.AttachTooLate,
  NotAttached: Code.NotAttached,
  Unsupported: Code.Unsupported,
  SessionOver: Code.SessionOver,
  NotJoined: Code.NotJoined,
  NoSuchMember: Code.NoSuchMember,
  NoSuchQuestion: Code.NoSuchQuestion,
  BadMessage: Code.BadMessage,
  WrongEpoch: Code.WrongEpoch,
  NotAuthentic: Code.NotAuthentic,
  BadName: Code.BadName,
  RelayUnreachable: Code.RelayUnreachable,
  RelayRefused: Code.RelayRefused,
  RelayTooLarge: Code.RelayTooLarge,
  RelayTooOld: Code.RelayTooOld,
  RelayBadMessage: Code.RelayBadMessage,
  Internal: Code.Internal,
} as const satisfies Readonly<Record<string, Code>>;

/** The name of an error code. */
export type ErrorName = keyof typeof CODE;

/** What the application should do about an error. */
export type Reaction = "drop" | "ask-for-key" | "rotate" | "fix-your-code" | "refuse" | "report-bug";

const NAMES = new Map<number, ErrorName>((Object.entries(CODE) as [ErrorName, number][]).map(([name, n]) => [n, name]));

/** The name of a code; `Internal` for a number that is not in {@link CODE}. */
export function nameOf(code: number): ErrorName {
  return NAMES.get(code) ?? "Internal";
}

/** What lies behind a code, where a name does not say it. */
const REASONS: Partial<Record<ErrorName, string>> = {
  BadOption: "call and participant must be 1 to 512 bytes, and the suite one of the registry's",
  BadAnnouncement: "the announcement names a cipher suite that this version does not know",
  BadKey: "a key must have 16 to 256 bytes",
  TooManyAnnouncements: "this participant was announced too often under one secret",
  NoSenderKey: "no key was set for this sender",
  StepsUsedUp: "no ratchet step is left in this generation: rotate",
  SessionOver: "the session is over: make another",
  NotJoined: "this is for members, and the session has not entered the group yet",
  NoSuchMember: "no such member is in the group",
  NoSuchQuestion: "this was not asked, or was answered already",
  BadMessage: "bytes that are no message of this kind",
  WrongEpoch: "a message of another group or epoch",
  NotAuthentic: "a message that does not authenticate, or breaks a rule of MLS",
  BadName: "room, participant and name must be 1 to 512 bytes",
  RelayUnreachable: "the relay does not answer",
  RelayRefused: "the relay refused",
  RelayTooLarge: "the relay takes no entry of this size",
  RelayTooOld: "the relay has dropped entries that this session needs",
  RelayBadMessage: "the relay sent bytes that are no message of its protocol",
};

/** Why something failed with `code`, in words. */
export function reasonOf(code: number): string {
  const name = nameOf(code);
  return REASONS[name] ?? name;
}

/** What to do about a code. */
export function reactionOf(code: number): Reaction {
  if (code === CODE.UnknownKey || code === CODE.TooFar || code === CODE.NoSenderKey) return "ask-for-key";
  if (code === CODE.Worn || code === CODE.StepsUsedUp) return "rotate";
  if (code >= 220 && code < 240 && code !== CODE.Refused) return "fix-your-code";
  if (code < 300) return "drop";
  if (code === CODE.TooManyAnnouncements) return "refuse";
  if (code < 500) return "fix-your-code";
  // A relay that is late or wrong is tried again by the session itself.
  if (code >= 610 && code < 700) return "drop";
  return code < 700 ? "refuse" : "report-bug";
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
