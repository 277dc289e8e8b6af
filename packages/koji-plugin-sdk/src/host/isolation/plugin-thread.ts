/** The thread of an isolated plugin: loads it as the hub would, and runs its methods and callbacks when asked. */
import { parentPort, workerData } from 'node:worker_threads';
import { ActionNotAllowed, GenericError, LogBounds, PathInfo, makeLogger } from '@koji/core';
import type { LogLevel } from '@koji/core';
import { runInContext } from '../../context.js';
import type { Ambient, ContextSession } from '../../context.js';
import { loggerOf } from '../../log.js';
import type { LoadedPlugin } from '../collect.js';
import { loadPlugins } from '../load.js';
import { functionArgs } from '../signature.js';
import type { PluginProblem } from '../problems.js';
import { pack, packFailure, unpack, unpackFailure } from './messages.js';
import type { Answer, Brought, Call, Caller, FromPlugin, Step, ToPlugin } from './messages.js';
import type { ThreadData } from './wall.js';

const { entry, topdir, options, ...places } = workerData as ThreadData;
const { name } = entry;
const send = (message: FromPlugin): void => parentPort?.postMessage(message);

let unwritten = 0;
const bounds = new LogBounds({
  isIdle: () => unwritten === 0,
  tellDropped: (_name, lines) =>
    write('error', `${lines} lines were left out: they came faster than the log could be written`),
});

function write(level: LogLevel, text: string): void {
  unwritten += 1;
  send({ kind: 'log', level, text });
}

const logger = makeLogger((level, text) => {
  const line = bounds.admit(loggerOf(name), text);
  if (line !== null) write(level, line);
});

for (const event of ['uncaughtException', 'unhandledRejection'] as const)
  process.on(event, (error: unknown) => logger.error('an error outside of any call', error));

/** Answers that are waited for, by the number of their step. */
const waiting = new Map<number, { done: (value: unknown) => void; failed: (error: unknown) => void }>();
let lastStep = 0;
/** Actions for after the commit, or for when the call is undone. */
const actions = new Map<number, () => unknown>();
let lastAction = 0;

function ask(call: number, step: Step): Promise<unknown> {
  const id = ++lastStep;
  return new Promise((done, failed) => {
    waiting.set(id, { done, failed });
    send({ kind: 'step', id, call, ...step, values: step.values.map(pack) } as FromPlugin);
  });
}

function sessionOf({ user, perms }: Caller): ContextSession {
  const hasPerm = (perm: string): boolean => perms.includes(perm) || perms.includes('admin');
  return {
    loggedIn: user !== null,
    userId: user?.id ?? null,
    user,
    hasPerm,
    assertLogin() {
      if (user === null) throw new ActionNotAllowed('you must be logged in for this operation');
    },
    assertPerm(perm) {
      if (hasPerm(perm)) return;
      const who = user ? `logged in as ${user.name}` : 'user not logged in';
      throw new ActionNotAllowed(`${perm} permission required (${who})`);
    },
  };
}

function ambientOf(id: number, caller: Caller): Ambient {
  const later = (step: 'afterCommit' | 'onRollback', action: () => unknown): void => {
    actions.set(++lastAction, action);
    void ask(id, { step, values: [lastAction] });
  };
  return {
    method: caller.method,
    session: sessionOf(caller),
    get pluginDb(): never {
      throw new GenericError(
        'context.db is not there for a plugin in a thread of its own: call methods instead',
      );
    },
    paths: new PathInfo(topdir),
    options,
    pluginLog: () => logger,
    event: () => ask(id, { step: 'event', values: [] }) as Promise<number>,
    invoke: (method, args = [], keywords = {}) =>
      ask(id, { step: 'invoke', values: [method, args, keywords] }),
    invokeUnchecked: (method, args = [], keywords = {}) =>
      ask(id, { step: 'invokeUnchecked', values: [method, args, keywords] }),
    async assertPolicy(policy, data) {
      await ask(id, { step: 'assertPolicy', values: [policy, data] });
    },
    makeTask: (...values) => ask(id, { step: 'makeTask', values }) as Promise<number>,
    enqueue: () =>
      Promise.reject(new GenericError('an outbox is not there for a plugin in a thread of its own')),
    afterCommit: (action) => later('afterCommit', action),
    onRollback: (action) => later('onRollback', action),
  };
}

