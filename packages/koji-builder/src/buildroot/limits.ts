import { readFile, stat } from 'node:fs/promises';
import type { KojidOptions } from '@koji/core/config';
import { isRoot } from './userns.js';

type Limits = Pick<KojidOptions, 'buildroot_memory' | 'buildroot_processes'>;

/**
 * The words before a command that limit its memory and processes. Where systemd runs, the limits are those of everything that
 * the command starts together; elsewhere memory is limited for each process, and processes for each account. A lower limit that
 * kojid itself has stays: in a container not even root may raise it.
 */
export async function limitWords(limits: Limits, name: string): Promise<string[]> {
  const { buildroot_memory: memory, buildroot_processes: processes } = limits;
  if (memory <= 0 && processes <= 0) return [];
  const hasSystemd = (await stat('/run/systemd/system').catch(() => null)) !== null;
  if (hasSystemd && isRoot())
    return [
      ...['systemd-run', '--scope', '--quiet', '--collect', `--description=Koji buildroot ${name}`],
      ...(memory > 0 ? ['-p', `MemoryMax=${memory}M`, '-p', 'MemorySwapMax=0'] : []),
      ...(processes > 0 ? ['-p', `TasksMax=${processes}`] : []),
      '--',
    ];
  const hard = hardLimits(await readFile('/proc/self/limits', 'utf8'));
  return [
    'prlimit',
    ...(memory > 0 ? [`--as=${Math.min(memory * 1024 * 1024, hard('Max address space'))}`] : []),
    ...(processes > 0 ? [`--nproc=${Math.min(processes, hard('Max processes'))}`] : []),
    '--',
  ];
}

/** Returns what looks up the limits that nobody but a privileged process may raise, in the text of /proc/PID/limits. */
function hardLimits(text: string): (name: string) => number {
  return (name) => {
    const [, hard = 'unlimited'] = new RegExp(`^${name}\\s+\\S+\\s+(\\S+)`, 'm').exec(text) ?? [];
    return hard === 'unlimited' ? Infinity : Number(hard);
  };
}
