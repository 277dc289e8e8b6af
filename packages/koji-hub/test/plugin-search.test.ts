import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const program = fileURLToPath(new URL('../dist/bundle/main.js', import.meta.url));
const folder = mkdtempSync(path.join(tmpdir(), 'koji-search-'));
/** Requests to registries, with their logins. */
const asked: { readonly text: string | null; readonly login: string | undefined }[] = [];

const packages = [
  { name: 'koji-plugin-sign', version: '2.1.0', description: 'Signs RPMs', keywords: ['koji-plugin', 'gpg'] },
  {
    name: 'koji-plugin-mail',
    version: '1.0.0',
    description: 'Sends mail',
    keywords: ['koji', 'koji-plugin'],
  },
  { name: 'koji-tools', version: '1.0.0', description: 'Says koji-plugin', keywords: [] },
];

/** A registry; one that `knows` keywords looks for them. */
async function serve(knows: boolean): Promise<{ server: Server; url: string }> {
  const server = createServer((request, response) => {
    const text = new URL(request.url ?? '', 'http://localhost').searchParams.get('text');
    asked.push({ text, login: request.headers.authorization });
    const found = !knows && text?.includes('keywords:') ? [] : packages;
    response.setHeader('content-type', 'application/json');
    response.end(
      JSON.stringify({ objects: found.map((one) => ({ package: { ...one, maintainers: [] } })), total: 3 }),
    );
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/` };
}

let registry: { server: Server; url: string };
beforeAll(async () => {
  registry = await serve(false);
});
afterAll(() => {
  registry.server.close();
  rmSync(folder, { recursive: true, force: true });
});

function search(...words: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    const env = {
      ...process.env,
      NODE_OPTIONS: process.env.KOJI_TEST_NODE_OPTIONS,
      npm_config_userconfig: path.join(folder, '.npmrc'),
    };
    const args = [program, 'plugins', 'search', ...words];
    execFile(process.execPath, args, { cwd: folder, env }, (error, stdout, stderr) =>
      resolve({ code: error ? Number(error.code) : 0, stdout, stderr }),
    );
  });
}

test('plugins are found in the registries of npm, with their logins, and nothing else is', async () => {
  const gone = 'http://127.0.0.1:1/';
  const host = registry.url.replace('http:', '');
  writeFileSync(
    path.join(folder, '.npmrc'),
    `registry=${registry.url}\n@us:registry=${gone}\n${host}:_authToken=secret\nfetch-retries=0\n`,
  );
  const found = await search('GPG');
  expect(found).toMatchObject({ code: 0, stdout: 'koji-plugin-sign 2.1.0: Signs RPMs\n' });
  expect(found.stderr).toMatch(new RegExp(`^warning: ${gone} could not be searched: `));
  expect(asked).toEqual([
    { text: 'keywords:koji-plugin gpg', login: 'Bearer secret' },
    { text: 'koji-plugin', login: 'Bearer secret' },
  ]);
});

test('it is JSON for programs, and a registry that knows keywords is asked once', async () => {
  const other = await serve(true);
  asked.length = 0;
  writeFileSync(path.join(folder, '.npmrc'), `registry=${other.url}\n`);
  const { stdout } = await search('--json');
  other.server.close();
  const names = (JSON.parse(stdout) as { name: string }[]).map(({ name }) => name);
  expect(names).toEqual(['koji-plugin-mail', 'koji-plugin-sign']);
  expect(asked.length).toBe(1);
});

test('it is an error when no registry answers', async () => {
  writeFileSync(path.join(folder, '.npmrc'), 'registry=http://127.0.0.1:1/\nfetch-retries=0\n');
  const failed = await search();
  expect(failed.code).toBe(1);
  expect(failed.stderr).toMatch(/^koji-hub: http:\/\/127\.0\.0\.1:1\/ could not be searched: .*ECONNREFUSED/);
});
