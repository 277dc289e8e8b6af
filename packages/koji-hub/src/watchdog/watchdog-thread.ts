/** The thread of the watchdog: asks the loop's thread, when it stands, through the debugger where it is. */
import fs from 'node:fs';
import inspector from 'node:inspector';
import { workerData } from 'node:worker_threads';
import { leaveNote } from './notes.js';
import type { BlockNote } from './notes.js';
import type { WatchdogData } from './watchdog.js';
import { pluginAt, scriptFile } from './whose.js';

/** A line of the stack. */
interface Frame {
  readonly name: string;
  readonly file: string;
  readonly line: number;
}

/** Where the loop stands. */
interface Standstill {
  /** The code of a plugin that runs there. */
  readonly code: { readonly plugin: string; readonly part: string } | null;
  readonly frames: readonly Frame[];
}

const { limit, replaced, plugins, notes, logFile, line, ...shared } = workerData as WatchdogData;
const beats = new Int32Array(shared.beats);
/** Looks at the beats for each limit. Counted looks, and not the clock, tell a standstill from a machine that slept. */
const looks = 4;
/** Milliseconds that the debugger may take; code outside of JavaScript, such as a wait for a program, does not let it in. */
const patience = 2000;

/** Factor for the loop's limit outside of plugins, where a process must not be ended without good reason. */
const leniency = 10;

let last = Atomics.load(beats, 0);
let still = 0;
setInterval(
  () => {
    const now = Atomics.load(beats, 0);
    still = now === last ? still + 1 : 0;
    last = now;
    if (still > 0 && still % looks === 0) void report(still / looks);
  },
  (limit * 1000) / looks,
);

/** @param times how many limits it has stood for */
async function report(times: number): Promise<void> {
  const stand = await lookAtLoop().catch(() => null);
  const code = stand?.code ?? (stand ? null : lastEntered());
  if (times > 1 && !code && times !== leniency) return;
  const seconds = Math.round(limit * times);
  const where = code ? `${code.part} of plugin ${code.plugin}` : "the hub's own code";
  const guess = stand || !code ? '' : ', which began last; it runs outside of JavaScript';
  const ends = replaced && (code !== null || times >= leniency);
  const message = [
    `nobody is answered for ${seconds} s: the event loop stands in ${where}${guess}${ends ? '; another process takes the place of this one' : ''}`,
    ...(stand?.frames ?? []).map(
      (frame) => `    at ${frame.name || '<anonymous>'} (${frame.file}:${frame.line})`,
    ),
  ].join('\n');
  write(message);
  if (!ends) return;
  if (code) note({ ...code, message, at: new Date().toISOString() });
  process.kill(process.pid, 'SIGKILL');
}

async function lookAtLoop(): Promise<Standstill | null> {
  const session = new inspector.Session();
  session.connectToMainThread();
  try {
    const files = new Map<string, string>();
    session.on('Debugger.scriptParsed', ({ params }) => files.set(params.scriptId, params.url));
    const paused = new Promise<inspector.Debugger.PausedEventDataType>((resolve) =>
      session.once('Debugger.paused', ({ params }) => resolve(params)),
    );
    const late = new Promise<null>((resolve) => setTimeout(resolve, patience, null));
    session.post('Debugger.enable');
    session.post('Debugger.pause');
    const found = await Promise.race([paused, late]);
    const [top] = found?.callFrames ?? [];
    if (!found || !top) return null;
    const frames = found.callFrames.map(({ functionName, location }) => ({
      name: functionName,
      file: scriptFile(files.get(location.scriptId) ?? '?'),
      line: location.lineNumber + 1,
    }));
    return { code: (await codeAt(session, top.callFrameId)) ?? codeOf(frames), frames };
  } finally {
    // Lets the loop continue, if it should.
    session.disconnect();
  }
}

const question = `(() => {
  const code = globalThis[Symbol.for('koji.plugin.context')]?.storage.getStore();
  return code ? JSON.stringify({ plugin: code.plugin, part: code.part }) : null;
})()`;

/** The code of the plugin whose context the stopped code runs in. */
function codeAt(session: inspector.Session, callFrameId: string): Promise<Standstill['code']> {
  return new Promise((resolve) => {
    const asked = { callFrameId, expression: question, returnByValue: true, silent: true };
    session.post('Debugger.evaluateOnCallFrame', asked, (error, answer) => {
      const { result } = answer as inspector.Debugger.EvaluateOnCallFrameReturnType;
      const text: unknown = error ? null : result.value;
      resolve(typeof text === 'string' ? (JSON.parse(text) as Standstill['code']) : null);
    });
  });
}

/** The plugin of the innermost line that belongs to any: a timer, or a callback after the call. */
function codeOf(frames: readonly Frame[]): Standstill['code'] {
  for (const { name, file } of frames) {
    const plugin = pluginAt(plugins, file);
    if (plugin !== null) return { plugin, part: `function ${name || '<anonymous>'}` };
  }
  return null;
}

function lastEntered(): Standstill['code'] {
  const length = new Int32Array(shared.entered, 0, 1)[0] ?? 0;
  const text = Buffer.from(new Uint8Array(shared.entered, 4, length)).toString('utf8');
  const space = text.indexOf(' ');
  return space > 0 ? { plugin: text.slice(0, space), part: text.slice(space + 1) } : null;
}

function write(message: string): void {
  const [before, after] = line;
  const text = `${before}${message}${after}\n`;
  if (logFile === null) fs.writeSync(2, text);
  else fs.appendFileSync(logFile, text);
}

function note(left: BlockNote): void {
  try {
    leaveNote(notes, left);
  } catch (error) {
    write(`could not note which plugin it was: ${String(error)}`);
  }
}
