/**
 * Who the members of a session are. Every member checks every other one by itself; no server is asked.
 *
 * - {@link openIdIdentity}: by the ID token of an OpenID Connect provider that the application pinned.
 * - {@link x509Identity}: by a certificate of an authority that the application pinned.
 * - {@link indexedDbIdentity}: by having compared codes in an earlier call.
 *
 * ```ts
 * const identity = await openIdIdentity({ issuers: [{ issuer, audience: clientId, jwks }] });
 * const session = await createSession({
 *   room, participant, transport,
 *   proof: async (key) => {
 *     const login = identity.login(key);
 *     return login.proof(await logIn({ nonce: login.nonce }));       // the provider's ID token
 *   },
 *   verdict: identity.verdict,
 * });
 * identity.who(session.members[0])?.name;
 * ```
 *
 * Importing this module does nothing, on a server too.
 *
 * @packageDocumentation
 */
export { E2eeError } from "../errors.ts";
export { indexedDbIdentity, type KeptIdentity, type KeptOptions, removeIdentity } from "./kept.ts";
export type { IdentityWasm } from "./module.ts";
export { type Issuer, type Known, type Login, type OpenIdIdentity, openIdIdentity, type OpenIdOptions } from "./openid.ts";
export { type Certificate, type OwnCertificate, type Scheme, type Signer, x509Identity, type X509Identity, type X509Options } from "./x509.ts";
