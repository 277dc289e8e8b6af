import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { root } from './support/system.js';

const folder = mkdtempSync(path.join(tmpdir(), 'koji-quickstart-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Diagnostics of a failed run: its own output and the ends of the daemons' logs. */
function said(done: { stdout: string; stderr: string }): string {
  const logs = ['hub.out', 'kojid.out', 'hub.log', 'kojid.log'].map((name) => {
    const file = path.join(folder, name);
    return `${name}:\n${existsSync(file) ? readFileSync(file, 'utf8').slice(-1500) : 'not there'}`;
  });
  return [...logs, done.stdout.slice(-2000), done.stderr].join('\n');
}

function quickstart(): string {
  // Any free port: other hubs of this machine may want the default one at the same moment.
  const args = ['run', 'quickstart', '--', '--once', '--folder', folder, '--port', '0'];
  const done = spawnSync('npm', args, { cwd: root, encoding: 'utf8' });
  if (done.status !== 0) throw new Error(`quickstart ended with ${done.status ?? ''}\n${said(done)}`);
  return done.stdout;
}

test('the quickstart shows a task, a method and a callback of plugins and a package, and finds its data again', () => {
  const first = quickstart();
  expect(first).toMatch(/kojid\.log:\n(.*\n)*?.*mytask/i);
  expect(first).toMatch(/call mymethod first second/);
  expect(first).toMatch(/ActionNotAllowed: .*permission/);
  expect(first).toMatch(/preTag(.*\n)+.*postTag/);
  expect(first).toMatch(/mypkg-1\.0-1 +mytag/);
  const [, backend] = /built by the back end (\S+)/.exec(first) ?? [];
  if (backend === 'sandbox') {
    // README shows these.
    const picture = readFileSync(path.join(root, 'docs/quickstart.svg'), 'utf8');
    const commands = [...picture.matchAll(/class="command">\$ (koji [^<]*?)(?: git:[^<]*)?</g)].map(
      ([, one]) => one,
    );
    expect(commands.length).toBeGreaterThan(2);
    for (const command of commands) expect(first).toContain(`$ ${command}`);
    expect(first).toMatch(/build \(quick, \/hello\.git:main\) completed successfully/);
    expect(first).toMatch(/\$ chroot .*\n +hello from an rpm that Koji built\n/);
  } else expect(first).toMatch(/to build .*(mend|install)/);
  // As it was when it was interrupted before its end.
  const state = path.join(folder, 'state.json');
  const unfinished = JSON.parse(readFileSync(state, 'utf8')) as Record<string, unknown>;
  writeFileSync(state, JSON.stringify({ ...unfinished, ready: false, set: false }));
  const second = quickstart();
  expect(second).toMatch(/untag-build mytag mypkg-1\.0-1/);
  expect(second).toMatch(/mypkg-1\.0-1 +mytag/);
  if (backend === 'sandbox') expect(second).toMatch(/\n +hello from an rpm that Koji built\n/);
});

test('the quickstart builds by mock where mock works, else names what keeps it from that', () => {
  const mock = path.join(folder, 'mock');
  writeFileSync(mock, '#!/bin/sh\n', { mode: 0o755 });
  // `id` and `getent` answer as on a host with the group and the account of mock.
  for (const name of ['id', 'getent']) writeFileSync(path.join(folder, name), '#!/bin/sh\n', { mode: 0o755 });
  const script = `import { findBackend } from ${JSON.stringify(path.join(root, 'scripts/quickstart-build.mjs'))};
console.log(JSON.stringify(await findBackend('/var/tmp', { repo: 'https://example.com/$arch/', mockpath: process.argv[1] })));`;
  const found = (mockpath: string, places = ''): { backend: string; lacks: string[] } => {
    const env = { ...process.env, PATH: `${places}${process.env.PATH ?? ''}` };
    const words = ['--input-type=module', '-e', script, mockpath];
    const { stdout, stderr } = spawnSync(process.execPath, words, { encoding: 'utf8', env });
    if (stderr !== '') throw new Error(stderr);
    return JSON.parse(stdout) as { backend: string; lacks: string[] };
  };
  if (process.getuid?.() !== 0) return;
  expect(found(mock, `${folder}:`)).toEqual({ backend: 'mock', lacks: [] });
  expect(found('/nowhere/mock').backend).not.toBe('mock');
  writeFileSync(path.join(folder, 'id'), '#!/bin/sh\nexit 1\n', { mode: 0o755 });
  const without = found(mock, `${folder}:`);
  expect(without.backend).not.toBe('mock');
  expect(without.lacks[0]).toMatch(/^to build by mock, mend this: the account 'kojibuilder'/);
});
