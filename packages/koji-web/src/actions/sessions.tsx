import { found } from '../errors.js';
import { link } from '../routes.js';
import { action } from './action.js';
import { SessionFacts, listSessions } from '../login/sessions.js';

/** Ends one of the visitor's sessions. */
export const activesessiondelete = action('activesessiondelete', {
  menu: null,
  fields: {},
  async load({ login, params: { sessionID } }) {
    const sessions = await listSessions(login);
    const session = found(
      sessions.find(({ id }) => id === sessionID),
      'session of yours',
      sessionID,
    );
    return { session, isThis: sessionID === login.sessionId };
  },
  title: ({ session }) => `End session ${session.id ?? ''}?`,
  show: ({ session, isThis }) => (
    <>
      <SessionFacts session={session} />
      <p>
        {isThis
          ? 'This is the session of this page: you will be logged out.'
          : 'Whoever uses it is logged out.'}
      </p>
    </>
  ),
  button: 'End the session',
  isGrave: true,
  back: () => link('activesession'),
  async run({ calls, data }) {
    await calls.logout(data.session.id ?? null);
    return data.isThis ? link('index') : link('activesession');
  },
});
