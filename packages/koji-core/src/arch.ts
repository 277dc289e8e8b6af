import { GenericError } from './faults.js';

const families: readonly (readonly [RegExp, string])[] = [
  [/^(i.86|athlon)$/, 'i386'],
  [/^ia32e$/, 'x86_64'],
  [/^ppc64le$/, 'ppc64le'],
  [/^ppc64/, 'ppc64'],
  [/^sparc64/, 'sparc64'],
  [/^sparc/, 'sparc'],
  [/^alpha/, 'alpha'],
  [/^arm.*h/, 'armhfp'],
  [/^arm/, 'arm'],
];

/** The name that Koji uses for an architecture: `i386` for `i686`. */
export function canonArch(arch: string): string {
  return families.find(([pattern]) => pattern.test(arch))?.[1] ?? arch;
}

/**
 * Returns a list of architectures as the database stores it, separated by spaces.
 *
 * @param arches a list, or text with spaces or (unless strict) commas
 * @throws GenericError for any other character
 */
export function parseArches(arches: string | readonly string[], { strict = false } = {}): string {
  const text = typeof arches === 'string' && !strict ? arches.replaceAll(',', ' ') : arches;
  const all = typeof text === 'string' ? text.split(/\s+/).filter(Boolean) : text;
  if (!all.every((arch) => /^[a-zA-Z0-9_-]*$/.test(arch)))
    throw new GenericError('Architecture can be only [a-zA-Z0-9_-]');
  return all.join(' ');
}
