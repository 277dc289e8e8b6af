/** Subjects of certificates, compared by their parts, because one subject's text could imitate another. */
import type { X509Certificate } from 'node:crypto';

/** A type in its canonical spelling and a value, which is null if only its bytes are known. */
type Part = readonly [type: string, value: string | null];
/** The parts of one level; nearly always one. */
type Level = readonly Part[];
/** The levels of a subject, the country first, as in the certificate. */
export type DistinguishedName = readonly Level[];

/** Types that programs spell in several ways, and their object identifiers. */
const spellings: Readonly<Record<string, string>> = {
  E: 'EMAILADDRESS',
  EMAIL: 'EMAILADDRESS',
  '1.2.840.113549.1.9.1': 'EMAILADDRESS',
  USERID: 'UID',
  '0.9.2342.19200300.100.1.1': 'UID',
  '0.9.2342.19200300.100.1.25': 'DC',
  '2.5.4.3': 'CN',
  '2.5.4.6': 'C',
  '2.5.4.7': 'L',
  '2.5.4.8': 'ST',
  '2.5.4.10': 'O',
  '2.5.4.11': 'OU',
  COMMONNAME: 'CN',
  ORGANIZATIONNAME: 'O',
  ORGANIZATIONALUNITNAME: 'OU',
  COUNTRYNAME: 'C',
};

function canonical(type: string): string {
  const upper = type.toUpperCase().replace(/^OID\./, '');
  return spellings[upper] ?? upper;
}

// One part: type, `=`, and a value in quotes, as bytes, or with characters escaped by a backslash.
const partPattern =
  /\s*([A-Za-z0-9.-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|(#[0-9A-Fa-f]*)|((?:[^",+;<>\\#\s]|\\.)(?:[^",+;<>\\]|\\.)*)?)\s*/suy;

/**
 * Reads a subject in the form of RFC 4514, which has the country last, such as `CN=alice,OU=People,O=Example,C=US`.
 *
 * @returns null for a text that is not of this form
 */
export function parseSubject(text: string): DistinguishedName | null {
  const levels = parseLevels(text);
  return levels && [...levels].reverse();
}

function parseLevels(text: string): Level[] | null {
  const levels: Part[][] = [[]];
  for (let at = 0; ;) {
    partPattern.lastIndex = at;
    const match = partPattern.exec(text);
    if (!match) return null;
    const [whole, type = '', quoted, bytes, plain = ''] = match;
    const value = bytes === undefined ? unescape(quoted ?? plain, quoted !== undefined) : null;
    if (value === undefined) return null;
    levels.at(-1)?.push([canonical(type), value]);
    at += whole.length;
    const separator = text[at];
    if (separator === undefined) return levels;
    if (separator === ',' || separator === ';') levels.push([]);
    else if (separator !== '+') return null;
    at += 1;
  }
}

/** Returns undefined for an invalid escape. */
function unescape(text: string, isQuoted: boolean): string | undefined {
  // Spaces before a separator belong to it, unless the last one is escaped.
  const kept = isQuoted ? text : text.replace(/(?<=(?:^|[^\\])(?:\\\\)*)\s+$/u, '');
  const bytes: Buffer[] = [];
  for (const [whole, hex, char] of kept.matchAll(/\\(?:([0-9A-Fa-f]{2})|(.))|[^\\]+/gsu))
    bytes.push(hex === undefined ? Buffer.from(char ?? whole) : Buffer.from(hex, 'hex'));
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(Buffer.concat(bytes));
  } catch {
    return undefined;
  }
}

/**
 * Reads a subject of hub.conf: in the form of RFC 4514, or in the older one of OpenSSL, such as `/C=US/O=Example/CN=alice`.
 *
 * @returns null for a text that is neither
 */
export function parseConfiguredSubject(text: string): DistinguishedName | null {
  if (!text.startsWith('/')) return parseSubject(text);
  const levels = text
    .slice(1)
    .split(/\/(?=[A-Za-z0-9.-]+=)/)
    .map((part): Part | null => {
      const [, type, value] = /^([A-Za-z0-9.-]+)=(.*)$/s.exec(part) ?? [];
      return type === undefined || value === undefined ? null : [canonical(type), value];
    });
  return levels.every((part) => part !== null) ? levels.map((part) => [part]) : null;
}

/** Returns the subject of a certificate; null for one that has none. */
export function subjectOf({ subject }: X509Certificate): DistinguishedName | null {
  // Undefined for an empty one, whatever the types say. Line ends of values are escaped.
  if (!(subject as string | undefined)) return null;
  const levels = subject.split('\n').map((line) => parseLevels(line));
  const good = levels.filter((found) => found?.length === 1);
  return good.length === levels.length ? good.flatMap((found) => found ?? []) : null;
}

/** Returns whether two subjects have the same parts in the same order. */
export function sameSubject(a: DistinguishedName, b: DistinguishedName): boolean {
  return (
    a.length === b.length &&
    a.every((level, i) => {
      const other = b[i] ?? [];
      return (
        level.length === other.length &&
        level.every(([type, value], j) => {
          const [otherType, otherValue] = other[j] ?? [];
          return value !== null && type === otherType && value === otherValue;
        })
      );
    })
  );
}

/** Returns the value of a type; null if the subject has none or several, because it would be unclear which one counts. */
export function componentOf(subject: DistinguishedName, type: string): string | null {
  const found = subject.flat().filter(([name]) => name === canonical(type));
  const [first] = found;
  return found.length === 1 && first?.[1] && !/[\u0000-\u001f\u007f]/.test(first[1]) ? first[1] : null;
}

/** Returns a subject in the form of RFC 4514, for messages. */
export function subjectText(subject: DistinguishedName): string {
  const escaped = (value: string): string =>
    value
      .replace(/[",+;<>\\]/g, '\\$&')
      .replace(/^[ #]| $/g, '\\$&')
      .replace(/[\u0000-\u001f\u007f]/g, (char) => `\\${Buffer.from(char).toString('hex').toUpperCase()}`);
  const shown = (type: string): string => (type === 'EMAILADDRESS' ? 'emailAddress' : type);
  return [...subject]
    .reverse()
    .map((level) =>
      level.map(([type, value]) => `${shown(type)}=${value === null ? '#' : escaped(value)}`).join('+'),
    )
    .join(',');
}
