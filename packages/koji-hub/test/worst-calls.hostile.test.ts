import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import { databases } from './support/databases.js';

/** Measurements of one call, in milliseconds. */
interface Figures {
  readonly name: string;
  readonly status: number;
  /** Processor time that the hub's event loop was held up for at the longest. */
  readonly slice: number;
  /** How many times as much processor time the machine took then as a usual one, at least 1. */
  readonly pace: number;
}

/** The clock's time would be a busy machine's; on one that has nothing else to do, the two are much the same. */
const longest = 100;

describe.each(databases)('the calls that take longest, on $name', (kind) => {
  test('hold up nobody else', async () => {
    const made = await kind.create();
    const script = path.join(import.meta.dirname, 'support/worst-calls.mjs');
    const dist = path.resolve(import.meta.dirname, '../dist');
    try {
      const { stdout } = await promisify(execFile)(process.execPath, [script, dist, made.folder, made.url]);
      const calls = stdout
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as Figures);
      expect(calls.length).toBeGreaterThan(20);
      expect(calls.filter(({ status }) => status !== 200)).toEqual([]);
      expect(calls.filter(({ slice, pace }) => slice > longest * pace)).toEqual([]);
    } finally {
      await made.drop();
    }
  });
});
