import { found } from '../errors.js';
import { TokenFacts, listTokens } from '../login/tokens.js';
import { link } from '../routes.js';
import { action } from './action.js';

/** Revokes one of the visitor's tokens. */
export const tokenrevoke = action('tokenrevoke', {
  menu: null,
  fields: {},
  async load({ login, params: { tokenID } }) {
    const tokens = await listTokens(login, false);
    return found(
      tokens.find(({ id }) => id === tokenID),
      'token of yours',
      tokenID,
    );
  },
  title: ({ name }) => `Revoke the token ${name}?`,
  show: (token) => (
    <>
      <TokenFacts token={token} />
      <p>Programs that use it can no longer call the hub.</p>
    </>
  ),
  button: 'Revoke the token',
  isGrave: true,
  back: () => link('tokens'),
  async run({ calls, data }) {
    await calls.revokeToken(data.id);
    return link('tokens');
  },
});
