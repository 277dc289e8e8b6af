import { mkdir, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { compareEVR } from '@koji/core/rpm';
import type { TaggedMavenArchive } from '@koji/core/api';
import type { Call } from '../../call.js';
import { Checksums } from '../values/digests.js';
import { latestMavenArchives } from '../tagging/tagged-archives.js';

/** A version of an artifact that a repo has. */
type Artifact = Pick<TaggedMavenArchive, 'group_id' | 'artifact_id' | 'version'>;

/**
 * Fills a Maven repository with the artifacts of a tag: a link to the folder of each version, and beside the versions of
 * an artifact `maven-metadata.xml`, which names them, with its checksum files.
 */
export async function writeMavenLinks(
  call: Call,
  folder: string,
  { tagId, event }: { readonly tagId: number; readonly event: number },
): Promise<void> {
  const { paths } = call.hub;
  const linked = new Set<string>();
  const versions = new Map<string, Artifact[]>();
  for await (const archive of await latestMavenArchives(call, tagId, { event, inherit: true })) {
    const relative = paths.mavenrepo(archive);
    if (linked.has(relative)) continue;
    linked.add(relative);
    const { build_name: name, build_version: version, build_release: release, volume_name } = archive;
    const source = `${paths.mavenbuild({ name, version, release, volume_name })}/${relative}`;
    const link = path.join(folder, relative);
    const parent = path.dirname(link);
    await mkdir(parent, { recursive: true });
    await symlink(path.relative(parent, source), link);
    const { group_id, artifact_id, version: own } = archive;
    versions.set(parent, [...(versions.get(parent) ?? []), { group_id, artifact_id, version: own }]);
  }
  for (const [parent, artifacts] of versions) await writeMetadata(parent, artifacts);
}

/** As epoch, version and release, which is how Koji orders them: in a folder only the versions differ. */
function byVersion(a: Artifact, b: Artifact): number {
  const label = ({ version }: Artifact) => ({ epoch: null, version: '0', release: version });
  return compareEVR(label(a), label(b));
}

async function writeMetadata(folder: string, artifacts: readonly Artifact[]): Promise<void> {
  const sorted = [...artifacts].sort(byVersion);
  const latest = sorted.at(-1);
  if (!latest) return;
  const time = new Date().toISOString().replace(/\D/g, '').slice(0, 14);
  const file = path.join(folder, 'maven-metadata.xml');
  await writeFile(
    file,
    `<?xml version="1.0"?>
<metadata>
  <groupId>${escaped(latest.group_id)}</groupId>
  <artifactId>${escaped(latest.artifact_id)}</artifactId>
  <versioning>
    <latest>${escaped(latest.version)}</latest>
    <release>${escaped(latest.version)}</release>
    <versions>
${sorted.map(({ version }) => `      <version>${escaped(version)}</version>\n`).join('')}    </versions>
    <lastUpdated>${time}</lastUpdated>
  </versioning>
</metadata>
`,
  );
  const sums = new Checksums(['md5', 'sha1']);
  await sums.of(file);
  for (const [type, sum] of sums.sums()) await writeFile(`${file}.${type}`, sum);
}

const escaped = (text: string): string =>
  text.replace(/[&<>]/g, (char) => (char === '&' ? '&amp;' : char === '<' ? '&lt;' : '&gt;'));
