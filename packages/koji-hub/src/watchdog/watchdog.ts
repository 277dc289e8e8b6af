/** Watches from a thread whether the event loop of this process stands, and whose code holds it up. */
import { Worker } from 'node:worker_threads';
import type { LogFormatter } from '@koji/core';
import { onPluginCode } from '@koji/plugin-sdk/host';
import type { PluginPlace } from './whose.js';

/** How to watch. */
export interface WatchdogOptions {
  /** Seconds that the loop may stand. */
  readonly limit: number;
  /** Whether this process may be ended, since another one takes its place. */
  readonly replaced: boolean;
  readonly plugins: readonly PluginPlace[];
  /** Where notes for the next start are left, one for each block; made if need be. */
  readonly notes: string;
  /** Where the line of the log goes; null for standard error. */
  readonly logFile: string | null;
  readonly format: LogFormatter;
}

/** Start options of the thread. */
export interface WatchdogData extends Omit<WatchdogOptions, 'format'> {
  /** Counts up while the loop goes round. */
  readonly beats: SharedArrayBuffer;
  /** The code of a plugin that began to run last: its length, 0 while none runs, then its text as UTF-8. */
  readonly entered: SharedArrayBuffer;
  /** A line of the log around the message, as the hub formats it. */
  readonly line: readonly [before: string, after: string];
}

const longestEntry = 512;
/** Stands where the message goes. */
const mark = '\u0000';

// Tests run the sources as they are, which a thread can't.
const program = new URL(
  import.meta.url.replace('/src/watchdog/', '/dist/watchdog/').replace(/[^/]*$/, 'watchdog-thread.js'),
);

/** Starts watching; the result ends it. */
export function startWatchdog({ format, ...options }: WatchdogOptions): { stop(): Promise<void> } {
  const beats = new SharedArrayBuffer(4);
  const entered = new SharedArrayBuffer(4 + longestEntry);
  const [before = '', after = ''] = format({
    time: new Date(),
    level: 'error',
    name: 'koji.plugins',
    message: mark,
    fields: {},
  }).split(mark);
  const data: WatchdogData = { ...options, beats, entered, line: [before, after] };
  const thread = new Worker(program, { workerData: data, execArgv: [], env: {} });
  thread.unref();
  const counter = new Int32Array(beats);
  const timer = setInterval(() => Atomics.add(counter, 0, 1), (options.limit * 1000) / 8).unref();
  const length = new Int32Array(entered, 0, 1);
  const text = new Uint8Array(entered, 4);
  const encoder = new TextEncoder();
  const stopHearing = onPluginCode((code) => {
    length[0] = code ? encoder.encodeInto(`${code.plugin} ${code.part}`, text).written : 0;
  });
  return {
    async stop() {
      stopHearing();
      clearInterval(timer);
      await thread.terminate();
    },
  };
}
