import { statfs } from 'node:fs/promises';
import { availableParallelism, loadavg } from 'node:os';
import type { KojidOptions } from '@koji/core/config';

/** Returns what keeps this machine from taking tasks: too little space or too much load. Null if nothing does. */
export async function findHindrance(options: KojidOptions): Promise<string | null> {
  const space = await statfs(options.mockdir).catch(() => statfs(options.workdir));
  const free = Math.floor((space.bavail * space.bsize) / 1024 / 1024);
  if (free < options.minspace) return `${free} MB are free, minspace = ${options.minspace}`;
  const [average = 0] = loadavg();
  const most = options.maxload * availableParallelism();
  if (most > 0 && average > most)
    return `load average ${average.toFixed(2)}, maxload = ${options.maxload} for each processor`;
  return null;
}
