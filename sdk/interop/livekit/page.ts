/**
 * One participant of the interop calls: the real livekit-client, with its own worker or Frameseal's. Bundled once for each
 * release of livekit-client.
 */
import {
  BaseKeyProvider,
  createKeyMaterialFromBuffer,
  createKeyMaterialFromString,
  createLocalTracks,
  type LocalVideoTrack,
  Room,
  RoomEvent,
  Track,
  type RemoteTrack,
  type VideoCodec,
} from "livekit-client";
import { sessions } from "./session-page.ts";
import type * as Frameseal from "../../src/livekit/index.ts";

export interface Secret {
  readonly kind: "passphrase" | "raw";
  readonly text: string;
}

export interface Join {
  readonly url: string;
  readonly token: string;
  /** Address of the worker, or of Frameseal's manager. */
  readonly worker: string;
  readonly singlePeerConnection?: boolean;
  readonly format?: Frameseal.FormatPolicy;
  /** The room's option by its older name. */
  readonly older?: boolean;
  /** One secret for everybody, or one for each participant. */
  readonly secret: Secret | Readonly<Record<string, Secret>>;
  readonly codec: VideoCodec;
  readonly simulcast: boolean;
  /** For SVC codecs. */
  readonly scalabilityMode?: "L1T1" | "L3T3_KEY";
  readonly ratchetWindow?: number;
}

/** What a participant has of a track of somebody else. */
export interface Received {
  readonly from: string;
  readonly source: string;
  readonly codec: string;
  /** Pictures decoded, or samples played that were not made up. */
  readonly good: number;
  /** Pictures received, or samples played. */
  readonly all: number;
}

export interface Message {
  readonly from: string;
  readonly text: string;
}

class Keys extends BaseKeyProvider {
  async set(secret: Secret, identity: string | undefined, index: number): Promise<void> {
    const material =
      secret.kind === "passphrase"
        ? await createKeyMaterialFromString(secret.text)
        : await createKeyMaterialFromBuffer(new TextEncoder().encode(secret.text).buffer as ArrayBuffer);
    this.onSetEncryptionKey(material, identity, index);
  }
}

/** The topic of chat in LiveKit's own components. */
const CHAT = "lk.chat";
const errors: string[] = [];
const messages: Message[] = [];
/** What the worker said, by kind. */
const answers: Record<string, number> = {};
let room: Room;
let keys: { set(secret: Secret, identity: string | undefined, index: number): Promise<void>; ratchetKey(identity: string | undefined, index: number): void | Promise<unknown> };
let manager: Frameseal.LivekitE2EEManager | null = null;
const memberStates: string[] = [];
const formats: string[] = [];

const raw = (text: string): Uint8Array => new TextEncoder().encode(text);
const roomKeys = ({ kind, text }: Secret): Frameseal.RoomKeys => (kind === "passphrase" ? { passphrase: text } : { raw: raw(text) });

/** With Frameseal's manager in place of livekit-client's. */
async function managed(order: Join): Promise<Frameseal.LivekitE2EEManager> {
  const { createE2EEManager } = (await import(order.worker)) as typeof Frameseal;
  const shared = "kind" in order.secret;
  const made = createE2EEManager({
    ...(shared ? { keys: roomKeys(order.secret as Secret) } : {}),
    ...(order.format === undefined ? {} : { format: order.format }),
  });
  const open = made.handleEncryptedData.bind(made);
  made.handleEncryptedData = async (...args) => {
    const opened = await open(...args);
    answers["decryptDataResponse"] = (answers["decryptDataResponse"] ?? 0) + 1;
    return opened;
  };
  made.on("format", (format) => formats.push(format));
  made.on("memberState", (identity, state) => memberStates.push(`${identity} ${state}`));
  keys = {
    set: (secret, identity, index) => (identity === undefined ? made.setKeys(roomKeys(secret), index) : made.setKey(identity, raw(secret.text))),
    ratchetKey: () => made.ratchet(),
  };
  return made;
}

async function join(order: Join): Promise<void> {
  if (order.worker.endsWith("livekit.js")) {
    manager = await managed(order);
    const way = order.older === true ? { e2ee: { e2eeManager: manager } } : { encryption: { e2eeManager: manager } };
    room = new Room({ ...way, singlePeerConnection: order.singlePeerConnection ?? false });
  } else room = stock(order);
  room.on(RoomEvent.EncryptionError, (error, participant) => errors.push(`${participant?.identity ?? ""}: ${error.message}`));
  room.on(RoomEvent.DataReceived, (bytes, participant) =>
    messages.push({ from: participant?.identity ?? "", text: new TextDecoder().decode(bytes) }),
  );
  room.registerTextStreamHandler(CHAT, (reader, { identity }) => void reader.readAll().then((text) => messages.push({ from: identity, text })));
  room.on(RoomEvent.TrackSubscribed, (track: RemoteTrack) => document.body.append(track.attach()));
  const shared = "kind" in order.secret;
  if (!shared) for (const [identity, secret] of Object.entries(order.secret as Record<string, Secret>)) await keys.set(secret, identity, 0);
  if (manager === null) {
    if (shared) await keys.set(order.secret as Secret, undefined, 0);
    await room.setE2EEEnabled(true);
  }
  await room.connect(order.url, order.token);
  for (const track of await createLocalTracks({ audio: true, video: { resolution: { width: 640, height: 360, frameRate: 30 } } })) {
    await room.localParticipant.publishTrack(track, {
      videoCodec: order.codec,
      simulcast: order.simulcast,
      backupCodec: false,
      ...(order.scalabilityMode === undefined ? {} : { scalabilityMode: order.scalabilityMode }),
    });
  }
}

