import type { FC } from 'hono/jsx';
import type { TokenInfo } from '@koji/core/api';
import { named } from '@koji/core/wire';
import { actionLink } from '../actions/routes.js';
import { page } from '../page.js';
import { Empty, Facts, Rows } from '../parts/table.js';
import { Ago, Time, numberOf } from '../parts/values.js';
import { link } from '../routes.js';
import type { Login } from './logins.js';

/** Returns the tokens of a visitor, newest first. */
export async function listTokens(login: Login, ended: boolean): Promise<TokenInfo[]> {
  const tokens = await login.read((calls) => calls.listTokens(named({ ended })));
  return [...tokens].sort((a, b) => b.id - a.id);
}

/** Returns whether programs can no longer use a token. */
const isOver = ({ revoke_ts: revoked, expire_ts: expires }: TokenInfo, now: number): boolean =>
  revoked !== null || (numberOf(expires) ?? 0) <= now;

/** The limits of a token, as text. */
const Scope: FC<{ token: TokenInfo }> = ({ token: { read_only: readOnly, methods, permissions } }) => (
  <>
    {readOnly ? 'reads only' : 'reads and changes'}
    {methods === null ? null : (
      <>
        {'; '}
        {methods.length === 0 ? 'no methods that need a login' : <Names names={methods} />}
      </>
    )}
    {permissions === null ? null : (
      <>
        {permissions.length === 0 ? '; no permissions' : '; permissions '}
        <Names names={permissions} />
      </>
    )}
  </>
);

const Names: FC<{ names: readonly string[] }> = ({ names }) => (
  <>
    {names.map((name, i) => (
      <>
        {i === 0 ? null : ', '}
        <bdi>{name}</bdi>
      </>
    ))}
  </>
);

/** Data about a token. */
export const TokenFacts: FC<{ token: TokenInfo }> = ({ token }) => (
  <Facts
    facts={[
      { name: 'Name', value: <bdi>{token.name}</bdi> },
      { name: 'Scope', value: <Scope token={token} /> },
      { name: 'Made', value: <Time at={token.create_ts} /> },
      { name: 'Expires', value: <Time at={token.expire_ts} /> },
      { name: 'Last use', value: <Time at={token.last_use_ts} /> },
    ]}
  />
);

/** The tokens with which programs call the hub as the visitor. */
export const tokens = page('tokens', {
  async load({ login, params: { ended } }) {
    return { tokens: login ? await listTokens(login, ended) : [] };
  },
  title: () => 'Your tokens',
  show: ({ tokens: list }, { now, params: { ended } }) => (
    <>
      <h1>Your tokens</h1>
      <p>
        Programs call the hub with them as you. <code>koji create-token NAME</code> makes one.{' '}
        {ended ? (
          <a href={link('tokens')}>Hide those that have ended</a>
        ) : (
          <a href={link('tokens', { ended: 1 })}>Show also those that have ended</a>
        )}
      </p>
      {list.length === 0 ? (
        <Empty>{ended ? 'You never had a token.' : 'You have no tokens.'}</Empty>
      ) : (
        <Rows
          label="your tokens"
          rows={list}
          columns={[
            { title: 'ID', numeric: true, wide: true, cell: ({ id }) => id },
            { title: 'Name', cell: ({ name }) => <bdi>{name}</bdi> },
            { title: 'Scope', wide: true, cell: (token) => <Scope token={token} /> },
            { title: 'Made', wide: true, cell: ({ create_ts: at }) => <Time at={at} /> },
            { title: 'Expires', cell: ({ expire_ts: at }) => <Ago at={at} now={now} /> },
            { title: 'Last use', cell: ({ last_use_ts: at }) => <Ago at={at} now={now} /> },
            {
              title: 'Revoke',
              cell: (token) => <Revocation token={token} now={now} />,
            },
          ]}
        />
      )}
    </>
  ),
});

const Revocation: FC<{ token: TokenInfo; now: number }> = ({ token, now }) => {
  if (token.revoke_ts !== null)
    return (
      <>
        revoked <Ago at={token.revoke_ts} now={now} />
      </>
    );
  if (isOver(token, now)) return <>expired</>;
  return (
    <a href={actionLink('tokenrevoke', { tokenID: token.id })} aria-label={`Revoke token ${token.id}`}>
      Revoke
    </a>
  );
};
