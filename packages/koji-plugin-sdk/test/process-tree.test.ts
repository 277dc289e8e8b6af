import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { killTree } from '../src/process-tree.js';

// A zombie waits for its parent to look, it runs no more.
const alive = (pid: number): boolean => {
  try {
    return !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'latin1'));
  } catch {
    return false;
  }
};

async function start(script: string): Promise<{ pid: number; others: number[] }> {
  const child = spawn('sh', ['-c', script], { detached: true, stdio: ['ignore', 'pipe', 'ignore'] });
  const [chunk] = (await once(child.stdout, 'data')) as [Buffer];
  return { pid: child.pid!, others: chunk.toString().trim().split(/\s+/).map(Number) };
}

async function gone(pids: number[]): Promise<boolean> {
  for (let i = 0; i < 100; i++) {
    if (!pids.some(alive)) return true;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return false;
}

test('a process is ended together with children that ignore the request and one that left its group', async () => {
  const tree = await start(
    'sh -c "trap : TERM; while :; do sleep 1; done" & a=$!; setsid sleep 60 & echo $a $!; wait',
  );
  await killTree(tree.pid, 300);
  expect(await gone([tree.pid, ...tree.others])).toBe(true);
});

test('a process that ends when asked is not waited for any longer', async () => {
  const tree = await start('sleep 600 & echo $!; wait');
  const before = Date.now();
  await killTree(tree.pid, 110_000);
  expect(Date.now() - before).toBeLessThan(60_000);
  expect(await gone([tree.pid, ...tree.others])).toBe(true);
});
