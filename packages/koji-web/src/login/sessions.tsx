import type { FC } from 'hono/jsx';
import { AUTHTYPES, nameOf } from '@koji/core';
import type { SessionInfo } from '@koji/core/api';
import { named } from '@koji/core/wire';
import { actionLink } from '../actions/routes.js';
import { page } from '../page.js';
import { Facts, Rows } from '../parts/table.js';
import { Ago, Time } from '../parts/values.js';
import { link } from '../routes.js';
import type { Login } from './logins.js';

/** Returns the sessions of a visitor that have not ended, newest first. */
export async function listSessions(login: Login): Promise<SessionInfo[]> {
  const found = await login.read((calls) =>
    calls.getSessionInfo(named({ details: true, user_id: login.user.id })),
  );
  return [found ?? []].flat().sort((a, b) => (b.id ?? 0) - (a.id ?? 0));
}

const kindOf = ({ authtype }: SessionInfo): string => nameOf(AUTHTYPES, authtype) ?? String(authtype);

/** Data about a session. */
export const SessionFacts: FC<{ session: SessionInfo }> = ({ session }) => (
  <Facts
    facts={[
      { name: 'Address', value: <bdi>{session.hostip}</bdi> },
      { name: 'Kind', value: kindOf(session) },
      { name: 'Start', value: <Time at={session.start_ts} /> },
      { name: 'Last use', value: <Time at={session.update_ts} /> },
    ]}
  />
);

/** The sessions of the visitor at the hub: those of pages and those of programs. */
export const activesession = page('activesession', {
  async load({ login }) {
    return { sessions: login ? await listSessions(login) : [], current: login?.sessionId ?? null };
  },
  title: () => 'Your sessions',
  show: ({ sessions, current }, { now }) => (
    <>
      <h1>Your sessions</h1>
      <p>
        Programs may also call without a session, with <a href={link('tokens')}>your tokens</a>.
      </p>
      <Rows
        label="your sessions"
        rows={sessions}
        columns={[
          { title: 'Session', numeric: true, cell: ({ id }) => id },
          { title: 'Address', cell: ({ hostip }) => <bdi>{hostip}</bdi> },
          { title: 'Kind', wide: true, cell: kindOf },
          { title: 'Start', wide: true, cell: ({ start_ts: at }) => <Time at={at} now={now} /> },
          { title: 'Last use', cell: ({ update_ts: at }) => <Ago at={at} now={now} /> },
          {
            title: 'End',
            cell: ({ id }) => (
              <>
                <a
                  href={actionLink('activesessiondelete', { sessionID: id ?? 0 })}
                  aria-label={`End session ${id ?? ''}`}
                >
                  End
                </a>
                {id === current ? <span class="note"> this one</span> : null}
              </>
            ),
          },
        ]}
      />
    </>
  ),
});
