/** Names the plugin that fills the memory, before the memory is exhausted. */
import inspector from 'node:inspector';
import v8 from 'node:v8';
import { Worker } from 'node:worker_threads';
import { onPluginCode } from '@koji/plugin-sdk/host';
import { pluginAt, scriptFile } from './whose.js';
import type { PluginPlace } from './whose.js';

/** Milliseconds between two looks. */
const interval = 250;
/** The share of the heap from which on it is noted where memory goes, which costs a little. */
const alert = 0.5;
/** The share at which there is next to none left: V8 does little but look for more, and nobody is answered. */
const last = 0.85;
/** Bytes of which one is noted. */
const samplingInterval = 1 << 17;

/** Where most of the memory went that a plugin's code holds. */
export interface Leak {
  readonly plugin: string;
  /** Bytes, of those that were noted. */
  readonly bytes: number;
  /** The function that made most of them. */
  readonly part: string;
}

/** Called when the memory runs out. */
export interface HeapWatchOptions {
  readonly places: readonly PluginPlace[];
  /** Called once, with the plugin that holds most; null when none holds much. */
  readonly full: (leak: Leak | null, share: number) => void;
}

/** Watches the heap; the result ends that. */
export function watchHeap({ places, full }: HeapWatchOptions): () => void {
  let session: inspector.Session | null = null;
  let isOver = false;
  let young = 0;
  onYoungLimit((bytes) => (young = bytes));
  const look = (): void => {
    if (isOver) return;
    const { used_heap_size: used, heap_size_limit: limit } = v8.getHeapStatistics();
    const share = used / Math.max(limit - young, limit / 2);
    if (share > alert && !session) {
      // Nothing is noted yet, however full it is.
      session = startNoting();
      return;
    }
    if (share < alert / 2) session = stopNoting(session);
    if (share < last || !session) return;
    isOver = true;
    full(leakIn(session, places), share);
    stop();
  };
  const timer = setInterval(look, interval).unref();
  // A look takes a quarter of a microsecond, and calls in a row may fill the memory between two looks of the timer.
  const stopHearing = onPluginCode(() => {
    look();
  });
  const stop = (): void => {
    clearInterval(timer);
    stopHearing();
    session = stopNoting(session);
  };
  return stop;
}

/**
 * Reports how many bytes of the heap's limit are for young objects only. The size depends on the release of Node.js, which shows it
 * for threads alone.
 */
function onYoungLimit(report: (bytes: number) => void): void {
  const thread = new Worker('', { eval: true, execArgv: [], env: {} });
  thread.unref();
  thread.once('online', () => report((thread.resourceLimits?.maxYoungGenerationSizeMb ?? 0) * 1024 * 1024));
}

function startNoting(): inspector.Session {
  const session = new inspector.Session();
  session.connect();
  session.post('HeapProfiler.startSampling', { samplingInterval });
  return session;
}

function stopNoting(session: inspector.Session | null): null {
  session?.disconnect();
  return null;
}

/** The plugin that holds most of what was noted, if that is a tenth of it at least. */
function leakIn(session: inspector.Session, places: readonly PluginPlace[]): Leak | null {
  const held = new Map<string, Map<string, number>>();
  let all = 0;
  const add = (node: inspector.HeapProfiler.SamplingHeapProfileNode, caller: Frame | null): void => {
    const file = scriptFile(node.callFrame.url);
    const plugin = pluginAt(places, file);
    const { functionName, lineNumber } = node.callFrame;
    // Memory allocated by a library or Node.js is attributed to the plugin that called it.
    const frame =
      plugin === null
        ? caller
        : { plugin, part: `${functionName || '<anonymous>'} (${file}:${lineNumber + 1})` };
    all += node.selfSize;
    if (frame) {
      const parts = held.get(frame.plugin) ?? new Map<string, number>();
      parts.set(frame.part, (parts.get(frame.part) ?? 0) + node.selfSize);
      held.set(frame.plugin, parts);
    }
    for (const child of node.children) add(child, frame);
  };
  session.post('HeapProfiler.getSamplingProfile', (_, { profile }) => add(profile.head, null));
  const leaks = [...held].map(([plugin, parts]) => largest(plugin, parts));
  const [most] = leaks.sort((a, b) => b.bytes - a.bytes);
  return most && most.bytes > all / 10 ? most : null;
}

interface Frame {
  readonly plugin: string;
  readonly part: string;
}

function largest(plugin: string, parts: ReadonlyMap<string, number>): Leak {
  const [[part] = ['']] = [...parts].sort(([, a], [, b]) => b - a);
  return { plugin, part, bytes: [...parts.values()].reduce((sum, size) => sum + size, 0) };
}
