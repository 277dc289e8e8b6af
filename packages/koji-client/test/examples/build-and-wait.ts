import { Koji, TaskFailed } from '@koji/client';
import type { ClientSession } from '@koji/client';

/** Builds a package, prints each step, and returns the id of its task. */
export async function buildAndWait(session: ClientSession, source: string): Promise<number> {
  const koji = new Koji(session);
  const task = koji.build('f44', source, { scratch: true });
  for await (const { id, state, host } of task) console.log(id, state, host ?? '');
  try {
    return (await task.finished()).id;
  } catch (error) {
    if (error instanceof TaskFailed) console.log(error.message);
    throw error;
  }
}
