import { any, arg, flag, int, list, method, nullable, shape } from './method.js';
import type { Methods } from './method.js';
import { eventId, nameOrId } from './types.js';
import type { ChannelInfo } from './types.js';

/** Groups of builders that tasks are assigned to. */
export const channelMethods = {
  addChannel: method({
    doc: 'Create a channel.',
    needs: 'perm:admin',
    access: 'write',
    args: [
      arg('channel_name', any<string>('str')),
      arg('description', any<string | null>('str | null'), null),
    ],
    result: int,
    returns: 'id of the new channel',
    faults: ['GenericError', 'ParameterError'],
  }),
  getChannel: method({
    doc: 'A channel by id or name.',
    needs: 'none',
    access: 'lookup',
    args: [arg('channelInfo', nameOrId), arg('strict', flag, false)],
    result: nullable(shape<ChannelInfo>('channel')),
    faults: ['GenericError', 'ParameterError'],
  }),
  listChannels: method({
    doc: 'All channels, or those of one builder, now or at an event.',
    needs: 'none',
    access: 'read',
    args: [
      arg('hostID', any<number | string | null>('int | str | null'), null),
      arg('event', eventId, null),
      arg('enabled', nullable(flag), null),
    ],
    result: list(shape<ChannelInfo>('channel')),
    faults: ['GenericError'],
  }),
  editChannel: method({
    doc: 'Change name, description or comment of a channel, each by name.',
    needs: 'perm:admin',
    access: 'write',
    args: [arg('channelInfo', nameOrId)],
    keywords: true,
    keywordsName: 'kw',
    result: shape<boolean>('bool'),
    returns: 'whether anything changed',
    faults: ['GenericError', 'ParameterError'],
  }),
  renameChannel: method({
    doc: 'Give a channel another name.',
    needs: 'perm:admin',
    access: 'write',
    args: [arg('old', nameOrId), arg('new', any<string>('str'))],
    result: shape<null>('null'),
    faults: ['GenericError', 'ParameterError'],
  }),
  enableChannel: method({
    doc: 'Let tasks of a channel be taken, maybe with a comment that says why.',
    needs: 'perm:host',
    access: 'write',
    args: [arg('channelname', nameOrId), arg('comment', any<string | null>('str | null'), null)],
    result: shape<null>('null'),
    faults: ['GenericError', 'ParameterError'],
  }),
  disableChannel: method({
    doc: 'Keep tasks of a channel from being taken, maybe with a comment that says why.',
    needs: 'perm:host',
    access: 'write',
    args: [arg('channelname', nameOrId), arg('comment', any<string | null>('str | null'), null)],
    result: shape<null>('null'),
    faults: ['GenericError', 'ParameterError'],
  }),
  addHostToChannel: method({
    doc: 'Put a builder into a channel; with `create` one that may not exist yet, with `force` a disabled one too.',
    needs: 'perm:host',
    access: 'write',
    args: [
      arg('hostname', nameOrId),
      arg('channel_name', nameOrId),
      arg('create', flag, false),
      arg('force', flag, false),
    ],
    result: shape<null>('null'),
    faults: ['GenericError', 'ParameterError'],
  }),
  removeHostFromChannel: method({
    doc: 'Take a builder out of a channel.',
    needs: 'perm:host',
    access: 'write',
    args: [arg('hostname', nameOrId), arg('channel_name', nameOrId)],
    result: shape<null>('null'),
    faults: ['GenericError', 'ParameterError'],
  }),
} satisfies Methods;

/** Type of the declarations of this group. */
export type ChannelMethods = typeof channelMethods;
