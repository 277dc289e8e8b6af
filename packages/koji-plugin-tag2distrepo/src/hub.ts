import { GenericError, repr } from '@koji/core';
import { truthy } from '@koji/core/api';
import type { TagInfo, TaggedRpm } from '@koji/core/api';
import { callback, context } from '@koji/plugin-sdk';

/** Makes a repo for distribution of a tag that a build got into or left, if the tag's extra data ask for it. */
export const tag2distrepo = callback(
  'postTag',
  'postUntag',
)(async (_event, { tag }) => {
  const { name, extra } = tag;
  if (!truthy(extra['tag2distrepo.enabled'] ?? false)) return;
  const arch = (tag.arches ?? '').split(/\s+/).filter(Boolean);
  if (arch.length === 0)
    throw new GenericError(`Tag ${name} has no arches configured but tag2distrepo is enabled`);
  const keys = keysOf(tag);
  const latest = extra['tag2distrepo.latest'] ?? false;
  await writeSigned(tag, keys, latest);
  // Whoever may change the tag need not have the right to make such repos: who set the tag up said that they are made.
  const taskId = await context.callUnchecked('distRepo', [name, keys], {
    arch,
    comp: null,
    delta: [],
    event: null,
    inherit: extra['tag2distrepo.inherit'] ?? false,
    latest,
    multilib: false,
    split_debuginfo: extra['tag2distrepo.split_debuginfo'] ?? false,
    skip_missing_signatures: false,
    allow_missing_signatures: keys.length === 0,
  });
  context.log.info(`distRepo task ${String(taskId)} scheduled for tag ${name}`);
});

function keysOf({ name, extra }: TagInfo): string[] {
  const given = extra['tag2distrepo.keys'] ?? '';
  if (typeof given !== 'string')
    throw new GenericError(
      `tag2distrepo.keys of tag ${name} must be keys with spaces between, not ${repr(given)}`,
    );
  return given.split(/\s+/).filter(Boolean);
}

/** Writes the signed copies of the tag's rpms that are not there yet. */
async function writeSigned(tag: TagInfo, keys: readonly string[], latest: unknown): Promise<void> {
  if (keys.length === 0) return;
  const [rpms] = (await context.call('listTaggedRPMS', [tag.id], { latest, rpmsigs: true })) as [TaggedRpm[]];
  for (const { id, sigkey } of rpms)
    if (sigkey && keys.includes(sigkey)) await context.callUnchecked('writeSignedRPM', [id, sigkey, false]);
}
