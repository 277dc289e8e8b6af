import { createInterface } from 'node:readline';
import { messageOf } from '@koji/core';
import type { Run } from './command.js';

/** Seconds in which a second Ctrl-C asks whether to cancel. */
const grace = 3;

/** Called after a Ctrl-C. A second one soon after it asks whether to cancel tasks, and cancels them. */
export async function offerToCancel(run: Run, ids: readonly number[]): Promise<void> {
  if (ids.length === 0 || !process.stdin.isTTY) return;
  const named = `task${ids.length === 1 ? '' : 's'} ${ids.join(', ')}`;
  run.print(`Press Ctrl-C again within ${grace} seconds to cancel ${named}.`);
  if (!(await interruptedAgain(run))) return;
  const answer = await ask(run, `\nCancel ${named}? [y/N] `);
  if (!/^y(es)?$/i.test(answer.trim())) return;
  try {
    await run.loginAlways();
    for (const id of ids) {
      await run.session.cancelTask(id);
      run.print(`Canceled task ${id}`);
    }
  } catch (error) {
    run.warn(`Could not cancel: ${messageOf(error)}`);
  }
}

function interruptedAgain(run: Run): Promise<boolean> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(false), grace * 1000);
    run.atInterrupt(() => {
      clearTimeout(timer);
      resolve(true);
    });
  });
}

/** Asks a question on the terminal. End of input and another Ctrl-C count as an empty answer. */
function ask(run: Run, question: string): Promise<string> {
  const reader = createInterface({ input: process.stdin, terminal: false });
  run.write(question);
  return new Promise((resolve) => {
    run.atInterrupt(() => reader.close());
    reader.once('line', (line) => {
      resolve(line);
      reader.close();
    });
    reader.once('close', () => resolve(''));
  });
}
