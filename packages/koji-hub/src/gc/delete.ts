/** Deletes builds that have been in the trashcan for long enough, and takes out those that somebody wants after all. */
import { count, deed, nvrOf, seconds, wantsPackage } from './collection.js';
import type { Collection, NamedBuild } from './collection.js';
import { durationText } from './durations.js';

interface Entry {
  readonly build_id: number;
  readonly name: string;
  readonly version: string;
  readonly release: string;
}

/** One round; with `salvageOnly` nothing is deleted. */
export async function deleteTrash(collection: Collection, { salvageOnly = false } = {}): Promise<void> {
  const { hub, config, now, report } = collection;
  const { trashcan_tag: trashcan } = config.options;
  const grace = seconds(collection, 'grace_period');
  report.part(
    `${salvageOnly ? 'salvage' : 'delete'}: builds in ${trashcan} for more than ${durationText(grace)}`,
  );
  const { tag_listing: entries = [] } = await hub.call<{ tag_listing?: Entry[] }>('queryHistory', [], {
    tables: ['tag_listing'],
    tag: trashcan,
    active: true,
    before: now - grace,
  });
  const builds = entries
    .filter(({ name }) => wantsPackage(collection, name))
    .map((entry) => ({ id: entry.build_id, nvr: nvrOf(entry) }))
    .sort((a, b) => (a.nvr < b.nvr ? -1 : 1));
  const unwanted = await salvage(collection, builds);
  if (!salvageOnly) await deleteAll(collection, unwanted);
  report.line(`${builds.length} builds looked at`);
}

/** Takes builds out of the trashcan that are tagged elsewhere or signed; returns the others. */
async function salvage(collection: Collection, builds: readonly NamedBuild[]): Promise<NamedBuild[]> {
  const { hub, config, report, signatures } = collection;
  const { trashcan_tag: trashcan } = config.options;
  const tags = await hub.callAll<{ name: string }[]>(
    builds.map(({ id }) => ({ method: 'listTags', named: { build: id, perms: false } })),
  );
  const unwanted: NamedBuild[] = [];
  for (const [i, build] of builds.entries()) {
    const found = tags[i];
    if (!found || 'fault' in found) {
      report.line(`${build.nvr}: FAILED: its tags can't be read: ${found?.fault ?? 'no answer'}`);
      count(collection, 'failed');
      continue;
    }
    const others = found.value.map(({ name }) => name).filter((name) => name !== trashcan);
    const key =
      others.length > 0 ? null : signatures.protecting(await signatures.of(build.id, { fresh: true }));
    if (others.length > 0) await takeOut(collection, build, `tagged ${others.join(', ')}`);
    else if (key !== null) await takeOut(collection, build, `signed with the key ${key}`);
    else unwanted.push(build);
  }
  return unwanted;
}

async function takeOut(collection: Collection, build: NamedBuild, reason: string): Promise<void> {
  const { hub, config, acts, report } = collection;
  const { trashcan_tag: trashcan } = config.options;
  const call = { method: 'untagBuildBypass', args: [trashcan, build.id], named: { force: true } };
  const [outcome] = acts ? await hub.callAll([call]) : [];
  const fault = outcome && 'fault' in outcome ? outcome.fault : null;
  report.line(
    `${build.nvr}: ${fault === null ? deed(collection, 'salvaged') : `FAILED: ${fault}`}, ${reason}`,
  );
  count(collection, fault === null ? 'salvaged' : 'failed');
}

async function deleteAll(collection: Collection, builds: readonly NamedBuild[]): Promise<void> {
  const { hub, config, acts, report } = collection;
  const { trashcan_tag: trashcan } = config.options;
  for (const build of builds) {
    const calls = [
      { method: 'untagBuildBypass', args: [trashcan, build.id] },
      { method: 'deleteBuild', args: [build.id] },
    ];
    const outcomes = acts ? await hub.callAll(calls) : [];
    const faults = outcomes.flatMap((one) => ('fault' in one ? [one.fault] : []));
    report.line(
      `${build.nvr}: ${faults.length === 0 ? deed(collection, 'deleted') : `FAILED: ${faults.join('; ')}`}`,
    );
    count(collection, faults.length === 0 ? 'deleted' : 'failed');
  }
}
