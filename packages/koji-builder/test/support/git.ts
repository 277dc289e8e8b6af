import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';

/** Files of a commit by path; `-> TARGET` is a symbolic link. */
export type Files = Readonly<Record<string, string>>;

/** Git repositories served by the test's own web server. */
export interface GitSite {
  /** `127.0.0.1:PORT`. */
  readonly host: string;
  /** Where the repositories are, as `NAME.git`. */
  readonly folder: string;
  /** Commits files to a branch of a repository, which is made when not there; answers the commit's id. */
  commit(repository: string, files: Files, branch?: string): string;
  git(repository: string, ...args: readonly string[]): string;
  stop(): Promise<void>;
}

const env = {
  ...process.env,
  GIT_CONFIG_GLOBAL: '/dev/null',
  GIT_CONFIG_SYSTEM: '/dev/null',
  GIT_AUTHOR_NAME: 'Ann',
  GIT_AUTHOR_EMAIL: 'ann@example.com',
  GIT_COMMITTER_NAME: 'Ann',
  GIT_COMMITTER_EMAIL: 'ann@example.com',
};

/** Serves git repositories by `git http-backend`; with a login, to those who know it. */
export async function gitSite(login: { user: string; password: string } | null = null): Promise<GitSite> {
  const folder = mkdtempSync(path.join(tmpdir(), 'koji-git-'));
  const wanted = login && `Basic ${Buffer.from(`${login.user}:${login.password}`).toString('base64')}`;
  const server = createServer((request, response) => {
    if (wanted === null || request.headers.authorization === wanted) {
      answer(folder, request, response);
      return;
    }
    response.writeHead(401, { 'WWW-Authenticate': 'Basic realm="git"' }).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const at = (repository: string): string => path.join(folder, `${repository}.git`);
  const git = (repository: string, ...args: readonly string[]): string =>
    execFileSync('git', ['-C', at(repository), ...args], { env, encoding: 'utf8' }).trim();
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    folder,
    git,
    commit: (repository, files, branch = 'main') => {
      const place = at(repository);
      const run = (args: readonly string[], input = ''): string =>
        execFileSync('git', args, { env, input, encoding: 'utf8' }).trim();
      if (!existsSync(place)) run(['init', '-q', '--bare', '-b', 'main', place]);
      const started = existsSync(path.join(place, 'refs/heads/main'));
      return run(
        ['-C', place, 'fast-import', '--quiet', '--force'],
        commitOf(files, branch, started ? 'main' : null),
      );
    },
    stop: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Commands of `git fast-import` for a commit on top of another branch's files, which prints the id of the commit. */
function commitOf(files: Files, branch: string, from: string | null): string {
  const data = (text: string): string => `data ${Buffer.byteLength(text)}\n${text}\n`;
  const author = `committer ${env.GIT_AUTHOR_NAME} <${env.GIT_AUTHOR_EMAIL}> ${Math.floor(Date.now() / 1000)} +0000\n`;
  const entries = Object.entries(files).map(([name, text]) => {
    const target = /^-> (.*)$/.exec(text)?.[1];
    const mode = target === undefined ? '100644' : '120000';
    return `M ${mode} inline ${path.normalize(name)}\n${data(target ?? text)}`;
  });
  return [
    `commit refs/heads/${branch}\nmark :1\n${author}${data('for a test')}`,
    from === null ? '' : `from refs/heads/${from}^0\n`,
    ...entries,
    'get-mark :1\n',
  ].join('');
}

function answer(folder: string, request: IncomingMessage, response: ServerResponse): void {
  const { pathname, search } = new URL(request.url ?? '/', 'http://git');
  const backend = spawn('git', ['http-backend'], {
    stdio: ['pipe', 'pipe', 'ignore'],
    env: {
      ...env,
      GIT_PROJECT_ROOT: folder,
      GIT_HTTP_EXPORT_ALL: '1',
      PATH_INFO: decodeURIComponent(pathname),
      QUERY_STRING: search.slice(1),
      REQUEST_METHOD: request.method,
      CONTENT_TYPE: request.headers['content-type'] ?? '',
      HTTP_CONTENT_ENCODING: request.headers['content-encoding'] ?? '',
      GIT_PROTOCOL: String(request.headers['git-protocol'] ?? ''),
    },
  });
  request.pipe(backend.stdin);
  const pieces: Buffer[] = [];
  backend.stdout.on('data', (piece: Buffer) => pieces.push(piece));
  backend.once('close', () => {
    const all = Buffer.concat(pieces);
    const end = all.indexOf('\r\n\r\n');
    const headers = all
      .subarray(0, end)
      .toString()
      .split('\r\n')
      .map((line) => line.split(/:\s*/, 2));
    const status = Number(headers.find(([name]) => name === 'Status')?.[1]?.slice(0, 3) ?? 200);
    response.writeHead(status, Object.fromEntries(headers.filter(([name]) => name !== 'Status')) as never);
    response.end(all.subarray(end + 4));
  });
}
