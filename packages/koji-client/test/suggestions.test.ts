import { join } from 'node:path';
import { nearestNames } from '../src/cli/suggestions.js';
import { runKoji, useHub } from './support/hub.js';
import type { RealHub } from './support/hub.js';

let hub: RealHub;

useHub(async (opened) => {
  ({ hub } = opened);
  await opened.admin.createTag('f44');
  await opened.admin.createTag('f44-build', null, 'x86_64');
  await opened.admin.createBuildTarget('f44-candidate', 'f44-build', 'f44');
});

/** The last line that a command prints on a terminal. */
async function lastLine(...args: string[]): Promise<string | undefined> {
  const { stdout } = await runKoji(['-c', join(hub.folder, 'koji.conf'), ...args], { terminal: true });
  return stdout.trimEnd().split(/\r?\n/).at(-1);
}

test('the nearest names come first, and nothing that is too far away', () => {
  const names = ['list-tags', 'list-tagged', 'lock-tag', 'build'];
  expect(nearestNames('list-tag', names)).toEqual(['list-tags']);
  expect(nearestNames('list-taggs', names)).toEqual(['list-tags', 'list-tagged']);
  expect(nearestNames('lsit-tags', names)[0]).toBe('list-tags');
  expect(nearestNames('BUILD', names)).toEqual(['build']);
  expect(nearestNames('something-else', names)).toEqual([]);
  expect(nearestNames('x', ['y', 'xyz'])).toEqual(['y']);
});

test('on a terminal a wrong command, tag or target is answered by those that may be meant', async () => {
  expect(await lastLine('list-tag')).toBe("Did you mean 'list-tags'?");
  expect(await lastLine('taginfo', 'f44-biuld')).toBe("Did you mean 'f44-build'?");
  expect(await lastLine('list-targets', '--name=f44-candidat')).toBe("Did you mean 'f44-candidate'?");
  expect(await lastLine('taginfo', 'quite-another')).toMatch(/No such tagInfo: 'quite-another'$/);
});

test('programs that read the output get the text of Koji alone', async () => {
  expect((await hub.koji('taginfo', 'f44-biuld')).stderr).toMatch(/No such tagInfo: 'f44-biuld'\n$/);
  expect((await hub.koji('list-tag')).stderr).toMatch(/ \[ERROR\] koji: Unknown command: list-tag\n$/);
});
