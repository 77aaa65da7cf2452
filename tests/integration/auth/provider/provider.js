// An OpenID provider on loopback: gives access tokens for `api://relay` to one client.
//
//   node provider.js PORT KEYS.json
//
// PORT 0 takes a free one. KEYS.json is a JWK set with private keys. The first line of the output
// is {"address": ...}; each request afterwards is one line {"asked": PATH}. It ends with its input.
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';

import Provider from 'oidc-provider';

const [port, keys] = process.argv.slice(2);
const say = (what) => process.stdout.write(`${JSON.stringify(what)}\n`);

const configuration = {
  jwks: JSON.parse(readFileSync(keys, 'utf-8')),
  scopes: ['openid', 'talk', 'listen'],
  clients: [
    {
      client_id: 'tester',
      client_secret: 'the-secret-of-the-tester',
      grant_types: ['client_credentials'],
      redirect_uris: [],
      response_types: [],
    },
  ],
  enabledJWA: {
    idTokenSigningAlgValues: ['RS256', 'PS256', 'ES256', 'EdDSA'],
  },
  features: {
    devInteractions: { enabled: false },
    clientCredentials: { enabled: true },
    resourceIndicators: {
      enabled: true,
      // A resource is urn:AUDIENCE:ALGORITHM.
      getResourceServerInfo(_context, resource) {
        const [, audience, alg] = resource.split(':');
        return {
          scope: 'talk listen',
          audience: `api://${audience}`,
          accessTokenFormat: 'jwt',
          accessTokenTTL: 600,
          jwt: { sign: { alg } },
        };
      },
    },
  },
};

const server = createServer();
server.listen(Number(port), '127.0.0.1', () => {
  const address = `http://127.0.0.1:${server.address().port}`;
  const provider = new Provider(address, configuration);
  const answer = provider.callback();
  server.on('request', (request, response) => {
    say({ asked: request.url });
    answer(request, response);
  });
  say({ address });
});
process.stdin.resume();
process.stdin.on('end', () => process.exit(0));
