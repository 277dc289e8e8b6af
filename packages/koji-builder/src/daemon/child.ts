// The process of one task: loads the task types, waits for its task, runs it, tells the hub, exits.
import { closeSync, readFileSync, readdirSync } from 'node:fs';
import { inspect } from 'node:util';
import { startupSnapshot } from 'node:v8';
import { Closers, GenericError, RetryError, faultToWire, messageOf, type Logger } from '@koji/core';
import { decodeArgs, decodeCall, encodeFault, encodeResponse } from '@koji/core/wire';
import { ClientSession, type Multicall } from '@koji/client';
import { RefuseTask } from '@koji/plugin-sdk';
import { FreeTask, killPrograms, runTask } from '@koji/plugin-sdk/host';
import { loadTasks, type Tasks } from '../tasks/load.js';
import { openBuilderLog, sessionOptions } from '../config.js';
import type { Done, End, Run, Setup, ToChild, ToDaemon } from './protocol.js';
import { placesIn } from '../watch/snapshot.js';
import { preloadedDescriptor } from './preloaded.js';
import { rehearse } from './rehearsal.js';
import { TaskRun } from './task-run.js';

type Outcome = Omit<Done, 'type' | 'alone'>;

const closers = new Closers();
const waiters = new Set<() => void>();
let setup: Setup | null = null;
let tasks: Promise<Tasks> | null = null;
let logger: (name: string) => Logger;

function start(): void {
  process.on('message', (message: ToChild) => {
    if (message.type === 'setup') {
      setup = message;
      tasks = load(message);
    } else if (message.type === 'run') void finish(message);
    else for (const waiter of waiters) waiter();
  });
  // Without a daemon nobody could cancel the task, and the next daemon frees it: all its processes must end.
  process.on('disconnect', () => {
    killPrograms();
    process.kill(-process.pid, 'SIGKILL');
  });
  // Unhandled rejections end up here too.
  process.on('uncaughtException', (error: unknown) => void breakOff(error));
}

// Loaded code is cached for the processes of later tasks (preloaded.ts).
if (startupSnapshot.isBuildingSnapshot()) {
  startupSnapshot.setDeserializeMainFunction(() => {
    closeSync(preloadedDescriptor);
    process.execArgv = []; // a Node.js program that the task starts is another one
    start();
  });
  void rehearse();
} else start();

async function breakOff(error: unknown): Promise<never> {
  await send({ type: 'broken', message: `uncaught error in the task's process: ${messageOf(error)}` });
  process.stderr.write(`${inspect(error)}\n`);
  return process.exit(1);
}

function send(message: ToDaemon): Promise<void> {
  return new Promise((resolve) => {
    process.send?.(message, () => resolve());
  });
}

async function load({ options, folder, snapshot }: Setup): Promise<Tasks> {
  try {
    const log = openBuilderLog(options, { direct: true });
    closers.add('the log', () => log.close());
    logger = log.logger;
    const elsewhere = snapshot === undefined ? {} : placesIn(snapshot, folder);
    const loaded = await loadTasks(options, { folder, elsewhere }, logger);
    const methods = [...loaded.byMethod].map(([method, { plugin }]) => [method, plugin] as const);
    await send({ type: 'loaded', methods, plugins: loaded.plugins });
    return loaded;
  } catch (error) {
    const message = messageOf(error);
    // Readers need the name of the original file, not of its copy.
    await send({ type: 'broken', message: snapshot ? message.replaceAll(snapshot.top, '') : message });
    return process.exit(1);
  }
}

async function finish(run: Run): Promise<void> {
  let done: Outcome;
  try {
    done = await runOnce(run);
  } catch (error) {
    // The hub could not be told: the daemon fails the task with this.
    await send({ type: 'broken', message: messageOf(error) });
    await closers.closeAll().catch(() => undefined);
    return process.exit(1);
  }
  await closers.closeAll();
  await send({ type: 'done', ...done, alone: wasAlone() });
  process.exit(0);
}

async function runOnce({ task, session: info }: Run): Promise<Outcome> {
  if (!setup || !tasks) throw new Error('a task arrived before its settings');
  const { options } = setup;
  const { byMethod, callbacks } = await tasks;
  // A subsession expires like any other; the password renews it.
  const { user, password } = options;
  const login = user === null || password === null ? {} : { user, password };
  const session = new ClientSession(options.server, {
    ...sessionOptions(options),
    ...login,
    session: info,
    log: logger('koji'),
  });
  closers.add('the session', () => session.close());
  const log = logger(`koji.build.${task.method}`);
  const type = byMethod.get(task.method);
  if (!type) throw new GenericError(`no handler for method ${task.method}`);
  const waits = (): void => void send({ type: 'waits' });
  const daemon = { started: setup.started, end: (how: End['how']) => void send({ type: 'end', how }) };
  const runtime = new TaskRun({ task, session, options, logger: log, callbacks, waiters, waits, daemon });
  try {
    await runtime.open();
    const { params } = decodeCall(Buffer.from(String(task.request)));
    const result = await runTask(type, runtime, decodeArgs(params));
    const response = encodeResponse(result);
    await tell(runtime, session, (asked) => asked.host.closeTask(task.id, response));
    return { outcome: 'closed' };
  } catch (error) {
    if (error instanceof RefuseTask) {
      log.warn(`task ${task.id} is refused: ${error.message}`);
      await tell(runtime, session, (asked) => asked.host.refuseTask(task.id, true, error.message));
      return { outcome: 'refused' };
    }
    if (error instanceof FreeTask) {
      log.info(`task ${task.id} is given back: ${error.message}`);
      await tell(runtime, session, (asked) => asked.host.freeTasks([task.id]));
      return { outcome: 'freed' };
    }
    log.error(`task ${task.id} failed`, error);
    const { faultCode, faultString } = faultToWire(error);
    const response = encodeFault(faultCode, faultString);
    await tell(runtime, session, (asked) => asked.host.failTask(task.id, response));
    return { outcome: 'failed', failure: messageOf(error) };
  } finally {
    await runtime.close();
  }
}

/** Returns whether this process has never had a child; false if the system can't tell. */
function wasAlone(): boolean {
  try {
    const fields = readFileSync('/proc/self/stat', 'utf8')
      .replace(/^.*\) /s, '')
      .split(' ');
    // Page faults of children that have ended: no program ends without any.
    if (fields[8] !== '0') return false;
    const threads = readdirSync('/proc/self/task');
    return threads.every((one) => readFileSync(`/proc/self/task/${one}/children`, 'utf8') === '');
  } catch {
    return false;
  }
}

/** Reports the end of the task to the hub, after the weight of a short task. An end that an earlier try reported counts as success. */
async function tell(
  run: TaskRun,
  session: ClientSession,
  end: <C extends ClientSession | Multicall>(asked: C) => PromiseLike<unknown>,
): Promise<void> {
  void send({ type: 'tells' });
  try {
    const weight = await run.takeWeight();
    if (weight === null) {
      await end(session);
      return;
    }
    const asked = session.multicall();
    asked.host.setTaskWeight(run.id, weight);
    const ended = end(asked);
    await asked.run();
    await ended;
  } catch (error) {
    if (!(error instanceof RetryError)) throw error;
  }
}
