import { sortTexts } from '../sort-texts.js';
import type { RpmHeader } from './header.js';
import type { RpmValue } from './section.js';
import type { RpmTagName } from './tags.js';

const textTags: readonly (readonly [RpmTagName, string])[] = [
  ['NAME', 'Name'],
  ['SUMMARY', 'Summary'],
  ['DESCRIPTION', 'Description'],
  ['GROUP', 'Group'],
  ['LICENSE', 'License'],
  ['URL', 'Url'],
  ['PREIN', 'Prein'],
  ['POSTIN', 'Postin'],
  ['PREUN', 'Preun'],
  ['POSTUN', 'Postun'],
];

const dependencyTags: readonly (readonly [string, RpmTagName, RpmTagName, RpmTagName])[] = [
  ['REQUIRES', 'REQUIRENAME', 'REQUIREFLAGS', 'REQUIREVERSION'],
  ['PROVIDES', 'PROVIDENAME', 'PROVIDEFLAGS', 'PROVIDEVERSION'],
  ['CONFLICTS', 'CONFLICTNAME', 'CONFLICTFLAGS', 'CONFLICTVERSION'],
  ['OBSOLETES', 'OBSOLETENAME', 'OBSOLETEFLAGS', 'OBSOLETEVERSION'],
];

/** The letters in a changed file's line. Size, digest, link count and time change with every build and stay dots. */
const fileTags: readonly (readonly [string, RpmTagName | null])[] = [
  ['S', null],
  ['M', 'FILEMODES'],
  ['5', null],
  ['D', 'FILERDEVS'],
  ['N', null],
  ['L', 'FILESTATES'],
  ['V', 'FILEVERIFYFLAGS'],
  ['U', 'FILEUSERNAME'],
  ['G', 'FILEGROUPNAME'],
  ['F', 'FILEFLAGS'],
  ['T', null],
];

const sense = { less: 2, greater: 4, equal: 8 } as const;
// rpm's own bit for it and those of what a scriptlet needs.
const prerequisite = (1 << 6) | (1 << 9) | (1 << 10) | (1 << 11) | (1 << 12);

/**
 * Returns the differences between two packages that should be identical, one line each in the format of rpmdiff: texts,
 * dependencies, and files without what changes with every build. Empty if they are equivalent.
 */
export function diffRpms(before: RpmHeader, after: RpmHeader): string[] {
  return [
    ...textTags.flatMap(([tag, name]) => diffText(before.get(tag), after.get(tag), name)),
    ...dependencyTags.flatMap((tags) => diffDependencies(before, after, tags)),
    ...diffFiles(filesOf(before), filesOf(after)),
  ];
}

function line(mark: string, rest: string): string {
  return `${mark.padEnd(12)}${rest}`;
}

function diffText(before: RpmValue | null, after: RpmValue | null, name: string): string[] {
  if (comparable(before) === comparable(after)) return [];
  if (before === null) return [line('added', name)];
  return [line(after === null ? 'removed' : 'S.5........', name)];
}

function comparable(value: RpmValue | null): string {
  return value === null ? '' : `=${list(value).join('\0')}`;
}

function diffDependencies(
  before: RpmHeader,
  after: RpmHeader,
  [kind, ...tags]: (typeof dependencyTags)[number],
): string[] {
  const [old, now] = [before, after].map((header) => dependenciesOf(header, kind, tags));
  const missing = (from: Map<string, string>, other: Map<string, string>, mark: string): string[] =>
    [...from].filter(([key]) => !other.has(key)).map(([, shown]) => line(mark, shown));
  if (!old || !now) return [];
  return [...missing(old, now, 'removed'), ...missing(now, old, 'added')];
}

/** Formats dependencies for lines, keyed by what identifies them; omits a package's dependency on itself. */
function dependenciesOf(
  header: RpmHeader,
  kind: string,
  [nameTag, flagTag, versionTag]: readonly [RpmTagName, RpmTagName, RpmTagName],
): Map<string, string> {
  const [flags, versions] = [list(header.get(flagTag)), list(header.get(versionTag))];
  const { name, version, release } = header.info();
  const found = new Map<string, string>();
  list(header.get(nameTag)).forEach((item, i) => {
    const bits = Number(flags[i] ?? 0);
    const wanted = versions[i] ?? '';
    const isSelf = item === name && bits === sense.equal && wanted === `${version}-${release}`;
    if (kind === 'PROVIDES' && isSelf) return;
    const sign = `${bits & sense.less ? '<' : ''}${bits & sense.greater ? '>' : ''}${bits & sense.equal ? '=' : ''}`;
    const shownKind = kind === 'REQUIRES' && bits & prerequisite ? 'PREREQ' : kind;
    found.set([item, bits, wanted].join('\0'), `${shownKind} ${item} ${sign} ${wanted}`);
  });
  return found;
}

type FileFacts = readonly string[];

function filesOf(header: RpmHeader): Map<string, FileFacts> {
  const columns = fileTags.map(([, tag]) => (tag ? list(header.get(tag)) : []));
  return new Map(
    list(header.get('FILENAMES')).map((name, i) => [name, columns.map((values) => values[i] ?? '')]),
  );
}

function diffFiles(before: Map<string, FileFacts>, after: Map<string, FileFacts>): string[] {
  return sortTexts(new Set([...before.keys(), ...after.keys()])).flatMap((name) => {
    const [old, now] = [before.get(name), after.get(name)];
    if (!old) return [line('added', name)];
    if (!now) return [line('removed', name)];
    const marks = fileTags.map(([letter], i) => (old[i] === now[i] ? '.' : letter)).join('');
    return /[^.]/.test(marks) ? [line(marks, name)] : [];
  });
}

function list(value: RpmValue | null): readonly string[] {
  if (value === null) return [];
  if (Buffer.isBuffer(value)) return [value.toString('hex')];
  return typeof value === 'object' ? value.map(String) : [String(value)];
}
