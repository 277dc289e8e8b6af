import { RpmError } from './errors.js';
import { headerLimits } from './section.js';
import type { RpmValue } from './section.js';
import type { RpmTagName } from './tags.js';

type Get = (tag: RpmTagName) => RpmValue | null;

/** Tags that rpm derives from others; null if those are missing. */
export const computedTags: Readonly<Partial<Record<RpmTagName, (get: Get) => RpmValue | null>>> = {
  NVR: (get) => joined(get, ['NAME', 'VERSION', 'RELEASE']),
  EVR: (get) => joined(get, ['VERSION', 'RELEASE'], { epoch: true }),
  NEVR: (get) => nevr(get),
  NVRA: (get) => withArch(joined(get, ['NAME', 'VERSION', 'RELEASE']), get),
  NEVRA: (get) => withArch(nevr(get), get),
  EPOCHNUM: (get) => get('EPOCH') ?? 0,
  ARCHSUFFIX: archSuffix,
  SOURCEPACKAGE: (get) => (get('SOURCERPM') === null ? 1 : null),
  LONGSIZE: (get) => get('SIZE'),
  LONGFILESIZES: (get) => get('FILESIZES'),
  LONGSIGSIZE: (get) => get('SIGSIZE'),
  LONGARCHIVESIZE: (get) => get('ARCHIVESIZE'),
  // The index in a database of installed packages, which a file does not have.
  DBINSTANCE: () => 0,
  HEADERCOLOR: (get) => listOf(get('FILECOLORS')).reduce<number>((all, one) => all | Number(one), 0) & 15,
  FILENLINKS: linkCounts,
  FILEPROVIDE: (get) => fileDependencies(get, 'P'),
  FILEREQUIRE: (get) => fileDependencies(get, 'R'),
  FILEMIMES: (get) => {
    const numbers = get('FILEMIMEINDEX');
    return numbers === null ? null : fromDictionary(numbers, get('MIMEDICT'));
  },
  TRIGGERCONDS: (get) => triggerConditions(get, 'TRIGGER'),
  TRIGGERTYPE: (get) => triggerTypes(get, 'TRIGGER'),
  FILETRIGGERCONDS: (get) => triggerConditions(get, 'FILETRIGGER'),
  FILETRIGGERTYPE: (get) => triggerTypes(get, 'FILETRIGGER'),
  TRANSFILETRIGGERCONDS: (get) => triggerConditions(get, 'TRANSFILETRIGGER'),
  TRANSFILETRIGGERTYPE: (get) => triggerTypes(get, 'TRANSFILETRIGGER'),
  FILENAMES: (get) => fileNames(get, ['BASENAMES', 'DIRNAMES', 'DIRINDEXES']),
  ORIGFILENAMES: (get) => fileNames(get, ['ORIGBASENAMES', 'ORIGDIRNAMES', 'ORIGDIRINDEXES']),
  // The file classes of a source package are not stored; fileClasses has the others.
  FILECLASS: (get) => (get('BASENAMES') === null ? null : listOf(get('BASENAMES')).map(() => '')),
  REQUIRENEVRS: (get) => dependencies(get, ['REQUIRENAME', 'REQUIREFLAGS', 'REQUIREVERSION']),
  PROVIDENEVRS: (get) => dependencies(get, ['PROVIDENAME', 'PROVIDEFLAGS', 'PROVIDEVERSION']),
  OBSOLETENEVRS: (get) => dependencies(get, ['OBSOLETENAME', 'OBSOLETEFLAGS', 'OBSOLETEVERSION']),
  CONFLICTNEVRS: (get) => dependencies(get, ['CONFLICTNAME', 'CONFLICTFLAGS', 'CONFLICTVERSION']),
  RECOMMENDNEVRS: (get) => dependencies(get, ['RECOMMENDNAME', 'RECOMMENDFLAGS', 'RECOMMENDVERSION']),
  SUGGESTNEVRS: (get) => dependencies(get, ['SUGGESTNAME', 'SUGGESTFLAGS', 'SUGGESTVERSION']),
  SUPPLEMENTNEVRS: (get) => dependencies(get, ['SUPPLEMENTNAME', 'SUPPLEMENTFLAGS', 'SUPPLEMENTVERSION']),
  ENHANCENEVRS: (get) => dependencies(get, ['ENHANCENAME', 'ENHANCEFLAGS', 'ENHANCEVERSION']),
};

/** Returns the class of each file: indexes into a dictionary, and the targets of links, which have no class. */
export function fileClasses(numbers: RpmValue, get: Get): RpmValue {
  const targets = listOf(get('FILELINKTOS'));
  return fromDictionary(numbers, get('CLASSDICT')).map((text, i) =>
    text === '' && targets[i] ? `symbolic link to \`${String(targets[i])}'` : text,
  );
}

function fromDictionary(numbers: RpmValue, dictionary: RpmValue | null): string[] {
  const texts = listOf(dictionary);
  return listOf(numbers).map((number) => String(texts[Number(number)] ?? ''));
}

function joined(get: Get, tags: readonly RpmTagName[], { epoch = false } = {}): string | null {
  const parts = tags.map(get);
  if (parts.includes(null)) return null;
  const before = epoch ? get('EPOCH') : null;
  return `${before === null ? '' : `${textOf(before)}:`}${parts.map(textOf).join('-')}`;
}

function nevr(get: Get): string | null {
  const [name, evr] = [get('NAME'), joined(get, ['VERSION', 'RELEASE'], { epoch: true })];
  return name === null || evr === null ? null : `${textOf(name)}-${evr}`;
}

