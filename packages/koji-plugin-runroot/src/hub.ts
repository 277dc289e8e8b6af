import { randomInt } from 'node:crypto';
import { GenericError, ParameterError, canonArch, parseArches, plain, typeName } from '@koji/core';
import type { NameOrId, TagInfo } from '@koji/core/api';
import { context, exported } from '@koji/plugin-sdk';
import type {} from './index.js';

/** Urgent: somebody waits for the command. */
const taskPriority = 15;

/** Makes a task that runs a command in a buildroot of a tag; the other named arguments are the task's. */
export const runroot = exported({ doc: 'Run a command in a buildroot of a tag; for holders of `runroot`.' })(
  async (
    tagInfo: NameOrId,
    arch: string | readonly string[],
    command: string | readonly string[],
    { channel = null, ...opts }: { readonly channel?: string | number | null } & Record<string, unknown> = {},
  ): Promise<number> => {
    context.session.assertPerm('runroot');
    if (typeof arch !== 'string' && !Array.isArray(arch))
      throw new ParameterError(`arch must be a text, not ${plain(arch)}`);
    const wanted = parseArches(arch, { strict: true });
    if (typeof command !== 'string' && !Array.isArray(command))
      throw new GenericError(`Invalid type for value '${plain(command)}': ${typeName(command)}`);
    const inChannel = channel || 'runroot';
    const tag = await context.call('getTag', [tagInfo], { strict: true });
    const taskArch = wanted === 'noarch' ? await possibleArch(tag, tagInfo, inChannel) : wanted;
    return context.makeTask('runroot', [tagInfo, wanted, command], {
      named: opts,
      priority: taskPriority,
      arch: taskArch,
      channel: inChannel,
    });
  },
);

/** `noarch` when a buildroot of the tag can be made anywhere, else one of the arches where it can. */
async function possibleArch(tag: TagInfo, tagInfo: NameOrId, channel: string | number): Promise<string> {
  const tagArches = words(tag.arches);
  if (tagArches.length === 0) throw new GenericError(`no arches defined for tag ${tag.name}`);
  const known = await knownArches();
  if (known.every((arch) => tagArches.includes(arch))) return 'noarch';
  const { id } = await context.call('getChannel', [channel], { strict: true });
  const hosts = await context.call('listHosts', [], { channelID: id, enabled: true });
  const offered = new Set(hosts.flatMap((host) => words(host.arches).map(canonArch)));
  const choices = tagArches.filter((arch) => offered.has(arch));
  const choice = choices[choices.length > 0 ? randomInt(choices.length) : 0];
  if (choice === undefined)
    throw new GenericError(`no common arches for tag/channel: ${plain(tagInfo)}/${plain(channel)}`);
  return canonArch(choice);
}

async function knownArches(): Promise<string[]> {
  const { sql, all } = context.db;
  const rows = await all<{ arches: string | null }>(
    sql`SELECT DISTINCT arches FROM host_config WHERE active = TRUE`,
  );
  return [...new Set(rows.flatMap((row) => words(row.arches).map(canonArch)))];
}

const words = (text: string | null): string[] => (text ?? '').split(/\s+/).filter(Boolean);
