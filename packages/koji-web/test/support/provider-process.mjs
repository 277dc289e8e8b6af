// An OpenID Connect provider on the loopback interface. Its parent configures groups and clients with messages.
import { createServer } from 'node:http';
import Provider from 'oidc-provider';

const groups = new Map();
let answer = (_, response) => response.writeHead(503).end();
const server = createServer((request, response) => answer(request, response)).listen(0, '127.0.0.1', () => {
  const { port } = server.address();
  process.send({ issuer: `http://127.0.0.1:${port}` });
});

process.on('message', ({ clients, user, is }) => {
  if (user !== undefined) groups.set(user, is);
  if (clients) serve(clients);
  process.send({ done: true });
});
process.on('disconnect', () => process.exit());

function serve(clients) {
  const provider = new Provider(`http://127.0.0.1:${server.address().port}`, {
    clients,
    claims: { openid: ['sub'], profile: ['preferred_username', 'roles'] },
    // Claims missing from a token are requested from the userinfo endpoint; the tests have clients of both kinds.
    conformIdTokenClaims: true,
    pkce: { required: () => true },
    cookies: { keys: ['a key of a test'] },
    findAccount: (_, id) => ({
      accountId: id,
      claims: () => ({ sub: id, preferred_username: id, roles: { koji: groups.get(id) ?? [] } }),
    }),
  });
  answer = provider.callback();
}