async function run(plugin: LoadedPlugin, { what, at, values, id, caller }: Call): Promise<unknown> {
  const given = values.map(unpack);
  const inCall = (part: string, work: () => unknown): Promise<unknown> =>
    caller
      ? runInContext(ambientOf(id, caller), { plugin: name, part }, async () => work())
      : Promise.resolve().then(work);
  if (what === 'action') {
    const action = actions.get(at);
    actions.delete(at);
    return action?.();
  }
  if (what === 'callback') {
    const [event, payload] = given as Parameters<LoadedPlugin['callbacks'][number]['run']>;
    return inCall(`callback ${event}`, () => plugin.callbacks[at]?.run(event, payload));
  }
  const method = plugin.methods[at];
  if (!method) throw new GenericError('it has no such method');
  const call = { name: method.name, plugin: name, checking: null };
  return inCall(`method ${method.name}`, async () =>
    method.run(...(await functionArgs(method.signature, call, given[0] as Record<string, unknown>))),
  );
}

async function answer(plugin: LoadedPlugin, call: Call): Promise<void> {
  const { id } = call;
  const reply = await run(plugin, call).then(
    (value): Answer => ({ kind: 'answer', id, value: pack(value ?? null) }),
    (error: unknown): Answer => ({ kind: 'answer', id, failure: packFailure(error) }),
  );
  try {
    send(reply);
  } catch (error) {
    send({ kind: 'answer', id, failure: packFailure(error) });
  }
}

function settle({ id, value, failure }: Answer): void {
  const step = waiting.get(id);
  waiting.delete(id);
  if (failure) step?.failed(unpackFailure(failure));
  else step?.done(unpack(value));
}

/** A problem without its cause, which may be anything. */
function sendable({ plugin: of, file, problem, remedy, topic }: PluginProblem): PluginProblem {
  return { plugin: of, file, problem, remedy, topic };
}

/** Features that isolated plugins can't use. */
function unsupported(loaded: LoadedPlugin): PluginProblem[] {
  const { policyTests, outboxes, schedules, routes, tables } = loaded;
  const kinds = { 'policy tests': policyTests, outboxes, schedules, routes, tables };
  const there = Object.entries(kinds).flatMap(([kind, parts]) => (parts.length > 0 ? [kind] : []));
  return there.map((what) => ({
    plugin: name,
    file: entry.file,
    problem: `brings ${what}, and "isolation": "worker" is for methods and callbacks`,
    remedy: 'move them to a plugin of its own, or take "isolation" out of package.json',
    topic: 'bad-export',
  }));
}

function broughtBy(plugin: LoadedPlugin): Brought {
  const { notes, configs, methods, callbacks } = plugin;
  return {
    notes,
    configs: configs.map((config) => ({ name: config.name, report: config.report() })),
    methods: methods.map(({ name: wire, declaration }) => {
      const { doc, needs, access, rest, keywords } = declaration;
      return {
        name: wire,
        declaration: { doc, needs, access, ...(rest ? { rest } : {}), ...(keywords ? { keywords } : {}) },
        args: declaration.args.map(({ type, ...arg }) => ({ ...arg, type: type.name })),
      };
    }),
    callbacks: callbacks.map(({ events, ignoreError, convertDatetime, afterCommit }) => {
      return { events, ignoreError, convertDatetime, afterCommit };
    }),
  };
}

const { plugins, problems } = await loadPlugins({
  part: 'hub',
  names: [name],
  found: [entry],
  ...places,
  logger: () => logger,
  inThread: true,
});
const [plugin] = plugins;
const missing = plugin ? unsupported(plugin) : [];
if (!plugin || missing.length > 0)
  send({
    kind: 'failed',
    problems: [...problems.map(sendable), ...missing],
  });
else {
  parentPort?.on('message', (message: ToPlugin) => {
    if (message.kind === 'ping') send({ kind: 'pong' });
    else if (message.kind === 'logged') unwritten -= 1;
    else if (message.kind === 'answer') settle(message);
    else void answer(plugin, message);
  });
  send({ kind: 'ready', brought: broughtBy(plugin) });
}
