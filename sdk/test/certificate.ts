/** Certificates for tests (RFC 5280), signed by ECDSA on P-256. */
import { generateKeyPairSync, type KeyObject, sign } from "node:crypto";

function der(tag: number, ...parts: (Uint8Array | number[])[]): Buffer {
  const content = Buffer.concat(parts.map((part) => Buffer.from(part)));
  const { length } = content;
  const size = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 255];
  return Buffer.concat([Buffer.from([tag, ...size]), content]);
}

const sequence = (...parts: (Uint8Array | number[])[]): Buffer => der(0x30, ...parts);
const COMMON_NAME = [0x55, 4, 3];
const BASIC = [0x55, 0x1d, 19];
const KEY_USAGE = [0x55, 0x1d, 15];
const NAMES = [0x55, 0x1d, 17];
const PURPOSES = [0x55, 0x1d, 37];
const CLIENT_AUTH = [0x2b, 6, 1, 5, 5, 7, 3, 2];
const SERVER_AUTH = [0x2b, 6, 1, 5, 5, 7, 3, 1];
const ECDSA_SHA256 = sequence(der(6, [0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2]));

const name = (text: string): Buffer => sequence(der(0x31, sequence(der(6, COMMON_NAME), der(0x0c, Buffer.from(text)))));
const extension = (id: number[], value: Uint8Array, critical = false): Buffer => sequence(der(6, id), critical ? der(1, [0xff]) : [], der(4, value));
const time = (ms: number): Buffer => der(0x18, Buffer.from(`${new Date(ms).toISOString().replace(/[-:T]/g, "").slice(0, 14)}Z`));

/** An authority, or somebody for whom one vouches. */
export interface Holder {
  readonly name: string;
  readonly key: KeyObject;
  readonly certificate: Buffer;
}

/** What is in a certificate, where it is not as usual. */
export interface Details {
  readonly email?: string;
  readonly server?: boolean;
  readonly until?: number;
  readonly curve?: "P-256" | "P-384";
}

let serial = 1;

/** A certificate for a fresh key, by `authority`, or by itself. */
export function certified(subject: string, authority: Holder | null, { email, server = false, until = Date.now() + 3_600_000, curve = "P-256" }: Details = {}): Holder {
  const keys = generateKeyPairSync("ec", { namedCurve: curve });
  const extensions =
    authority === null
      ? [extension(BASIC, sequence(der(1, [0xff])), true), extension(KEY_USAGE, der(3, [1, 0x06]), true)]
      : [
          extension(KEY_USAGE, der(3, [7, 0x80]), true),
          extension(PURPOSES, sequence(der(6, server ? SERVER_AUTH : CLIENT_AUTH))),
          ...(email === undefined ? [] : [extension(NAMES, sequence(der(0x81, Buffer.from(email))))]),
        ];
  const body = sequence(
    der(0xa0, der(2, [2])),
    der(2, [serial++]),
    ECDSA_SHA256,
    name(authority?.name ?? subject),
    sequence(time(Date.now() - 3_600_000), time(until)),
    name(subject),
    keys.publicKey.export({ type: "spki", format: "der" }),
    der(0xa3, sequence(...extensions)),
  );
  const signature = sign("sha256", body, authority?.key ?? keys.privateKey);
  return { name: subject, key: keys.privateKey, certificate: sequence(body, ECDSA_SHA256, der(3, [0], signature)) };
}

/** As WebCrypto has it; not extractable. */
export function webKey({ key }: Holder, curve: "P-256" | "P-384" = "P-256"): Promise<CryptoKey> {
  return crypto.subtle.importKey("pkcs8", key.export({ type: "pkcs8", format: "der" }), { name: "ECDSA", namedCurve: curve }, false, ["sign"]);
}

export function pem(certificate: Buffer): string {
  return `-----BEGIN CERTIFICATE-----\n${certificate.toString("base64").replace(/(.{64})/g, "$1\n")}\n-----END CERTIFICATE-----\n`;
}
