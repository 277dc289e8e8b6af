// Tables of results, the machine that they were measured on, and the pages that they are written into.
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import { fileURLToPath } from 'node:url';
import prettier from 'prettier';

export const page = fileURLToPath(new URL('../../docs/performance.md', import.meta.url));

/** A Markdown table. */
export const tableOf = (head, rows) =>
  [head, head.map((_, i) => (i === 0 ? '---' : '--:')), ...rows]
    .map((cells) => `| ${cells.join(' | ')} |`)
    .join('\n');

/** A number as people read it: whole from 100 on, else with as many digits as tell something. */
export function figure(value) {
  if (value === null || value === undefined || !Number.isFinite(value)) return '';
  if (value >= 100) return Math.round(value).toLocaleString('en');
  return value >= 10 ? value.toFixed(1) : value.toFixed(2);
}

/** The first line that a program prints about its version; null when it is missing. */
function versionOf(program, ...args) {
  try {
    return execFileSync(program, args, { encoding: 'utf8', stdio: 'pipe' }).split('\n')[0];
  } catch {
    return null;
  }
}

/** Description of the machine for the reader, including the load before the start. */
export function machine(load, { postgres = null } = {}) {
  const system = existsSync('/etc/os-release')
    ? /^PRETTY_NAME="?([^"\n]*)/m.exec(readFileSync('/etc/os-release', 'utf8'))?.[1]
    : os.type();
  const version = postgres && /\d+(\.\d+)?/.exec(versionOf(postgres, '--version') ?? '')?.[0];
  return [
    `${os.availableParallelism()} cores (${os.cpus()[0].model.trim()})`,
    `${Math.round(os.totalmem() / 2 ** 30)} GB of memory`,
    system,
    `Linux ${os.release().split('-')[0]}`,
    `Node.js ${process.version}`,
    ...(version ? [`PostgreSQL ${version}`] : []),
    `load ${load.toFixed(1)} before the start`,
  ].join(', ');
}

/** Replaces the text between the two comments of a name in a page, and formats the page. */
export async function writeBlock(name, text, file = page) {
  const before = readFileSync(file, 'utf8');
  const [start, end] = [`<!-- ${name} -->`, `<!-- end of ${name} -->`];
  const [from, to] = [before.indexOf(start), before.indexOf(end)];
  if (from < 0 || to < from) throw new Error(`${file} has no '${start}' before '${end}'`);
  const after = `${before.slice(0, from + start.length)}\n\n${text}\n\n${before.slice(to)}`;
  writeFileSync(
    file,
    await prettier.format(after, { ...(await prettier.resolveConfig(file)), parser: 'markdown' }),
  );
}