function stock(order: Join): Room {
  const shared = "kind" in order.secret;
  const provider = new Keys({ sharedKey: shared, ratchetWindowSize: order.ratchetWindow ?? (shared ? 0 : 8), failureTolerance: -1 });
  keys = provider;
  const worker = new Worker(order.worker, order.worker.endsWith(".mjs") ? { type: "module" } : {});
  worker.addEventListener("message", ({ data }: MessageEvent<{ kind: string }>) => {
    answers[data.kind] = (answers[data.kind] ?? 0) + 1;
  });
  return new Room({ encryption: { keyProvider: provider, worker }, singlePeerConnection: false });
}

async function received(): Promise<Received[]> {
  const all: Received[] = [];
  for (const participant of room.remoteParticipants.values()) {
    for (const { track, source } of participant.trackPublications.values()) {
      const stats = await (track as RemoteTrack | undefined)?.receiver?.getStats();
      const entries = [...(stats?.values() ?? [])] as Record<string, number & string>[];
      const inbound = entries.find(({ type }) => type === "inbound-rtp");
      const codec = entries.find(({ id }) => id === inbound?.["codecId"])?.["mimeType"] ?? "";
      const of = (name: string): number => inbound?.[name] ?? 0;
      const video = track?.kind === Track.Kind.Video;
      all.push({
        from: participant.identity,
        source,
        codec,
        good: video ? of("framesDecoded") : of("totalSamplesReceived") - of("concealedSamples"),
        all: video ? of("framesReceived") : of("totalSamplesReceived"),
      });
    }
  }
  return all;
}

const page = {
  sessions,
  join,
  received,
  errors: (): string[] => [...errors],
  messages: (): Message[] => [...messages],
  answers: (): Record<string, number> => ({ ...answers }),
  send: (text: string): Promise<void> => room.localParticipant.publishData(new TextEncoder().encode(text), { reliable: true }),
  chat: async (text: string): Promise<void> => void (await room.localParticipant.sendText(text, { topic: CHAT })),
  setKey: (secret: Secret, identity: string | undefined, index: number): Promise<void> => keys.set(secret, identity, index),
  ratchet: async (identity: string | undefined, index: number): Promise<void> => void (await keys.ratchetKey(identity, index)),
  rotate: async (): Promise<void> => void (await manager?.rotate()),
  formats: (): string[] => [...formats],
  /** What is seen of somebody's camera: brightness at a grid of points; `null` when there is no picture. */
  picture: (from: string, grid: number): number[] | null => {
    const video = room.getParticipantByIdentity(from)?.getTrackPublication(Track.Source.Camera)?.videoTrack?.attachedElements[0] as HTMLVideoElement | undefined;
    const context = Object.assign(document.createElement("canvas"), { width: video?.videoWidth ?? 0, height: video?.videoHeight ?? 0 }).getContext("2d");
    if (video === undefined || context === null || video.videoWidth < grid) return null;
    context.drawImage(video, 0, 0);
    const { data, width, height } = context.getImageData(0, 0, video.videoWidth, video.videoHeight);
    return Array.from({ length: grid * grid }, (_, n) => {
      const [x, y] = [Math.floor((((n % grid) + 0.5) / grid) * width), Math.floor(((Math.floor(n / grid) + 0.5) / grid) * height)];
      const pixel = (y * width + x) * 4;
      return (data[pixel] ?? 0) + (data[pixel + 1] ?? 0) + (data[pixel + 2] ?? 0);
    });
  },
  memberStates: (): string[] => [...memberStates],
  report: async (): Promise<string> => JSON.stringify(await manager?.getReport()),
  mute: async (muted: boolean): Promise<void> => {
    await room.localParticipant.setMicrophoneEnabled(!muted);
    await room.localParticipant.setCameraEnabled(!muted);
  },
  share: async (on: boolean): Promise<void> => void (await room.localParticipant.setScreenShareEnabled(on)),
  otherCamera: async (): Promise<void> => {
    const camera = room.localParticipant.getTrackPublication(Track.Source.Camera)?.videoTrack as LocalVideoTrack | undefined;
    await camera?.restartTrack({ resolution: { width: 320, height: 240, frameRate: 30 } });
  },
  reconnect: async (how: "signal-reconnect" | "resume-reconnect" | "full-reconnect" | "migration"): Promise<void> => {
    const back = new Promise<void>((resolve) => {
      room.once(RoomEvent.Reconnected, () => resolve());
      if (how === "signal-reconnect") room.once(RoomEvent.SignalReconnecting, () => setTimeout(resolve, 1500));
    });
    await room.simulateScenario(how);
    await back;
  },
  leave: (): Promise<void> => room.disconnect(),
};

declare global {
  interface Window {
    lk: typeof page;
  }
}
window.lk = page;
