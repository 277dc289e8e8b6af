import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { messageOf } from './errors.js';
import type { Logger } from './log.js';

/** Koji's options for process limits, with their names in prlimit(1). */
const limits = {
  RLIMIT_AS: 'as',
  RLIMIT_CORE: 'core',
  RLIMIT_CPU: 'cpu',
  RLIMIT_DATA: 'data',
  RLIMIT_FSIZE: 'fsize',
  RLIMIT_MEMLOCK: 'memlock',
  RLIMIT_NOFILE: 'nofile',
  RLIMIT_NPROC: 'nproc',
  RLIMIT_RSS: 'rss',
  RLIMIT_STACK: 'stack',
} as const;

/** The options that {@link limitProcess} reads: `soft` or `soft hard`, whole numbers; null leaves the limit as it is. */
export type ProcessLimits = { readonly [K in keyof typeof limits]: string | null };

// A process above this limit ends at its next allocation, and Node.js reserves far more address space than it uses.
const inUse: Readonly<Record<string, string>> = { RLIMIT_AS: 'VmSize', RLIMIT_DATA: 'VmData' };

/**
 * Sets the configured limits for this process and its children. As in Koji, a limit that can't be set is logged as an error,
 * and the process continues without it.
 *
 * @param isRestarted whether another process takes over when this one is ended by `RLIMIT_CPU`
 */
export async function limitProcess(
  options: ProcessLimits,
  log: Logger,
  { isRestarted }: { readonly isRestarted: boolean },
): Promise<void> {
  for (const [option, resource] of Object.entries(limits)) {
    const text = options[option as keyof ProcessLimits]?.trim();
    if (!text) continue;
    const [soft, hard, ...more] = text
      .split(/\s+/)
      .map((word) => (/^-?\d+$/.test(word) ? Number(word) : NaN));
    if (soft === undefined || Number.isNaN(soft) || Number.isNaN(hard ?? 0) || more.length > 0) {
      log.error(`Invalid resource limit: ${option}=${text}`);
      continue;
    }
    const refusal =
      option === 'RLIMIT_CPU' && !isRestarted && soft >= 0
        ? 'the only process would end and nothing would start it again; set it where the service is started'
        : await refusalOf(option, soft);
    if (refusal !== null) {
      log.error(`Unable to set ${option}=${text}: ${refusal}`);
      continue;
    }
    log.warn(`Setting resource limit: ${option} = ${text}`);
    const value = hard === undefined ? `${written(soft)}:` : `${written(soft)}:${written(hard)}`;
    await promisify(execFile)('prlimit', ['--pid', String(process.pid), `--${resource}=${value}`]).catch(
      (error: unknown) => log.error(`Unable to set ${option}: ${reasonOf(error)}`),
    );
  }
}

// Python's value for no limit.
function written(limit: number): string {
  return limit < 0 ? 'unlimited' : String(limit);
}

async function refusalOf(option: string, soft: number): Promise<string | null> {
  const field = inUse[option];
  if (field === undefined || soft < 0) return null;
  const status = await readFile('/proc/self/status', 'latin1').catch(() => '');
  const used = Number(new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(status)?.[1] ?? 0) * 1024;
  // Reserve for later needs, of the same size.
  return soft >= 2 * used
    ? null
    : `this process has ${used} bytes already and would end; limit its memory with MemoryMax of its service, or with ` +
        'NODE_OPTIONS=--max-old-space-size=MEGABYTES';
}

function reasonOf(error: unknown): string {
  const { code, stderr } = error as { code?: unknown; stderr?: string };
  if (code === 'ENOENT') return 'the program prlimit (package util-linux) is missing';
  return stderr?.trim() || messageOf(error);
}
