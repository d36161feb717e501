/** The word of authorities that the application pinned: certificates of members, checked by every member by itself. */
import { Authorities, chain_message, chain_proof } from "../../wasm/x509.js";
import { E2eeError } from "../errors.ts";
import { unhex } from "../hex.ts";
import type { SessionIdentity, Somebody, Verdict } from "../session/members.ts";
import { type IdentityWasm, loadX509 } from "./module.ts";
import { type Known, knownOf } from "./openid.ts";

/** A certificate: DER, or PEM, which may have several. */
export type Certificate = Uint8Array | string;

/** How a certificate's key signs, by the name that TLS 1.3 has for it. */
export type Scheme = "rsa_pkcs1_sha256" | "ecdsa_secp256r1_sha256" | "ecdsa_secp384r1_sha384" | "rsa_pss_rsae_sha256" | "ed25519";

/** The own certificate, and what signs with its key. */
export interface OwnCertificate {
  /** The own certificate, and those that lead to an authority; that of the authority may be left out. */
  readonly chain: Certificate | readonly Certificate[];
  /** The key of the first of them: a private key of WebCrypto (RSA with SHA-256, ECDSA on P-256 or P-384, Ed25519), or a signer such as a smart card. */
  readonly key: CryptoKey | Signer;
}

/** Signs with a key that is elsewhere. */
export interface Signer {
  readonly scheme: Scheme;
  /** The signature of this message, ECDSA in DER. */
  sign(message: Uint8Array<ArrayBuffer>): Promise<Uint8Array> | Uint8Array;
}

/** Options of {@link x509Identity}. */
export interface X509Options {
  /** The room, as for `createSession`: what a certificate's key signs is for it alone. */
  readonly room: string;
  /** Certificates of the authorities whose word is taken. */
  readonly authorities: Certificate | readonly Certificate[];
  /** What this member shows. Default: nothing; it checks the others' certificates only. */
  readonly own?: OwnCertificate;
  /**
   * Lists of revoked certificates, DER: one for each authority that a chain goes through. If there is any, a certificate without one,
   * or with one that is past its next update, is refused.
   */
  readonly revocationLists?: readonly Uint8Array[];
  /** What certificates must be for: client authentication, or that or protection of e-mail. Default: `client`. */
  readonly purpose?: "client" | "client-or-email";
  /** The module `x509.wasm`. Default: beside this one. */
  readonly wasm?: IdentityWasm;
}

/** Made by {@link x509Identity}. */
export interface X509Identity extends SessionIdentity {
  proof(key: Uint8Array): Promise<Uint8Array>;
  /** `verified` where an authority vouches, `refused` where what is shown does not hold, `unverified` where nothing is shown. */
  readonly verdict: Verdict;
  /** Who somebody is, if an authority vouches for it now; throws an `E2eeError` `NotAuthentic` where its proof does not hold. */
  who(of: Somebody): Known | null;
}

const SCHEMES: Readonly<Record<Scheme, number>> = {
  rsa_pkcs1_sha256: 0x0401,
  ecdsa_secp256r1_sha256: 0x0403,
  ecdsa_secp384r1_sha384: 0x0503,
  rsa_pss_rsae_sha256: 0x0804,
  ed25519: 0x0807,
};

/**
 * An identity by X.509 (RFC 5280): the certificate's key signs the key of the call.
 *
 * @throws E2eeError `BadOption` for certificates or keys that cannot be used, `WasmFailed`.
 */
