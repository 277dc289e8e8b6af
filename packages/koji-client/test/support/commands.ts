import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

/** Output and exit code of a command. */
export interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Where a command runs. */
export interface CommandPlace {
  readonly cwd: string;
  readonly home: string;
}

/** The environment of a command: one that any machine has. */
export const commandEnvironment = (home: string): NodeJS.ProcessEnv => ({
  ...process.env,
  TZ: 'UTC',
  COLUMNS: '80',
  HOME: home,
  NODE_OPTIONS: process.env.KOJI_TEST_NODE_OPTIONS,
  XDG_STATE_HOME: '',
  XDG_CACHE_HOME: '',
  TERM: 'dumb',
});

const program = fileURLToPath(new URL('./command-process.mjs', import.meta.url));
const end = '\x1eend of output\x1e';

/** Runs built `koji` commands in one process, without a terminal and without input: most of a command's time is its start. */
export class Commands {
  private child: ChildProcess | null = null;
  /** Whether a command runs. There is only one at a time. */
  isBusy = false;

  async run(args: readonly string[], place: CommandPlace): Promise<Ran> {
    const child = (this.child ??= this.start(place));
    this.isBusy = true;
    child.send({ args, ...place });
    const waiting = new AbortController();
    const [stdout, stderr, code] = await Promise.all([
      untilEnd(child, 'stdout'),
      untilEnd(child, 'stderr'),
      Promise.race([once(child, 'message', waiting), once(child, 'exit', waiting)]) as Promise<unknown[]>,
    ]);
    waiting.abort();
    this.isBusy = false;
    return { code: Number(code[0] ?? -1), stdout, stderr };
  }

  async stop(): Promise<void> {
    const { child } = this;
    if (!child) return;
    child.disconnect();
    await once(child, 'exit');
  }

  private start({ home }: CommandPlace): ChildProcess {
    const child = fork(program, [end], {
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      execArgv: [],
      env: commandEnvironment(home),
    });
    // A command may end the process, as it may when it has one of its own.
    child.once('exit', () => (this.child = null));
    return child;
  }
}

/** Returns what a command writes to a stream, up to its end or that of the process. */
function untilEnd(child: ChildProcess, name: 'stdout' | 'stderr'): Promise<string> {
  const stream = child[name];
  if (!stream) throw new Error(`no ${name}`);
  return new Promise((resolve) => {
    let text = '';
    const finish = (): void => {
      stream.off('data', take).off('close', finish);
      resolve(text);
    };
    const take = (piece: string): void => {
      text += piece;
      if (!text.endsWith(end)) return;
      text = text.slice(0, -end.length);
      finish();
    };
    stream.setEncoding('utf8').on('data', take).once('close', finish);
  });
}
