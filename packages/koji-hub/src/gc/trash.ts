/** Puts builds that nobody uses in the trashcan. */
import { count, deed, nvrOf, seconds, wantsPackage } from './collection.js';
import type { Collection, NamedBuild } from './collection.js';
import { durationText } from './durations.js';
import type { HubCall } from './hub-api.js';

interface Untagged {
  readonly id: number;
  readonly name: string;
  readonly version: string;
  readonly release: string;
}

interface References {
  readonly tags?: readonly { readonly name: string }[];
  readonly rpms?: readonly unknown[];
  readonly archives?: readonly unknown[];
  readonly component_of?: readonly unknown[];
  readonly last_used?: number | null;
}

interface TagEntry {
  readonly revoke_event: number | null;
  readonly revoke_ts: number | null;
}

interface Build extends NamedBuild {
  readonly package_name: string;
  readonly owner_id: number;
  readonly owner_name: string;
  readonly creation_ts: number | null;
}

/** One round: mails each owner, then puts the builds in the trashcan. */
export async function trash(collection: Collection): Promise<void> {
  const { hub, report } = collection;
  const delay = seconds(collection, 'delay');
  report.part(`trash: builds without a tag for more than ${durationText(delay)}`);
  const untagged = (await hub.call<Untagged[]>('untaggedBuilds')).filter(({ name }) =>
    wantsPackage(collection, name),
  );
  const references = await hub.callAll<References>(
    untagged.map(({ id }) => ({ method: 'buildReferences', args: [id], named: { limit: 10, lazy: true } })),
  );
  const chosen: Build[] = [];
  for (const [i, build] of untagged.entries()) {
    const found = references[i];
    const obstacle =
      found === undefined || 'fault' in found
        ? `its references can't be read: ${found?.fault ?? 'no answer'}`
        : await obstacleTo(collection, build, found.value, delay);
    if (obstacle === null) chosen.push(await hub.call<Build>('getBuild', [build.id]));
    else report.detail(`${nvrOf(build)}: left alone, ${obstacle}`);
  }
  await putAway(collection, chosen);
  report.line(`${untagged.length} builds without a tag, ${chosen.length} ${deed(collection, 'trashed')}`);
}

/** Why a build does not go to the trashcan; null when it does. */
async function obstacleTo(
  { hub, now, signatures }: Collection,
  build: Untagged,
  references: References,
  delay: number,
): Promise<string | null> {
  const { tags = [], rpms = [], archives = [], component_of: components = [], last_used: used } = references;
  if (tags.length > 0) return 'it was tagged just now';
  if (rpms.length > 0) return 'its rpms were used in buildroots';
  if (archives.length > 0) return 'its archives were used in buildroots';
  if (components.length > 0) return 'it is a component of archives';
  if (used && now - used < delay) return 'it was used in a buildroot not long ago';
  const history = await hub.call<{ tag_listing?: TagEntry[] }>('queryHistory', [], {
    tables: ['tag_listing'],
    build: build.id,
  });
  const entries = history.tag_listing ?? [];
  if (entries.some(({ revoke_event: revoked }) => revoked === null)) return 'it was tagged just now';
  const since =
    entries.length > 0
      ? Math.max(...entries.map(({ revoke_ts: time }) => time ?? now))
      : ((await hub.call<Build>('getBuild', [build.id])).creation_ts ?? now);
  if (now - since < delay) return 'it was untagged, or made, not long ago';
  const key = signatures.protecting(await signatures.of(build.id));
  return key === null ? null : `it is signed with the key ${key}`;
}

async function putAway(collection: Collection, builds: readonly Build[]): Promise<void> {
  const { hub, config, report, acts, notify } = collection;
  const { trashcan_tag: trashcan } = config.options;
  const owners = [...new Set(builds.map(({ owner_name: name }) => name))].sort();
  for (const owner of owners) {
    const own = builds
      .filter(({ owner_name: name }) => name === owner)
      .sort((a, b) => (a.nvr < b.nvr ? -1 : 1));
    await notify(owner, own);
    const calls: HubCall[] = [];
    for (const build of own) {
      report.line(`${build.nvr}: ${deed(collection, 'trashed')}, owner ${owner}`);
      if (!acts) count(collection, 'trashed');
      else
        calls.push(
          {
            method: 'packageListAdd',
            args: [trashcan, build.package_name, await packageOwner(collection, build)],
          },
          { method: 'tagBuildBypass', args: [trashcan, build.id], named: { force: true } },
        );
    }
    const outcomes = await hub.callAll(calls);
    for (const [i, build] of own.entries()) {
      const faults = outcomes.slice(2 * i, 2 * i + 2).flatMap((one) => ('fault' in one ? [one.fault] : []));
      if (faults.length > 0) report.line(`${build.nvr}: FAILED: ${faults.join('; ')}`);
      if (acts) count(collection, faults.length > 0 ? 'failed' : 'trashed');
    }
  }
}

/** Returns the owner of the package in most tags; for a package in no tag, the owner of the build. */
async function packageOwner({ hub }: Collection, build: Build): Promise<number> {
  const entries = await hub.call<{ owner_id: number }[]>('listPackages', [], { pkgID: build.package_name });
  const counts = new Map<number, number>();
  for (const { owner_id: owner } of entries) counts.set(owner, (counts.get(owner) ?? 0) + 1);
  const [most] = [...counts].sort(([a, m], [b, n]) => n - m || b - a);
  return most?.[0] ?? build.owner_id;
}
