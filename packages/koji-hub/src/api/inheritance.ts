import { GenericError, ParameterError } from '@koji/core';
import { truthy, wholeValue } from '@koji/core/api';
import type { InheritanceChange, InheritanceMethods } from '@koji/core/api';
import type { Call, Handlers } from '../call.js';
import { lookupName } from '../domain/values/lookup.js';
import {
  fullDescent,
  fullInheritance,
  linkFields,
  readInheritance,
  writeInheritance,
} from '../domain/tags/inheritance.js';
import type { LinkChange } from '../domain/tags/inheritance.js';
import { repr } from '../domain/values/repr.js';
import { getTag, getTagId } from '../domain/tags/tags.js';

/** Handlers of the methods about inheritance. */
export const inheritance: Handlers<InheritanceMethods> = {
  async getInheritanceData({ tag, event }, call) {
    const { id } = await lookupName(call, 'tag', tag, { strict: true });
    return readInheritance(call, id, event);
  },

  async setInheritanceData({ tag, data, clear }, call) {
    const { id } = await lookupName(call, 'tag', tag, { strict: true });
    call.session.assertPerm('tag');
    const changes = Array.isArray(data) ? data : [data];
    const links: LinkChange[] = [];
    for (const change of changes) links.push(await readChange(call, change));
    await writeInheritance(call, id, links, clear);
    return null;
  },

  async getFullInheritance({ tag, event, reverse, keywords }, call) {
    for (const [name, value] of Object.entries(keywords)) {
      if (name !== 'stops' && name !== 'jumps')
        throw new ParameterError(`getFullInheritance() got an unexpected keyword argument '${name}'`);
      if (truthy(value)) throw new ParameterError(`${name} option has been removed since 1.26`);
    }
    return (reverse ? fullDescent : fullInheritance)(call, await getTagId(call, tag), event);
  },
};

async function readChange(call: Call, given: unknown): Promise<LinkChange> {
  if (typeof given !== 'object' || given === null)
    throw new ParameterError(`setInheritanceData(): ${repr(given)} is no inheritance rule`);
  const change = given as InheritanceChange;
  const remove = truthy(change['delete link']);
  for (const field of remove ? (['parent_id'] as const) : linkFields)
    if (!Object.hasOwn(change, field)) throw new GenericError(`No value for ${field}`);
  const parent = await getTag(call, change.parent_id);
  if (remove) return { parent_id: parent.id, remove };
  const { priority, maxdepth, intransitive, noconfig, pkg_filter } = change;
  const [place, depth] = [wholeValue(priority), wholeValue(maxdepth)];
  if (place === null || (maxdepth !== null && depth === null))
    throw new ParameterError('setInheritanceData(): priority and maxdepth must be whole numbers');
  return {
    parent_id: parent.id,
    priority: place,
    maxdepth: depth,
    intransitive: truthy(intransitive),
    noconfig: truthy(noconfig),
    pkg_filter: pkg_filter ?? null,
  };
}
