import { createHash } from 'node:crypto';
import { RPMTAG, type RpmHeader, type RpmTagName, type RpmValue } from '@koji/core/rpm';

const texts = [
  ...(['NAME', 'SUMMARY', 'DESCRIPTION', 'GROUP', 'LICENSE', 'URL'] as const),
  ...(['PREIN', 'POSTIN', 'PREUN', 'POSTUN'] as const),
] satisfies RpmTagName[];

const dependencies = {
  REQUIRES: ['REQUIRENAME', 'REQUIREFLAGS', 'REQUIREVERSION'],
  PROVIDES: ['PROVIDENAME', 'PROVIDEFLAGS', 'PROVIDEVERSION'],
  CONFLICTS: ['CONFLICTNAME', 'CONFLICTFLAGS', 'CONFLICTVERSION'],
  OBSOLETES: ['OBSOLETENAME', 'OBSOLETEFLAGS', 'OBSOLETEVERSION'],
} as const satisfies Record<string, readonly RpmTagName[]>;

type Dependency = readonly [name: string, flags: number, version: string];

const equalTo = 8;

/**
 * Returns a hash of what two noarch packages have in common that were built from the same sources on different machines: all
 * but sizes, digests, times and numbers of links. It is the hash that Koji's builders make, so that both can take part in one
 * build.
 */
export function noarchHash(header: RpmHeader): string {
  const tags = Object.fromEntries(texts.map((tag) => [RPMTAG[tag], textOf(header.get(tag))]));
  const lists = Object.entries(dependencies).map(
    ([kind, names]) => [kind, dependenciesOf(header, kind, names)] as const,
  );
  const data = { ...Object.fromEntries(lists), files: filesOf(header), ignore: 'S5TN', tags };
  return createHash('sha256').update(asPython(data)).digest('hex');
}

function textOf(value: RpmValue | null): string | null {
  const [first = null] = listOf(value);
  return first === null ? null : String(first);
}

function listOf(value: RpmValue | null): readonly (string | number | bigint)[] {
  if (value === null || Buffer.isBuffer(value)) return [];
  return typeof value === 'object' ? value : [value];
}

function dependenciesOf(
  header: RpmHeader,
  kind: string,
  [nameTag, flagTag, versionTag]: readonly [RpmTagName, RpmTagName, RpmTagName],
): Dependency[] {
  const { name, version, release } = header.info();
  const [flags, versions] = [listOf(header.get(flagTag)), listOf(header.get(versionTag))];
  return listOf(header.get(nameTag))
    .map((item, i): Dependency => [String(item), Number(flags[i] ?? 0), String(versions[i] ?? '')])
    .filter(
      ([item, bits, wanted]) =>
        kind !== 'PROVIDES' || item !== name || bits !== equalTo || wanted !== `${version}-${release}`,
    )
    .sort((a, b) => compare(a[0], b[0]) || a[1] - b[1] || compare(a[2], b[2]));
}

function compare(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

/** Data of Koji's builders about each file; null replaces values that differ between machines. */
function filesOf(header: RpmHeader): Record<string, readonly (string | number | null)[]> {
  const column = (tag: RpmTagName): readonly (string | number | bigint)[] => listOf(header.get(tag));
  const [modes, flags, devices, inodes] = [
    column('FILEMODES'),
    column('FILEFLAGS'),
    column('FILERDEVS'),
    column('FILEINODES'),
  ];
  const [verified, users, groups] = [
    column('FILEVERIFYFLAGS'),
    column('FILEUSERNAME'),
    column('FILEGROUPNAME'),
  ];
  const number = (list: readonly unknown[], i: number): number => Number(list[i] ?? 0);
  const notInstalled = -1;
  return Object.fromEntries(
    column('FILENAMES').map((name, i) => [
      String(name),
      [
        ...[null, number(modes, i), null, number(flags, i), number(devices, i), number(inodes, i), null],
        ...[notInstalled, number(verified, i) | 0, String(users[i] ?? ''), String(groups[i] ?? ''), null],
      ],
    ]),
  );
}

/** JSON as Python writes it with sorted keys: blanks after commas and colons, and nothing but ASCII. */
function asPython(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(asPython).join(', ')}]`;
  if (typeof value === 'object' && value !== null) {
    const entries = Object.entries(value).sort(([a], [b]) => compare(a, b));
    return `{${entries.map(([key, item]) => `${asPython(key)}: ${asPython(item)}`).join(', ')}}`;
  }
  return JSON.stringify(value).replace(
    /[\u0080-\uffff]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
