import { spawn } from 'node:child_process';
import { ConfigError } from '@koji/core';

/** Characters that are kept of what a tool prints. */
const longestOutput = 4000;

/**
 * Runs a client program of PostgreSQL on a database. The password is passed where other users of the machine can't see it.
 *
 * @throws ConfigError when the program is missing or fails, with what it printed
 */
export async function runPostgresTool(program: string, url: string, args: readonly string[]): Promise<void> {
  const { address, password } = withoutPassword(url);
  const env = { ...process.env, ...(password === null ? {} : { PGPASSWORD: password }) };
  const child = spawn(program, [`--dbname=${address}`, '--no-password', ...args], {
    env,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(-longestOutput);
  });
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', (cause: NodeJS.ErrnoException) =>
      reject(
        cause.code === 'ENOENT'
          ? new ConfigError(`the program ${program} is missing: install the client of PostgreSQL`, { cause })
          : cause,
      ),
    );
    child.once('close', resolve);
  });
  if (code !== 0) throw new ConfigError(`${program} failed: ${said.trim() || `status ${String(code)}`}`);
}

function withoutPassword(url: string): { address: string; password: string | null } {
  // The standard parser of URLs takes no empty host, which means a socket here.
  const [, scheme, user, password, rest] = /^(postgres(?:ql)?:\/\/)([^:@/?]*)(?::([^@/?]*))?(@.*)$/s.exec(
    url,
  ) ?? [null, '', '', undefined, ''];
  if (password === undefined) return { address: url, password: null };
  return { address: `${scheme}${user}${rest}`, password: decodeURIComponent(password) };
}
