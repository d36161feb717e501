/** The word of OpenID Connect providers that the application pinned. */
import { login_nonce, login_proof, Policy } from "../../wasm/identity.js";
import { E2eeError } from "../errors.ts";
import { unhex } from "../hex.ts";
import type { Somebody, Verdict } from "../session/members.ts";
import { type IdentityWasm, load } from "./module.ts";

/** A provider whose word is taken. */
export interface Issuer {
  /** Its identifier, exactly as in its tokens (`iss`). */
  readonly issuer: string;
  /** The client ids that this application has there. */
  readonly audience: string | readonly string[];
  /** What its `jwks_uri` answers, pinned: as text or as an object. */
  readonly jwks: string | object;
}

/** Options of {@link openIdIdentity}. */
export interface OpenIdOptions {
  readonly issuers: readonly Issuer[];
  /**
   * How long a token counts: `token`, until its own `exp` (default); `login`, for {@link maxAgeMs} after the login, for
   * providers whose tokens live for minutes, as who comes later checks those who came before.
   */
  readonly lifetime?: "token" | "login";
  /** Greatest time since the login, milliseconds. Default: twelve hours. */
  readonly maxAgeMs?: number;
  /** The identity module: where it is served, or itself. Default: beside this one. */
  readonly wasm?: IdentityWasm;
}

/** Somebody a provider or an authority vouches for. */
export interface Known {
  /** The issuer, or the authority's name, to be shown with the name. */
  readonly voucher: string;
  /** The same for the same person in every call; for X.509 as long as the certificate is the same. */
  readonly id: string;
  readonly name: string;
  /** An address that the voucher says it checked; empty without one. */
  readonly email: string;
}

/** A login that is to vouch for the own key. */
export interface Login {
  /** For the `nonce` of the authentication request. It commits to the key. */
  readonly nonce: string;
  /** What `createSession` takes as proof, out of the ID token that the login gave. */
  proof(idToken: string): Uint8Array<ArrayBuffer>;
}

/** Made by {@link openIdIdentity}. */
export interface OpenIdIdentity {
  login(key: Uint8Array): Login;
  /** `verified` where a provider vouches, `refused` where what is shown does not hold, `unverified` where nothing is shown. */
  readonly verdict: Verdict;
  /** Who somebody is, if a provider vouches for it now; throws an `E2eeError` `NotAuthentic` where its proof does not hold. */
  who(of: Somebody): Known | null;
}

/** As an object of the page; frees what is of the module. */
export function knownOf(found: { voucher(): string; id(): string; name(): string; email(): string; free(): void } | undefined): Known | null {
  if (found === undefined) return null;
  const known = { voucher: found.voucher(), id: found.id(), name: found.name(), email: found.email() };
  found.free();
  return known;
}

/** Loads the identity module, and pins the providers. Rejects with `BadOption` where their keys cannot be used. */
export async function openIdIdentity(options: OpenIdOptions): Promise<OpenIdIdentity> {
  const { issuers, lifetime = "token", maxAgeMs = 0 } = options;
  await load(options.wasm);
  const policy = new Policy(lifetime === "login", maxAgeMs);
  for (const { issuer, audience, jwks } of issuers) {
    try {
      policy.add_issuer(issuer, [audience].flat().join("\n"), typeof jwks === "string" ? jwks : JSON.stringify(jwks));
    } catch (error) {
      throw new E2eeError("BadOption", `jwks of ${issuer}: ${String(error)}`);
    }
  }
  const who = ({ proof, key }: Somebody): Known | null => {
    try {
      return knownOf(policy.verify(proof, unhex(key), Date.now()));
    } catch (error) {
      throw new E2eeError("NotAuthentic", String(error));
    }
  };
  return {
    login: (key) => {
      const salt = crypto.getRandomValues(new Uint8Array(16));
      const nonce = login_nonce(key, salt);
      if (nonce === "") throw new E2eeError("BadKey", "a signature key has 32 bytes");
      return { nonce, proof: (idToken) => login_proof(salt, idToken) as Uint8Array<ArrayBuffer> };
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
