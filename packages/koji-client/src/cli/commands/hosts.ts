import { command } from '../command.js';
import { flag, text } from '../options.js';

const addHost = command({
  name: 'add-host',
  category: 'admin',
  summary: 'Add a host',
  usage: 'add-host [options] <hostname> <arch> [<arch> ...]',
  options: {
    krb_principal: text('--krb-principal', 'set a non-default kerberos principal for the host'),
    force: flag('--force', 'if existing used is a regular user, convert it to a host'),
  },
  async run({ args, options, session, print, login, usageError, fail }) {
    const [host, ...arches] = args;
    if (host === undefined || arches.length === 0)
      return usageError('Please specify a hostname and at least one arch');
    await login();
    if (await session.getHost(host)) fail(`${host} is already in the database`);
    const id = await session.call<number>('addHost', [host, arches], {
      force: options.force ?? false,
      ...(options.krb_principal === undefined ? {} : { krb_principal: options.krb_principal }),
    });
    print(`${host} added: id ${id}`);
  },
});

export const hosts = [addHost];
