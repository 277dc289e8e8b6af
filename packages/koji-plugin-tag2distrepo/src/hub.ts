import { GenericError, plain } from '@koji/core';
import { truthy } from '@koji/core/api';
import type { TagInfo } from '@koji/core/api';
import { callback, context } from '@koji/plugin-sdk';

/** Makes a repo for distribution of a tag that asks for it in its extra data, whenever its builds change. */
export const tag2distrepo = callback(
  'postTag',
  'postUntag',
)(async (_event, { tag }) => {
  const { extra } = tag;
  if (!truthy(extra['tag2distrepo.enabled'] ?? false)) return;
  const arches = (tag.arches ?? '').split(/\s+/).filter(Boolean);
  if (arches.length === 0)
    throw new GenericError(`Tag ${tag.name} has no arches configured but tag2distrepo is enabled`);
  const keys = plain(extra['tag2distrepo.keys'] ?? '')
    .split(/\s+/)
    .filter(Boolean);
  const asked = extra['tag2distrepo.latest'] ?? false;
  const latest = typeof asked === 'number' ? asked : truthy(asked);
  await writeSignedCopies(tag, keys, latest);
  const options = {
    arch: arches,
    comp: null,
    delta: [],
    event: null,
    inherit: extra['tag2distrepo.inherit'] ?? false,
    latest,
    multilib: false,
    split_debuginfo: extra['tag2distrepo.split_debuginfo'] ?? false,
    skip_missing_signatures: false,
    allow_missing_signatures: keys.length === 0,
  };
  // Who may tag need not be allowed to make repos: the tag's extra data allow this one.
  const task = await context.callUnchecked('distRepo', [tag.name, keys], options);
  context.log.info(`distRepo task ${task} scheduled for tag ${tag.name}`);
});

/** The repo is made of signed copies, which are written from the rpms and their stored signatures. */
async function writeSignedCopies(
  tag: TagInfo,
  keys: readonly string[],
  latest: boolean | number,
): Promise<void> {
  if (keys.length === 0) return;
  const [rpms = []] = await context.call('listTaggedRPMS', [tag.id], { latest, rpmsigs: true });
  for (const { id, sigkey } of rpms)
    if (sigkey && keys.includes(sigkey)) await context.callUnchecked('writeSignedRPM', [id, sigkey]);
}
