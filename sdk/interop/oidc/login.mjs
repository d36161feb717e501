// A real OpenID Connect provider on loopback, and logins at it over HTTP, as a browser would send them.
//
//   node login.mjs NONCE...
//
// The last line of its output is one JSON object: { issuer, clients, before: { jwks, logins }, after: { jwks, logins } }, where `after` is the
// provider with new keys, and a login is { client, flow, nonce, id_token, access_token }, the last for the code flow only.

import { createHash, generateKeyPairSync, randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import { Provider } from 'oidc-provider';

const nonces = process.argv.slice(2);
if (nonces.length === 0) throw new Error('usage: node login.mjs NONCE...');

const CALLBACK = 'https://meet.example/callback';
const ALGORITHMS = ['RS256', 'PS256', 'ES256', 'EdDSA'];
const CLIENTS = ALGORITHMS.map((alg) => ({
  client_id: `frameseal-${alg.toLowerCase()}`,
  token_endpoint_auth_method: 'none',
  redirect_uris: [CALLBACK],
  response_types: ['code', 'id_token'],
  grant_types: ['authorization_code', 'implicit'],
  id_token_signed_response_alg: alg,
}));

/** Fresh private keys, one for each algorithm. */
function keys(generation) {
  const make = (type, options, alg) => ({
    ...generateKeyPairSync(type, options).privateKey.export({ format: 'jwk' }),
    use: 'sig',
    alg,
    kid: `${alg} of ${generation}`,
  });
  return {
    keys: [
      make('rsa', { modulusLength: 2048 }, 'RS256'),
      make('rsa', { modulusLength: 3072 }, 'PS256'),
      make('ec', { namedCurve: 'P-256' }, 'ES256'),
      make('ed25519', {}, 'EdDSA'),
    ],
  };
}

function provider(issuer, jwks) {
  const made = new Provider(issuer, {
    clients: CLIENTS,
    jwks,
    cookies: { keys: [randomBytes(16).toString('hex')] },
    responseTypes: ['code', 'id_token'],
    claims: { openid: ['sub'], profile: ['name', 'preferred_username'], email: ['email', 'email_verified'] },
    conformIdTokenClaims: false,
    enabledJWA: { idTokenSigningAlgValues: ALGORITHMS },
    findAccount: (_, id) => ({
      accountId: id,
      claims: () => ({
        sub: id,
        name: 'Zoé Núñez',
        preferred_username: 'zoe',
        email: 'zoe@example.org',
        email_verified: true,
      }),
    }),
  });
  made.on('server_error', (_, error) => console.error(error));
  return made;
}

/** A browser, as far as a login needs one: cookies, forms, and redirects up to the application's own address. */
class Browser {
  #cookies = new Map();

  async #send(url, form) {
    const cookie = [...this.#cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    const body = form && new URLSearchParams(form);
    const answer = await fetch(url, { method: form ? 'POST' : 'GET', body, headers: { cookie }, redirect: 'manual' });
    for (const line of answer.headers.getSetCookie()) {
      const [, name, value] = /^([^=]+)=([^;]*)/.exec(line);
      if (value) this.#cookies.set(name, value);
      else this.#cookies.delete(name);
    }
    return answer;
  }

  async login(start) {
    let url = new URL(start);
    let form;
    for (let step = 0; step < 20; step++) {
      const answer = await this.#send(url, form);
      form = undefined;
      const location = answer.headers.get('location');
      if (location) {
        url = new URL(location, url);
        if (url.href.startsWith(CALLBACK)) return url;
        continue;
      }
      const page = await answer.text();
      const prompt = /name="prompt" value="(\w+)"/.exec(page)?.[1];
      if (!answer.ok || !prompt) throw new Error(`${answer.status} at ${url}: ${page.slice(0, 400)}`);
      form = prompt === 'login' ? { prompt, login: 'zoe-7', password: 'any' } : { prompt };
      url = new URL(/action="([^"]+)"/.exec(page)[1], url);
    }
    throw new Error('the login goes in circles');
  }
}

async function login(issuer, client, flow, nonce) {
  const verifier = randomBytes(32).toString('base64url');
  const request = {
    client_id: client,
    redirect_uri: CALLBACK,
    scope: 'openid profile email',
    state: randomBytes(8).toString('hex'),
    nonce,
    response_type: flow,
  };
  if (flow === 'code') {
    request.code_challenge = createHash('sha256').update(verifier).digest('base64url');
    request.code_challenge_method = 'S256';
  }
  const back = await new Browser().login(`${issuer}/auth?${new URLSearchParams(request)}`);
  const answer = flow === 'code' ? back.searchParams : new URLSearchParams(back.hash.slice(1));
  if (answer.get('state') !== request.state) throw new Error(`not our answer: ${back}`);
  if (flow === 'id_token') return { client, flow, nonce, id_token: answer.get('id_token') };
  const form = { grant_type: 'authorization_code', code: answer.get('code'), redirect_uri: CALLBACK };
  const tokens = await fetch(`${issuer}/token`, {
    method: 'POST',
    body: new URLSearchParams({ ...form, client_id: client, code_verifier: verifier }),
  });
  const { id_token, access_token, error_description } = await tokens.json();
  if (!id_token) throw new Error(`no ID token: ${tokens.status} ${error_description}`);
  return { client, flow, nonce, id_token, access_token };
}

let serve;
const server = createServer((request, response) => serve(request, response));
await new Promise((done) => server.listen(0, '127.0.0.1', done));
const issuer = `http://127.0.0.1:${server.address().port}`;

async function generation(name) {
  serve = provider(issuer, keys(name)).callback();
  const logins = [];
  for (const nonce of nonces) {
    for (const { client_id } of CLIENTS) {
      for (const flow of ['code', 'id_token']) logins.push(await login(issuer, client_id, flow, nonce));
    }
  }
  const jwks = await (await fetch(`${issuer}/jwks`)).text();
  return { jwks, logins };
}

const before = await generation('before');
const after = await generation('after');
console.log(JSON.stringify({ issuer, clients: CLIENTS.map((client) => client.client_id), before, after }));
server.close();
server.closeAllConnections();
