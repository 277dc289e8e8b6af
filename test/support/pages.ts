import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { freePort } from '../../scripts/ports.mjs';

/** A command block of a page and, if one follows, the lines that its output must contain. */
export interface Block {
  readonly commands: string;
  readonly printed: readonly string[];
}

/** Blocks of `sh` are run, and a `text` block that follows is its output; all others are only shown. */
export function blocksOf(text: string): Block[] {
  const fences = [...text.matchAll(/^```(\w*)\n([^]*?)^```$/gm)].map(([, kind = '', body = '']) => ({
    kind,
    body,
  }));
  return fences.flatMap(({ kind, body }, i) => {
    const next = fences[i + 1];
    const printed = next?.kind === 'text' ? next.body.trimEnd().split('\n') : [];
    return kind === 'sh' ? [{ commands: body, printed }] : [];
  });
}

/** Ports in the place of those that the pages name, 8080 and 8081. */
export type Ports = readonly [number, number];

export async function freePorts(): Promise<Ports> {
  return [await freePort(), await freePort()];
}

/** Runs blocks in one shell that stops at the first failure; answers what each printed. */
export async function runBlocks(
  blocks: readonly Block[],
  folder: string,
  env: NodeJS.ProcessEnv,
  given?: Ports,
): Promise<string[]> {
  const mark = '=== end of block ===';
  const ports = given ?? (await freePorts());
  const script = blocks.map(({ commands }) => `${commands}echo '${mark}'\n`).join('');
  writeFileSync(
    path.join(folder, 'docs.sh'),
    `set -e\n${script.replaceAll('8080', String(ports[0])).replaceAll('8081', String(ports[1]))}`,
  );
  const shell = spawn('bash', ['-c', 'exec 2>&1; . ./docs.sh'], {
    cwd: folder,
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let said = '';
  shell.stdout.setEncoding('utf8').on('data', (text: string) => (said += text));
  // Not `close`: the daemons that the commands start may outlive the shell.
  const [status] = (await once(shell, 'exit')) as [number | null];
  if (status !== 0) throw new Error(`the commands ended with ${String(status)}:\n${said}`);
  return said.split(`${mark}\n`);
}

/** Ends the programs whose numbers the commands of a page have left in `NAME.pid`. */
export async function stopDaemons(folder: string): Promise<void> {
  for (const name of ['dev', 'kojid', 'hub', 'receiver']) {
    const file = path.join(folder, `${name}.pid`);
    if (!existsSync(file)) continue;
    const pid = Number(readFileSync(file, 'utf8'));
    try {
      process.kill(pid, 'SIGTERM');
      for (;;) {
        process.kill(pid, 0);
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    } catch {
      // It is gone.
    }
  }
}
