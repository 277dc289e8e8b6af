/** What Maven repositories need: coordinates out of .pom files, and files with checksums beside the others. */
import { readFile, readdir, stat } from 'node:fs/promises';
import { GenericError } from '@koji/core';
import type { MavenPath } from '@koji/core';
import type { Call } from '../call.js';
import { Checksums } from './digests.js';
import { stageWrite } from './files.js';

/** Coordinates in one text. */
export function mavenLabel({ group_id, artifact_id, version }: MavenPath): string {
  return `${group_id}-${artifact_id}-${version}`;
}

/** Nobody writes a longer one. */
const longestPom = 16 * 1024 * 1024;

/**
 * The coordinates in a .pom file; what the project does not say itself is its parent's.
 *
 * @throws GenericError when they are not all there, or the file is no XML
 */
export async function readPom(file: string): Promise<MavenPath> {
  if ((await stat(file)).size > longestPom) throw new GenericError(`${file} is too large for a POM`);
  const values = coordinatesIn(await readFile(file, 'utf8'), file);
  const get = (field: string): string => {
    const value = values.get(field);
    if (value === undefined) throw new GenericError(`could not extract ${field} from POM: ${file}`);
    return value;
  };
  return { group_id: get('groupId'), artifact_id: get('artifactId'), version: get('version') };
}

const passedOver = /<!--[^]*?-->|<\?[^]*?\?>|<!DOCTYPE[^>[]*(?:\[[^\]]*\][^>]*)?>/g;
const pieces = /<!\[CDATA\[([^]*?)\]\]>|<(\/?)([^\s/>]+)((?:"[^"]*"|'[^']*'|[^"'>])*?)(\/?)>|([^<]+)|</g;
const fields = new Set(['groupId', 'artifactId', 'version']);

function coordinatesIn(text: string, file: string): Map<string, string> {
  const values = new Map<string, string>();
  const stack: string[] = [];
  let content = '';
  const broken = (): never => {
    throw new GenericError(`${file} is no well-formed POM`);
  };
  const close = (): void => {
    const [field = '', parent] = [stack.at(-1), stack.at(-2)];
    const counts = stack.length <= 3 && fields.has(field);
    if (counts && (parent === 'project' || (parent === 'parent' && !values.has(field))))
      values.set(field, content.trim());
    content = '';
    stack.pop();
  };
  for (const [piece, literal, slash, name = '', , selfClosing, plain] of text
    .replace(passedOver, '')
    .matchAll(pieces)) {
    if (literal !== undefined) content += literal;
    else if (plain !== undefined) content += unescaped(plain);
    else if (piece === '<') broken();
    else if (slash === '/') {
      if (stack.at(-1) !== name) broken();
      close();
    } else {
      stack.push(name);
      content = '';
      if (selfClosing === '/') close();
    }
  }
  return stack.length > 0 ? broken() : values;
}

const entities: Readonly<Record<string, string>> = { lt: '<', gt: '>', amp: '&', quot: '"', apos: "'" };

// Entities that a POM declares for itself are never worth their risk: they become a question mark.
function unescaped(text: string): string {
  return text.replace(/&(?:#(\d{1,7})|#x([0-9a-fA-F]{1,6})|([^;&\s]*));/g, (_, decimal, hex, name) => {
    if (name !== undefined) return entities[name as string] ?? '?';
    const code = decimal === undefined ? Number.parseInt(hex as string, 16) : Number(decimal);
    return code > 0 && code <= 0x10ffff ? String.fromCodePoint(code) : '?';
  });
}

/** Writes the checksum files that a folder of a Maven repository lacks; one file may be on its way to it. */
export async function addMavenSums(call: Call, directory: string): Promise<void> {
  const names: string[] = await readdir(directory);
  for (const name of names) {
    if (/\.(md5|sha1)$/.test(name) || name.startsWith('.')) continue;
    const file = `${directory}/${name}`;
    const missing = (['md5', 'sha1'] as const).filter((type) => !names.includes(`${name}.${type}`));
    if (missing.length === 0 || !(await stat(file).catch(() => null))?.isFile()) continue;
    const checksums = new Checksums(missing);
    await checksums.of(file);
    for (const [type, sum] of checksums.sums()) await stageWrite(call, `${file}.${type}`, Buffer.from(sum));
  }
}