export async function x509Identity(options: X509Options): Promise<X509Identity> {
  const { room, own, revocationLists = [], purpose = "client" } = options;
  await loadX509(options.wasm);
  const authorities = new Authorities();
  for (const one of certificates(options.authorities)) authorities.add_anchor(one);
  for (const list of revocationLists) authorities.add_revocation_list(list);
  try {
    authorities.pin(purpose === "client-or-email");
  } catch (error) {
    throw new E2eeError("BadOption", `authorities: ${String(error)}`);
  }
  const chain = own === undefined ? null : encoded(certificates(own.chain));
  const signer = own === undefined ? null : "sign" in own.key ? own.key : signerOf(own.key);
  const who = ({ proof, key }: Somebody): Known | null => {
    try {
      return knownOf(authorities.verify(proof, unhex(key), room, Date.now()));
    } catch (error) {
      throw new E2eeError("NotAuthentic", String(error));
    }
  };
  return {
    proof: async (key) => {
      if (chain === null || signer === null) return new Uint8Array();
      const message = chain_message(key, room) as Uint8Array<ArrayBuffer>;
      if (message.length === 0) throw new E2eeError("BadKey", "a signature key has 32 bytes");
      const signature = await signer.sign(message);
      try {
        return chain_proof(SCHEMES[signer.scheme], chain, signature);
      } catch (error) {
        throw new E2eeError("BadOption", `own: ${String(error)}`);
      }
    },
    verdict: (one) => {
      try {
        return who(one) === null ? "unverified" : "verified";
      } catch {
        return "refused";
      }
    },
    who,
  };
}

/** All certificates, DER. */
function certificates(given: Certificate | readonly Certificate[]): Uint8Array[] {
  const all = typeof given === "string" || given instanceof Uint8Array ? [given] : given;
  return all.flatMap((one) => {
    if (typeof one !== "string") return [one];
    const found = [...one.matchAll(/-----BEGIN CERTIFICATE-----([A-Za-z0-9+/=\s]+)-----END CERTIFICATE-----/g)];
    if (found.length === 0) throw new E2eeError("BadOption", "want certificates in DER or PEM, got a text without any");
    try {
      return found.map(([, text = ""]) => Uint8Array.from(atob(text.replace(/\s/g, "")), (char) => char.charCodeAt(0)));
    } catch {
      throw new E2eeError("BadOption", "a certificate in PEM is not base64");
    }
  });
}

/** `count (1) | count x (length (2) | certificate)`. */
function encoded(chain: readonly Uint8Array[]): Uint8Array {
  if (chain.length > 255 || chain.some(({ length }) => length > 0xffff)) throw new E2eeError("BadOption", "own.chain: too many certificates, or one is too long");
  return Uint8Array.from([chain.length, ...chain.flatMap((one) => [one.length >> 8, one.length & 255, ...one])]);
}

/** How WebCrypto signs with a key. */
function signerOf(key: CryptoKey): Signer {
  const { name, namedCurve, hash } = key.algorithm as { name: string; namedCurve?: string; hash?: { name: string } };
  const by = (scheme: Scheme, how: AlgorithmIdentifier | RsaPssParams | EcdsaParams, then = (raw: Uint8Array<ArrayBuffer>): Uint8Array => raw): Signer => ({
    scheme,
    sign: async (message) => then(new Uint8Array(await crypto.subtle.sign(how, key, message))),
  });
  const sha256 = hash?.name === "SHA-256";
  if (name === "RSASSA-PKCS1-v1_5" && sha256) return by("rsa_pkcs1_sha256", { name });
  if (name === "RSA-PSS" && sha256) return by("rsa_pss_rsae_sha256", { name, saltLength: 32 });
  if (name === "ECDSA" && namedCurve === "P-256") return by("ecdsa_secp256r1_sha256", { name, hash: "SHA-256" }, derOf);
  if (name === "ECDSA" && namedCurve === "P-384") return by("ecdsa_secp384r1_sha384", { name, hash: "SHA-384" }, derOf);
  if (name === "Ed25519") return by("ed25519", { name });
  throw new E2eeError("BadOption", `own.key: ${[name, namedCurve, hash?.name].filter(Boolean).join(" ")} is not taken`);
}

/** An ECDSA signature of WebCrypto, `r | s`, in DER. */
function derOf(raw: Uint8Array): Uint8Array {
  const integer = (bytes: Uint8Array): number[] => {
    const start = bytes.findIndex((byte) => byte !== 0);
    const digits = start < 0 ? [0] : [...bytes.subarray(start)];
    // What begins with a one would be negative.
    if ((digits[0] ?? 0) > 127) digits.unshift(0);
    return [0x02, digits.length, ...digits];
  };
  const half = raw.length / 2;
  // At most 2 x 51 bytes: a length of one byte.
  const both = [...integer(raw.subarray(0, half)), ...integer(raw.subarray(half))];
  return Uint8Array.from([0x30, both.length, ...both]);
}
