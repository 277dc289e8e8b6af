import { TASK_STATES } from '@koji/core';
import { named } from '@koji/core/wire';
import { pythonRepr } from '@koji/core/text';
import { command } from '../command.js';
import { flag, int, text, texts } from '../options.js';
import { followTask, waitOptions } from '../starting.js';

const addHost = command({
  name: 'add-host',
  category: 'admin',
  arguments: ['text', 'text...'],
  examples: ['add-host builder1.example x86_64 i686'],
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
    const id = await session.addHost(
      host,
      arches,
      named({
        force: options.force ?? false,
        ...(options.krb_principal === undefined ? {} : { krb_principal: options.krb_principal }),
      }),
    );
    print(`${host} added: id ${id}`);
  },
});

const restartHosts = command({
  name: 'restart-hosts',
  category: 'admin',
  examples: ['restart-hosts --channel=default'],
  summary: 'Restart enabled hosts',
  usage: 'restart-hosts [options]',
  options: {
    wait: waitOptions('the task', "Don't wait on task"),
    quiet: flag('--quiet', 'Do not print the task information'),
    force: flag('--force', 'Ignore checks and force operation'),
    channel: text('--channel', 'Only hosts in this channel'),
    arch: texts(['--arch', '-a'], 'Limit to hosts of this architecture (can be given multiple times)'),
    timeout: int('--timeout', 'Time out after N seconds', { metavar: 'N' }),
  },
  async run(run) {
    const { args, options, global, session, warn, login, usageError, fail } = run;
    if (args.length > 0) return usageError('restart-hosts does not accept arguments');
    await login();
    if (!options.force) {
      const state = [TASK_STATES.FREE, TASK_STATES.OPEN, TASK_STATES.ASSIGNED];
      const others = await session.listTasks({ method: 'restartHosts', state });
      if (others.length > 0) {
        warn('Found other restartHosts tasks running.');
        warn(`Task ids: ${pythonRepr(others.map(({ id }) => id))}`);
        fail('Use --force to run anyway');
      }
    }
    const { channel, arch, timeout } = options;
    const limits = {
      ...(channel ? { channel } : {}),
      ...(arch.length > 0 ? { arches: arch } : {}),
      ...(timeout ? { timeout } : {}),
    };
    const isLimited = Object.keys(limits).length > 0;
    const id = await session.restartHosts(named(isLimited ? { options: limits } : {}));
    const quiet = options.quiet ?? global.quiet;
    return followTask(run, id, { wait: options.wait, silent: true, quietWatch: quiet });
  },
});

export const hosts = [addHost, restartHosts];