function withArch(name: string | null, get: Get): string | null {
  const arch = get('ARCH');
  return name === null || arch === null ? name : `${name}.${textOf(arch)}`;
}

// Unlike the name, this distinguishes a source package from a binary one for the same architecture.
function archSuffix(get: Get): string | null {
  if (get('SOURCERPM') === null)
    return get('NOSOURCE') === null && get('NOPATCH') === null ? '.src' : '.nosrc';
  const arch = get('ARCH');
  return arch === null ? null : `.${textOf(arch)}`;
}

function fileNames(
  get: Get,
  [names, folders, places]: readonly [RpmTagName, RpmTagName, RpmTagName],
): string[] | null {
  const bases = get(names);
  if (bases === null) return null;
  const [inFolder, where] = [listOf(get(folders)), listOf(get(places))];
  return listOf(bases).map((base, i) => `${String(inFolder[Number(where[i])] ?? '')}${String(base)}`);
}

function dependencies(
  get: Get,
  [name, flag, version]: readonly [RpmTagName, RpmTagName, RpmTagName],
): string[] | null {
  const names = get(name);
  if (names === null) return null;
  const [flags, versions] = [listOf(get(flag)), listOf(get(version))];
  return listOf(names).map((one, i) => {
    const bits = Number(flags[i] ?? 0);
    const sign = `${bits & 2 ? '<' : ''}${bits & 4 ? '>' : ''}${bits & 8 ? '=' : ''}`;
    return sign === '' ? String(one) : `${String(one)} ${sign} ${String(versions[i] ?? '')}`;
  });
}

const dependencyTags = {
  P: ['PROVIDENAME', 'PROVIDEFLAGS', 'PROVIDEVERSION'],
  R: ['REQUIRENAME', 'REQUIREFLAGS', 'REQUIREVERSION'],
} as const;

/** Returns what each file provides or requires: ranges of a dictionary, whose items consist of a letter and an index. */
function fileDependencies(get: Get, letter: keyof typeof dependencyTags): string[] | null {
  if (get('BASENAMES') === null) return null;
  const all = dependencies(get, dependencyTags[letter]) ?? [];
  const [starts, counts] = [listOf(get('FILEDEPENDSX')), listOf(get('FILEDEPENDSN'))];
  const dictionary = listOf(get('DEPENDSDICT')).map(Number);
  // Files may share a part of the dictionary, so a small header can announce far more than it contains.
  const total = counts.reduce<number>((sum, count) => sum + Number(count), 0);
  if (total > headerLimits.items) throw new RpmError(`${total} dependencies of files are too many`);
  return listOf(get('BASENAMES')).map((_, i) => {
    const start = Number(starts[i] ?? 0);
    const items = dictionary.slice(start, start + Number(counts[i] ?? 0));
    return items
      .filter((item) => String.fromCharCode(item >>> 24) === letter)
      .map((item) => all[item & 0xffffff] ?? '')
      .join(' ');
  });
}

/** Returns the number of names that the package has for each file's content. */
function linkCounts(get: Get): number[] | null {
  if (get('BASENAMES') === null) return null;
  const [modes, flags, inodes] = (['FILEMODES', 'FILEFLAGS', 'FILEINODES'] as const).map((tag) =>
    listOf(get(tag)).map(Number),
  );
  const counts = new Map<number | undefined, number>();
  const regular = 0o100000;
  const ghost = 1 << 6;
  const inodeOf = (i: number): number | undefined =>
    ((modes?.[i] ?? 0) & 0o170000) === regular && ((flags?.[i] ?? 0) & ghost) === 0 ? inodes?.[i] : undefined;
  const files = listOf(get('BASENAMES')).map((_, i) => inodeOf(i));
  for (const inode of files) if (inode !== undefined) counts.set(inode, (counts.get(inode) ?? 0) + 1);
  return files.map((inode) => counts.get(inode) ?? 1);
}

type TriggerKind = 'TRIGGER' | 'FILETRIGGER' | 'TRANSFILETRIGGER';

/** Returns the conditions of each trigger script of a kind. */
function triggerConditions(get: Get, kind: TriggerKind): string[] | null {
  const names = dependencies(get, [`${kind}NAME`, `${kind}FLAGS`, `${kind}VERSION`]);
  return names === null ? null : byScript(get, kind, names).map((of) => of.join(', '));
}

const triggerBits = [
  [1 << 25, 'prein'],
  [1 << 16, 'in'],
  [1 << 17, 'un'],
  [1 << 18, 'postun'],
] as const;

/** Returns when each trigger script of a kind runs. */
function triggerTypes(get: Get, kind: TriggerKind): string[] | null {
  if (get(`${kind}INDEX`) === null) return null;
  const flags = listOf(get(`${kind}FLAGS`)).map(Number);
  return byScript(get, kind, flags).map(
    ([bits = 0]) => triggerBits.find(([bit]) => (bits & bit) !== 0)?.[1] ?? '',
  );
}

/** Returns the items that belong to each trigger script of a kind. */
function byScript<T>(get: Get, kind: TriggerKind, items: readonly T[]): T[][] {
  const scripts = listOf(get(`${kind}SCRIPTS`)).map((): T[] => []);
  const places = listOf(get(`${kind}INDEX`)).map(Number);
  items.forEach((item, i) => scripts[places[i] ?? -1]?.push(item));
  return scripts;
}

function listOf(value: RpmValue | null): readonly (number | bigint | string)[] {
  if (value === null || Buffer.isBuffer(value)) return [];
  return typeof value === 'object' ? value : [value];
}

function textOf(value: RpmValue | null): string {
  return listOf(value).map(String).join(' ');
}
