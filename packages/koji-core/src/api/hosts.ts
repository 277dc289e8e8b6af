import { any, arg, dict, flag, int, list, method, nullable, shape, str } from './method.js';
import type { Methods } from './method.js';
import { eventId, nameOrId, userRef } from './types.js';
import type { Float, HostInfo, Timestamp } from './types.js';

/** Builder machines. */
export const hostMethods = {
  addHost: method({
    doc: 'Add a builder with its user account, in the channel "default".',
    needs: 'perm:host',
    access: 'write',
    args: [
      arg('hostname', any<string>('str')),
      arg('arches', any<string[] | string>('list(str)')),
      arg('krb_principal', any<string | null>('str | null'), null),
      arg('force', flag, false),
    ],
    result: int,
    returns: 'id of the new host',
    faults: ['GenericError', 'ParameterError'],
  }),
  getHost: method({
    doc: 'A builder by id or name, now or at an event.',
    needs: 'none',
    access: 'lookup',
    args: [arg('hostInfo', nameOrId), arg('strict', flag, false), arg('event', eventId, null)],
    result: nullable(shape<HostInfo>('host')),
    faults: ['GenericError', 'ParameterError'],
  }),
  listHosts: method({
    doc: 'Builders by architecture, channel, readiness, enabled flag or user. queryOpts has no effect, as in Koji.',
    needs: 'none',
    access: 'read',
    args: [
      arg('arches', any<string[] | string | null>('list(str) | null'), null),
      arg('channelID', nullable(nameOrId), null),
      arg('ready', nullable(flag), null),
      arg('enabled', nullable(flag), null),
      arg('userID', nullable(userRef), null),
      arg('queryOpts', nullable(dict), null),
    ],
    result: list(shape<HostInfo>('host')),
    faults: ['GenericError', 'ParameterError'],
  }),
  enableHost: method({
    doc: 'Let a builder take tasks.',
    needs: 'perm:host',
    access: 'write',
    args: [arg('hostname', nameOrId)],
    result: shape<null>('null'),
    faults: ['GenericError', 'ParameterError'],
  }),
  disableHost: method({
    doc: 'Keep a builder from taking tasks; its current tasks continue.',
    needs: 'perm:host',
    access: 'write',
    args: [arg('hostname', nameOrId)],
    result: shape<null>('null'),
    faults: ['GenericError', 'ParameterError'],
  }),
  editHost: method({
    doc: 'Change arches, capacity, description or comment of a builder, each by name.',
    needs: 'perm:host',
    access: 'write',
    args: [arg('hostInfo', nameOrId)],
    keywords: true,
    keywordsName: 'kw',
    result: shape<boolean>('bool'),
    returns: 'whether anything changed',
    faults: ['GenericError', 'ParameterError'],
  }),
  getAllArches: method({
    doc: 'The architectures of all builders, as Koji keeps them (`i386` for `i686`).',
    needs: 'none',
    access: 'read',
    args: [],
    result: list(str),
  }),
  restartHosts: method({
    doc: 'Start a task that restarts the builders.',
    needs: 'perm:host',
    access: 'write',
    args: [
      arg('priority', any<number>('int'), 5),
      arg('options', any<Readonly<Record<string, unknown>> | null>('dict | null'), null),
    ],
    result: int,
    returns: 'id of the task',
    faults: ['GenericError', 'ParameterError'],
  }),
  getLastHostUpdate: method({
    doc: 'When a session of the builder was last used, as text, or with `ts` in epoch seconds.',
    needs: 'none',
    access: 'lookup',
    args: [arg('hostID', nullable(int)), arg('ts', flag, false)],
    result: nullable(shape<Timestamp | Float>('str | float')),
  }),
} satisfies Methods;

/** Type of the declarations of this group. */
export type HostMethods = typeof hostMethods;
