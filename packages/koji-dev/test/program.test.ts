import { readFileSync } from 'node:fs';
import { until } from '../../../test/support/system.js';
import { Program } from '../src/program.js';

/** Starts another program that holds its output open, and ends by itself when it is told to stop. */
const parent = `
  const { spawn } = require('node:child_process');
  const child = spawn(process.execPath, ['-e', 'setInterval(() => undefined, 1000)'], { stdio: 'inherit' });
  process.on('SIGTERM', () => process.exit(0));
  process.on('SIGUSR2', () => undefined);
  console.log('ready ' + child.pid);
`;

function isAlive(pid: number): boolean {
  try {
    return !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'latin1'));
  } catch {
    return false;
  }
}

test.each([{ hard: false }, { hard: true }])(
  'a program is stopped with what it started, which holds its output open ($hard)',
  async ({ hard }) => {
    const ends: string[] = [];
    const program = new Program({
      words: () => ['-e', parent],
      folder: process.cwd(),
      ready: /^ready/,
      onLine: () => undefined,
      onEnd: (how) => ends.push(how),
    });
    const child = Number(/\d+/.exec((await program.start()) ?? '')?.[0]);
    expect(isAlive(child)).toBe(true);
    await program.stop({ hard });
    // A process that is killed closes its files a moment before it is gone.
    await until('the child is gone', () => !isAlive(child));
    expect(program.isRunning).toBe(false);
    expect(ends).toEqual([]);
  },
);
