import type { RpmValue } from './section.js';
import type { RpmTagName } from './tags.js';

type Get = (tag: RpmTagName) => RpmValue | null;

/** Tags that rpm answers from others; null when those are not there. */
export const computedTags: Readonly<Partial<Record<RpmTagName, (get: Get) => RpmValue | null>>> = {
  NVR: (get) => joined(get, ['NAME', 'VERSION', 'RELEASE']),
  EVR: (get) => joined(get, ['VERSION', 'RELEASE'], { epoch: true }),
  NEVR: (get) => nevr(get),
  NVRA: (get) => withArch(joined(get, ['NAME', 'VERSION', 'RELEASE']), get),
  NEVRA: (get) => withArch(nevr(get), get),
  EPOCHNUM: (get) => get('EPOCH') ?? 0,
  ARCHSUFFIX: archSuffix,
  LONGSIZE: (get) => get('SIZE'),
  LONGFILESIZES: (get) => get('FILESIZES'),
  FILENAMES: (get) => fileNames(get, ['BASENAMES', 'DIRNAMES', 'DIRINDEXES']),
  ORIGFILENAMES: (get) => fileNames(get, ['ORIGBASENAMES', 'ORIGDIRNAMES', 'ORIGDIRINDEXES']),
  // What a source package's files hold is not stored; fileClasses has the others.
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

/** The description of each file; the header keeps numbers into a dictionary. */
export function fileClasses(numbers: RpmValue, dictionary: RpmValue | null): RpmValue {
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

// Unlike in the name, a source package is told from one built for the same architecture.
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

function listOf(value: RpmValue | null): readonly (number | bigint | string)[] {
  if (value === null || Buffer.isBuffer(value)) return [];
  return typeof value === 'object' ? value : [value];
}

function textOf(value: RpmValue | null): string {
  return listOf(value).map(String).join(' ');
}
