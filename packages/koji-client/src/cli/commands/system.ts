import { AUTHTYPES, GenericError, KOJI_VERSION } from '@koji/core';
import { command } from '../command.js';
import { greetings } from '../names.js';

const howLoggedIn = new Map<number | undefined, string>([
  [AUTHTYPES.NORMAL, 'Authenticated via password'],
  [AUTHTYPES.GSSAPI, 'Authenticated via GSSAPI'],
  [AUTHTYPES.TOKEN, 'Authenticated via token'],
]);

const moshimoshi = command({
  name: 'moshimoshi',
  category: 'misc',
  examples: ['hello'],
  summary: 'Introduce yourself',
  usage: 'moshimoshi [options]',
  options: {},
  async run({ args, session, global, print, login, usageError }) {
    if (args.length > 0) return usageError('This command takes no arguments');
    await login();
    const user = await session.getLoggedInUser();
    if (!user) print('Not authenticated');
    const greeting = greetings[Math.floor(Math.random() * greetings.length)];
    print(`${greeting}, ${user?.name ?? 'anonymous user'}!`);
    print('');
    print(`You are using the hub at ${session.url} (Koji ${await session.hubVersion()})`);
    const how =
      user?.authtype === AUTHTYPES.SSL
        ? `Authenticated via client certificate ${global.cert}`
        : howLoggedIn.get(user?.authtype);
    if (how) print(how);
  },
});

const version = command({
  name: 'version',
  category: 'misc',
  examples: ['version'],
  summary: 'Report client and hub versions',
  usage: 'version',
  anonymous: true,
  data: {
    one: true,
    adds: { client: 'the version of this command', hub: 'the version of the hub' },
  },
  options: {},
  async run({ session, print, data, connect }) {
    print(`Client: ${KOJI_VERSION}`);
    await connect();
    const hub = await session.getKojiVersion().catch((error: unknown) => {
      if (error instanceof GenericError) return "Can't determine (older than 1.23)";
      throw error;
    });
    data({ client: KOJI_VERSION, hub });
    print(`Hub:    ${hub}`);
  },
});

export const system = [moshimoshi, version];
