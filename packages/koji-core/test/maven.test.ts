import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { readPom } from '../src/index.js';
import type { MavenPath } from '../src/index.js';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'pom-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function read(text: string): Promise<MavenPath> {
  const file = path.join(folder, 'a.pom');
  await writeFile(file, text);
  return readPom(file);
}

const fields = '<groupId>g</groupId><artifactId>a</artifactId><version>1</version>';
const found = { group_id: 'g', artifact_id: 'a', version: '1' };

test.each([
  ['as short as it can be', `<project>${fields}</project>`],
  [
    'with everything that XML has',
    `\ufeff<?xml version="1.0"?><!-- <project> --><!DOCTYPE project [<!ENTITY x "y>z">]>
    <project xmlns="http://x/>" a='"'><!-- > --><groupId><![CDATA[g]]></groupId><empty/><artifactId>
    a</artifactId ><version>1<!-- 2 --></version></project>`,
  ],
  [
    'with what its parent says',
    '<project><parent><groupId>g</groupId><version>0</version></parent><version>1</version><artifactId>a</artifactId></project>',
  ],
  [
    'with coordinates of others',
    `<project>${fields}<dependency><groupId>x</groupId></dependency><build><project><version>9</version></project></build></project>`,
  ],
])('coordinates are found in a POM %s', async (_what, text) => {
  expect(await read(text)).toEqual(found);
});

test('entities of its own stand for nothing, and name no file', async () => {
  const declared = '<!DOCTYPE p [<!ENTITY e SYSTEM "file:///etc/passwd"><!ENTITY f "&e;&e;">]>';
  const text = `<project>${fields}</project>`.replace('>g<', '>g&e;&f;&amp;&#65;&#x42;<');
  expect(await read(declared + text)).toEqual({ ...found, group_id: 'g??&AB' });
});

test.each([
  ['', 'could not extract groupId'],
  ['<project><groupId>g</groupId></project>', 'could not extract artifactId'],
  ['<project>', 'no well-formed POM'],
  ['<project></parent>', 'no well-formed POM'],
  ['<project a="></project>', 'no well-formed POM'],
  ['<project><', 'no well-formed POM'],
  ['<project><!-- ', 'no well-formed POM'],
  ['<!DOCTYPE project [', 'no well-formed POM'],
  ['<a>'.repeat(2000), 'no well-formed POM'],
])('%j is refused', async (text, problem) => {
  await expect(read(text)).rejects.toThrow(problem);
});

// Each would take hours if anything were looked at twice.
test.each([['<!--'], ['<!DOCTYPE ['], ['<a "'], ['<?'], ['<![CDATA['], ['&'], ['x'], ['<!DOCTYPE>']])(
  'millions of %j are soon done with',
  async (piece) => {
    await expect(read(`<project>${piece.repeat(1_000_000)}`)).rejects.toThrow('no well-formed POM');
    await expect(read(`<project ${piece.repeat(1_000_000)}`)).rejects.toThrow('no well-formed POM');
  },
);
