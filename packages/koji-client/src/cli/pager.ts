import { spawn, spawnSync } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { hasScreen, processOutput } from './output.js';
import type { Output } from './output.js';

/** Output that is shown in a pager once it is longer than the screen. */
export interface PagedOutput extends Output {
  /** Resolves when the user leaves the pager before everything is written. */
  readonly left: Promise<void>;
  /** Resolves when everything has been shown and the user has left the pager. */
  readonly end: () => Promise<void>;
}

/** Returns the command line of the pager, or null if the output does not go to a terminal, or the user wants no pager. */
export function pagerCommand(): string | null {
  if (!hasScreen() || !process.stdin.isTTY) return null;
  const { KOJI_PAGER, PAGER } = process.env;
  const chosen = (KOJI_PAGER ?? PAGER ?? 'less').trim();
  return chosen === '' || chosen === 'cat' ? null : chosen;
}

/** Returns output that buffers the lines of one screen, and starts the pager when there are more. */
export function pagedOutput(pager: string): PagedOutput {
  const screen = process.stdout.rows || 24;
  const kept: Uint8Array[] = [];
  let lines = 0;
  /** Receives the bytes; null while they fit on the screen. */
  let sink: ((bytes: Uint8Array) => void) | null = null;
  let child: ChildProcess | null = null;
  let leave: () => void = () => undefined;
  const left = new Promise<void>((resolve) => (leave = resolve));

  const open = (): ((bytes: Uint8Array) => void) => {
    if (!exists(pager)) return processOutput.write;
    const started = spawn('sh', ['-c', pager], {
      stdio: ['pipe', 'inherit', 'inherit'],
      // As in git: colours work, output that fits on the screen is printed, and the screen stays when the pager exits.
      env: { ...process.env, LESS: process.env['LESS'] ?? 'FRX' },
    });
    // Output after the user has left is discarded.
    started.stdin.on('error', () => undefined);
    started.once('exit', leave);
    child = started;
    return (bytes) => started.stdin.write(bytes);
  };
  const write = (data: string | Uint8Array): void => {
    const bytes = typeof data === 'string' ? Buffer.from(data) : data;
    kept.push(bytes);
    for (const byte of bytes) if (byte === newline) lines++;
    if (lines < screen) return;
    sink ??= open();
    for (const part of kept.splice(0)) sink(part);
  };
  return {
    write,
    print: (line) => write(`${line}\n`),
    warn: (line) => (process.stderr.isTTY ? write(`${line}\n`) : processOutput.warn(line)),
    left,
    async end() {
      for (const part of kept.splice(0)) (sink ?? processOutput.write)(part);
      child?.stdin?.end();
      if (child?.exitCode === null && child.signalCode === null) await once(child, 'exit');
    },
  };
}

const newline = 0x0a;

/** Returns whether the shell finds the program that a command line begins with. */
function exists(commandLine: string): boolean {
  const [program = ''] = commandLine.split(/\s+/);
  return spawnSync('sh', ['-c', 'command -v "$1"', 'sh', program], { stdio: 'ignore' }).status === 0;
}
