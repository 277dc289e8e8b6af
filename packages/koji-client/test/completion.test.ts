import { execFile, execFileSync } from 'node:child_process';
import { chmod, mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { wordsOfLine } from '../src/cli/completion/shells.js';
import { Commands, commandEnvironment } from './support/commands.js';
import { kojiProgram, useHub } from './support/hub.js';
import type { RealHub } from './support/hub.js';

let hub: RealHub;
let home: string;
const commands = new Commands();

const { koji, failed } = useHub(async (opened) => {
  const { admin } = opened;
  ({ hub } = opened);
  home = join(hub.folder, 'home');
  for (const tag of ['f44', 'f44-build', 'g1']) await admin.createTag(tag);
  for (const [tag, group] of [
    ['f44', 'build'],
    ['g1', 'livecd'],
    ['g1', 'srpm-build'],
  ] as const)
    await admin.groupListAdd(tag, group);
  await admin.createBuildTarget('f44-candidate', 'f44-build', 'f44');
  await admin.createEmptyBuild('bash', '5.2', '1', null);
  await mkdir(join(home, '.koji'), { recursive: true });
  await writeFile(join(home, '.koji/config'), `[koji]\nserver = ${hub.url}\n`);
  await mkdir(join(home, 'bin'));
  await writeFile(join(home, 'bin/koji'), `#!/bin/sh\nexec ${process.execPath} ${kojiProgram} "$@"\n`);
  await chmod(join(home, 'bin/koji'), 0o755);
});

afterAll(() => commands.stop());

/** Returns the words that complete the last of some. */
async function complete(...words: string[]): Promise<string[]> {
  const ran = await commands.run(['__complete', 'fish', ...words], { home, cwd: home });
  expect(ran).toMatchObject({ code: 0, stderr: '' });
  return ran.stdout.split('\n').filter(Boolean);
}

const wordsIn = (lines: readonly string[]): string[] => lines.map((line) => line.split('\t')[0] ?? '');

test('commands and options are completed with what they are for, without the hub', async () => {
  await writeFile(join(home, '.koji/config'), '[koji]\nserver = http://127.0.0.1:9/kojihub\n');
  expect(await complete('list-tag')).toEqual([
    'list-tag-inheritance\tPrint the inheritance information for a tag',
    'list-tagged\tList the builds or rpms in a tag',
    'list-tags\tPrint the list of tags',
  ]);
  expect(await complete('-q', '--user', 'alice', 'whoa')).toHaveLength(1);
  expect(wordsIn(await complete('--no'))).toEqual(['--noauth', '--no-pager']);
  expect(wordsIn(await complete('taginfo', '--e'))).toEqual(['--event']);
  expect(await complete('build', 'f44', '')).toEqual([':files']);
  expect(await complete('search', 'p')).toEqual(['package']);
  expect(await complete('help', 'se')).toEqual(['search']);
  expect(await complete('-p', 'k')).toEqual(['koji']);
  await writeFile(join(home, 'other.conf'), '[stage]\n[koji-stage]\n');
  expect(await complete('-c', join(home, 'other.conf'), '--profile=k')).toEqual(['--profile=koji-stage']);
  // The hub is away.
  expect(await complete('taginfo', 'f')).toEqual([]);
  expect(await complete('no-such-command', 'f')).toEqual([]);
  expect(await complete('--config', '/nonexistent', 'taginfo', 'f')).toEqual([]);
  await writeFile(join(home, '.koji/config'), `[koji]\nserver = ${hub.url}\n`);
});

test('names come from the hub for arguments and values of options, then from the cache', async () => {
  expect(await complete('taginfo', 'f4')).toEqual(['f44', 'f44-build']);
  expect(await complete('clone-tag', 'f44', '--quiet', 'g')).toEqual(['g1']);
  expect(await complete('build', 'f')).toEqual(['f44-candidate']);
  expect(await complete('list-pkgs', '--tag=f44-')).toEqual(['--tag=f44-build']);
  expect(await complete('list-pkgs', '--package', 'b')).toEqual(['bash']);
  expect(await complete('buildinfo', 'bash')).toEqual(['bash-5.2-1']);
  expect(await complete('open', 'user', 'koji')).toEqual(['kojiadmin']);
  expect(await complete('grant-permission', 'rep')).toEqual(['repo']);
  expect(await complete('add-host-to-channel', 'x', 'cr')).toEqual(['createrepo']);
  expect(await complete('add-group-pkg', 'f44', 'b')).toEqual(['build']);
  expect(await complete('block-group-req', 'g1', 'srpm-build', '')).toEqual(['livecd', 'srpm-build']);
  expect(await complete('list-groups', '', 'b')).toEqual([]);
  await koji('add-tag', 'f44-late');
  // Names that begin with f4 are already known.
  expect(await complete('taginfo', 'f44-')).toEqual(['f44-build']);
  expect(await readdir(join(home, '.cache/koji/names'))).not.toHaveLength(0);
  await rm(join(home, '.cache/koji/names'), { recursive: true });
  expect(await complete('taginfo', 'f44-')).toEqual(['f44-build', 'f44-late']);
});

test('bash gives a line, of which the words are found', () => {
  expect(wordsOfLine('koji  taginfo "f44 b" a\\ b c')).toEqual(['koji', 'taginfo', 'f44 b', 'a b', 'c']);
  expect(wordsOfLine("koji x '' ")).toEqual(['koji', 'x', '', '']);
  expect(wordsOfLine('koji "f44 ')).toEqual(['koji', 'f44 ']);
});

test('a script for another shell is refused', async () => {
  expect(await failed('completion', 'csh')).toEqual([2, 'No such shell: csh. Shells: bash, zsh, fish\n']);
  expect((await failed('completion'))[0]).toBe(2);
  expect(await koji('completion', 'bash')).toContain('complete -F _koji_complete koji\n');
});

/** Types at a program on a terminal: each text, then waits for what must appear after it. */
const typist = `
import json, os, pty, select, sys, time
steps = json.loads(sys.argv[1])
pid, fd = pty.fork()
if pid == 0:
    os.execvp(sys.argv[2], sys.argv[2:])
for text, wanted in steps:
    os.write(fd, text.encode())
    seen, end = b'', time.time() + 20
    while wanted.encode() not in seen:
        if not select.select([fd], [], [], max(0, end - time.time()))[0]:
            sys.exit('no ' + wanted + ' in ' + repr(seen))
        seen += os.read(fd, 4096)
os.close(fd)
`;

const has = (program: string): boolean => {
  try {
    execFileSync('which', [program], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
};

const shellEnvironment = () => ({
  ...commandEnvironment(home),
  PATH: `${join(home, 'bin')}:${process.env['PATH']}`,
  TERM: 'xterm',
});

const type = (steps: readonly [string, string][], ...command: string[]) =>
  promisify(execFile)('python3', ['-c', typist, JSON.stringify(steps), ...command], {
    env: shellEnvironment(),
  });

(has('bash') ? test : test.skip)('bash completes commands, options and names', async () => {
  await type(
    [
      ["source <(koji completion bash); PS1='rea''dy> '\n", 'ready> '],
      ['koji taginf\t', 'koji taginfo '],
      ['f44-b\t', 'f44-build '],
      ['\u0015koji list-pkgs --ta\t', '--tag '],
      ['\u0015koji list-pkgs --tag=f44-b\t', 'build '],
    ],
    ...['bash', '--norc', '--noprofile', '-i'],
  );
});

(has('zsh') ? test : test.skip)('zsh completes commands, options and names', async () => {
  await type(
    [
      [
        "PS1='rea''dy> '; autoload -U compinit; compinit -u; source <(koji completion zsh); echo do''ne\n",
        'done',
      ],
      ['koji taginf\t', 'taginfo'],
      ['f44-b\t', 'uild'],
      ['\u0015koji list-pkgs --tag=f44-b\t', 'uild'],
      ['\u0015koji list-ta\t\t', 'List the builds or rpms in a tag'],
    ],
    ...['zsh', '-f', '-i'],
  );
});

(has('fish') ? test : test.skip)('fish completes commands, options and names', async () => {
  const { stdout } = await promisify(execFile)(
    'fish',
    [
      '--no-config',
      '-c',
      'koji completion fish | source; for line in "koji taginf" "koji taginfo f44-b" "koji list-pkgs --tag=f44-b"; ' +
        'complete -C $line; end',
    ],
    { env: shellEnvironment() },
  );
  expect(wordsIn(stdout.trim().split('\n'))).toEqual(['taginfo', 'f44-build', '--tag=f44-build']);
});
