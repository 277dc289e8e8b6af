import type { Arg } from '@koji/core/api';
import { isCallbackName } from '../callbacks.js';
import { marksOf } from '../marks.js';
import type { AnyFunction, CliMark, Marks } from '../marks.js';
import type { CliCommand } from '../cli.js';
import { outboxOf } from '../outbox.js';
import type { PluginOutbox } from '../outbox.js';
import type { PolicyTest } from '../policy.js';
import { routeOf } from '../route.js';
import type { PluginRoute } from '../route.js';
import { tablesOf } from '../tables.js';
import type { DeclaredTables } from '../tables.js';
import { scheduleOf } from '../schedule.js';
import type { PluginSchedule } from '../schedule.js';
import type { WebPage, WebPageMark, WebPanel, WebPanelMark, WebThing } from '../web.js';
import { isTaskHandler } from '../task.js';
import type { TaskHandlerClass } from '../task.js';
import type { DeclaredConfig } from '../config.js';
import type { ImportedPlugin, PluginModule } from './import.js';
import type { PluginMethod } from './methods.js';
import type { PluginLimits } from './limits.js';
import type { PluginEntry, PluginPart } from './package.js';
import { ParameterNotes } from './parameter-notes.js';
import type { PluginProblem } from './problems.js';
import type { PluginCallback } from './registry.js';
import { declaredTaskOf } from '../schemas.js';
import type { DeclaredTask } from '../schemas.js';
import { schemaArgs } from './schema-args.js';
import { handlerSignature, signatureOf } from './signature.js';
import { SignatureError } from './signature-error.js';
import type { Signature } from './signature.js';

/** A class of a plugin that handles tasks. */
export interface PluginTask {
  readonly plugin: string;
  readonly methods: readonly string[];
  readonly Handler: TaskHandlerClass;
  /** How the handler's arguments are called. */
  readonly signature: Signature;
}

/** A command of a plugin. */
export interface PluginCommand {
  readonly plugin: string;
  readonly name: string;
  readonly help: string;
  readonly group: string;
  readonly usage: string;
  /** Absent: it reads its arguments by itself. */
  readonly options?: NonNullable<CliMark['options']>;
  /** Whether options may follow arguments. */
  readonly interspersed: boolean;
  /** Whether to log in first. */
  readonly login: boolean;
  readonly run: CliCommand;
}

/** A policy test of a plugin. */
export interface PluginPolicyTest {
  readonly plugin: string;
  readonly name: string;
  readonly run: PolicyTest;
}

/** The arguments of a task method, for display. */
export interface ShownTask {
  readonly method: string;
  readonly args: readonly Arg[];
}

/** A web page of a plugin. */
export interface PluginWebPage extends WebPageMark {
  readonly plugin: string;
  readonly run: WebPage;
}

/** A panel of a plugin on pages of things. */
export interface PluginWebPanel extends WebPanelMark {
  readonly plugin: string;
  readonly run: WebPanel;
}

/** A plugin that was loaded: where it is from and all that it brings. */
export interface LoadedPlugin {
  /** The name from the configuration. */
  readonly name: string;
  readonly version: string | null;
  /** The versions of the SDK that it says it works with. */
  readonly sdkRange: string | null;
  /** How long its code may run, as it asks. */
  readonly limits: PluginLimits;
  /** Whether its code runs in a thread of its own. */
  readonly isolated: boolean;
  readonly file: string;
  readonly configs: readonly DeclaredConfig[];
  readonly methods: readonly PluginMethod[];
  readonly callbacks: readonly PluginCallback[];
  readonly tasks: readonly PluginTask[];
  readonly commands: readonly PluginCommand[];
  readonly policyTests: readonly PluginPolicyTest[];
  readonly outboxes: readonly PluginOutbox[];
  readonly schedules: readonly PluginSchedule[];
  readonly routes: readonly PluginRoute[];
  readonly tables: readonly DeclaredTables[];
  /** Task methods by their arguments, for display. */
  readonly declaredTasks: readonly ShownTask[];
  /** Hints for its author, one per line. */
  readonly notes: readonly string[];
  /** Ends its thread, if it has one. */
  readonly close?: () => Promise<void>;
  readonly webPages: readonly PluginWebPage[];
  readonly webPanels: readonly PluginWebPanel[];
}

interface Finding {
  readonly key: string;
  readonly value: AnyFunction;
  /** The class or object that a method belongs to. */
  readonly owner: object | undefined;
}

/** Gathers what a module brings, from its marks. */
export function collect(
  entry: PluginEntry,
  { module, configs, file = entry.file }: ImportedPlugin,
  part: PluginPart,
): { plugin: LoadedPlugin; problems: PluginProblem[] } {
  const gathering = new Gathering(entry, configs, file);
  for (const finding of inOrder(findings(module))) gathering.take(finding);
  const plugin = {
    ...gathering.plugin(),
    outboxes: valuesOf(module, outboxOf),
    schedules: valuesOf(module, scheduleOf),
    routes: valuesOf(module, routeOf),
    tables: valuesOf(module, tablesOf),
    declaredTasks: gathering.declaredTasks(valuesOf(module, declaredTaskOf)),
    notes: gathering.notes(),
  };
  const { problems } = gathering;
  if (problems.length === 0 && countFor(plugin, part) + plugin.declaredTasks.length === 0)
    problems.push({
      plugin: entry.name,
      file: entry.file,
      problem: `exports nothing that the ${part} could use`,
      remedy: `export ${wanted[part]}`,
      topic: 'exports-nothing',
    });
  return { plugin, problems };
}

const wanted: Readonly<Record<PluginPart, string>> = {
  hub: 'a function marked `exported = true`, a `callback(…)` or a `policyTest(…)`',
  builder: 'a class that extends BaseTaskHandler and has `static Methods`, or a `callback(…)`',
  cli: 'a function marked with `exportCli()`',
  web: 'a function marked with `webPage(…)` or `webPanel(…)`',
};

function countFor(plugin: LoadedPlugin, part: PluginPart): number {
  if (part === 'cli') return plugin.commands.length;
  if (part === 'web') return plugin.webPages.length + plugin.webPanels.length;
  if (part === 'builder') return plugin.tasks.length + plugin.callbacks.length;
  const { methods, callbacks, policyTests, outboxes, schedules, routes } = plugin;
  return [methods, callbacks, policyTests, outboxes, schedules, routes].flat().length;
}

/** Returns a module's values of one kind. */
function valuesOf<T>(module: PluginModule, kindOf: (value: unknown) => T | null): T[] {
  const named = Object.entries(module).filter(([key]) => key !== 'default' && key !== 'module.exports');
  const fallback = module['default'];
  const values = [...named.map(([, value]) => value), ...(isObject(fallback) ? Object.values(fallback) : [])];
  return [...new Set(values.map(kindOf).filter((found) => found !== null))];
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}

/**
 * Every function that a module exports, each once: those under a name, those of exported classes (static) and objects,
 * and what `module.exports` or `export default` holds.
 */
function findings(module: PluginModule): Finding[] {
  const all: Finding[] = [];
  const seen = new Set<unknown>();
  const add = (key: string, value: unknown, owner?: object): void => {
    if (typeof value !== 'function' || seen.has(value)) return;
    seen.add(value);
    all.push({ key, value: value as AnyFunction, owner });
  };
  const addAll = (exports: Readonly<Record<string, unknown>>): void => {
    for (const [key, value] of Object.entries(exports)) {
      if (key === 'default' || key === 'module.exports' || key === '__esModule') continue;
      add(key, value);
      for (const [name, member] of membersOf(value)) add(name, member, value as object);
    }
  };
  addAll(module);
  // Compiled TypeScript loaded as CommonJS has its default export one level further down.
  for (let holder: unknown = module['default'], depth = 0; depth < 2; depth += 1) {
    if (isObject(holder)) addAll(holder);
    add(typeof holder === 'function' ? holder.name : '', holder);
    if (typeof holder === 'function')
      for (const [name, member] of membersOf(holder)) add(name, member, holder);
    holder = isObject(holder) ? holder['default'] : undefined;
  }
  return all;
}

/** In the order of marking; functions that are marked by a plain property stay where they are. */
function inOrder(all: readonly Finding[]): Finding[] {
  const marked = all.filter(({ value }) => marksOf(value).order !== undefined);
  const sorted = [...marked].sort((a, b) => (marksOf(a.value).order ?? 0) - (marksOf(b.value).order ?? 0));
  return all.map((finding) => (marked.includes(finding) ? (sorted.shift() as Finding) : finding));
}

/** Static methods of a class, and methods of an object made from a class. */
function membersOf(value: unknown): [string, unknown][] {
  const holder =
    typeof value === 'function' ? value : isObject(value) ? (Object.getPrototypeOf(value) as unknown) : null;
  if (holder === null || holder === Object.prototype || holder === Array.prototype) return [];
  return Object.entries(Object.getOwnPropertyDescriptors(holder))
    .filter(([name, { value: member }]) => name !== 'constructor' && typeof member === 'function')
    .map(([name, { value: member }]) => [name, member]);
}

class Gathering {
  readonly problems: PluginProblem[] = [];
  private readonly methods: PluginMethod[] = [];
  private readonly callbacks: PluginCallback[] = [];
  private readonly tasks: PluginTask[] = [];
  private readonly commands: PluginCommand[] = [];
  private readonly policyTests: PluginPolicyTest[] = [];
  private readonly webPages: PluginWebPage[] = [];
  private readonly webPanels: PluginWebPanel[] = [];
  private readonly parameters: ParameterNotes;

  constructor(
    private readonly entry: PluginEntry,
    private readonly configs: readonly DeclaredConfig[],
    file: string,
  ) {
    this.parameters = new ParameterNotes(file);
  }

  plugin(): Omit<LoadedPlugin, 'outboxes' | 'schedules' | 'routes' | 'tables' | 'declaredTasks' | 'notes'> {
    const { configs, methods, callbacks, tasks, commands, policyTests, webPages, webPanels } = this;
    return { ...this.entry, configs, methods, callbacks, tasks, commands, policyTests, webPages, webPanels };
  }

  take(finding: Finding): void {
    this.checked(finding, () => {
      if (isTaskHandler(finding.value)) this.takeTask(finding.value);
      else if (Object.hasOwn(finding.value, 'Methods'))
        this.problem(finding, 'has Methods, but does not extend BaseTaskHandler', 'extend BaseTaskHandler');
      else this.takeFunction(finding, marksOf(finding.value));
    });
  }

  notes(): readonly string[] {
    return this.parameters.notes();
  }

  declaredTasks(tasks: readonly DeclaredTask[]): ShownTask[] {
    return tasks.flatMap(({ method, args }) => {
      const shown = this.checked({ key: `task ${method}` }, () => ({ method, args: schemaArgs(args).args }));
      return shown ?? [];
    });
  }

  /** Runs what reads a signature; an error is a problem. */
  private checked<T>(finding: { key: string }, read: () => T): T | null {
    try {
      return read();
    } catch (error) {
      if (!(error instanceof SignatureError)) throw error;
      this.problem(finding, error.message, "declare its arguments: exported({ args: ['a', 'b?'] })(fn)");
      return null;
    }
  }

  private problem({ key }: { key: string }, problem: string, remedy: string): void {
    const { name: plugin, file } = this.entry;
    this.problems.push({ plugin, file, problem: `${key}: ${problem}`, remedy, topic: 'bad-export' });
  }

  private takeTask(Handler: TaskHandlerClass): void {
    const key = Handler.name;
    const { Methods: methods } = Handler as { Methods: unknown };
    // A base class of the plugin's own handlers names no methods.
    if (Array.isArray(methods) && methods.length === 0) return;
    if (!Array.isArray(methods) || !methods.every((name) => typeof name === 'string' && name !== '')) {
      this.problem({ key }, 'its Methods is not a list of names', "write static Methods = ['mytask']");
      return;
    }
    if (typeof (Handler.prototype as { handler?: unknown }).handler !== 'function') {
      this.problem({ key }, 'has no handler method', 'add a method handler(…) that does the work');
      return;
    }
    const weight = Handler._taskWeight;
    if (weight !== undefined && !(typeof weight === 'number' && weight >= 0)) {
      this.problem({ key }, `its _taskWeight is ${String(weight)}`, 'write a number such as 1.5');
      return;
    }
    const signature = handlerSignature(Handler, this.parameters.reader(key));
    this.tasks.push({ plugin: this.entry.name, methods: methods as string[], Handler, signature });
  }

  private takeFunction(finding: Finding, marks: Marks): void {
    const { value, owner } = finding;
    const run = (owner === undefined ? value : value.bind(owner as never)) as (...args: unknown[]) => unknown;
    if (marks.export) this.takeMethod(finding, marks, run);
    if (marks.callbacks) this.takeCallback(finding, marks, run);
    if (marks.cli) this.takeCommand(finding, marks.cli, run);
    if (marks.webPage) this.takePage(finding, marks.webPage, run as WebPage);
    if (marks.webPanel) this.takePanel(finding, marks.webPanel, run as WebPanel);
    if (marks.policyTest !== undefined)
      this.policyTests.push({ plugin: this.entry.name, name: marks.policyTest, run: run as PolicyTest });
  }

  private takePage(finding: Finding, mark: WebPageMark, run: WebPage): void {
    if (!/^[a-z][a-z0-9_-]{0,40}$/.test(mark.name))
      this.problem(
        finding,
        `'${mark.name}' can't be the name of a page`,
        'use lower case letters, digits, _ and -',
      );
    else this.webPages.push({ ...mark, plugin: this.entry.name, run });
  }

  private takePanel(finding: Finding, mark: WebPanelMark, run: WebPanel): void {
    const things: readonly WebThing[] = ['build', 'task', 'tag', 'package', 'host', 'user'];
    if (!things.includes(mark.on))
      this.problem(finding, `'${mark.on}' has no page`, `put the panel on one of ${things.join(', ')}`);
    else this.webPanels.push({ ...mark, plugin: this.entry.name, run });
  }

  private takeMethod(finding: Finding, { export: mark = {} }: Marks, run: PluginMethod['run']): void {
    const own = mark.alias ?? finding.key;
    if (own === '') {
      this.problem({ key: 'default' }, 'has no name', "name the function, or mark it with exportAs('name')");
      return;
    }
    const name = mark.module === undefined ? own : `${mark.module}.${own}`;
    if (!/^[\w.:/]+$/.test(name)) {
      this.problem(finding, `'${name}' can't be the name of a method`, 'use letters, digits, _ and .');
      return;
    }
    const signature = signatureOf(finding.value, mark, this.parameters.reader(finding.key));
    const { declaration } = signature;
    this.methods.push({ name, plugin: this.entry.name, declaration, signature, run });
  }

  private takeCallback(finding: Finding, marks: Marks, run: PluginCallback['run']): void {
    const events: readonly string[] = marks.callbacks ?? [];
    const unknown = events.filter((event) => !isCallbackName(event));
    if (unknown.length > 0 || events.length === 0) {
      const names = unknown.map((event) => `"${event}"`).join(', ');
      const text = events.length === 0 ? 'names no event' : `${names} is not a valid callback type`;
      this.problem(finding, text, 'docs/plugins/events.md lists the events');
      return;
    }
    this.callbacks.push({
      plugin: this.entry.name,
      events: [...new Set(events.filter(isCallbackName))],
      run,
      ignoreError: marks.ignoreError ?? false,
      convertDatetime: marks.convertDatetime ?? false,
      afterCommit: marks.afterCommit ?? false,
    });
  }

  private takeCommand(finding: Finding, mark: CliMark, run: CliCommand): void {
    const bare = finding.key.replace(/^(anon_)?handle_/, '').replaceAll('_', '-');
    const name = mark.name ?? bare;
    if (!/^[a-z0-9][\w-]*$/i.test(name)) {
      this.problem(finding, `'${name}' can't be the name of a command`, 'use letters, digits and -');
      return;
    }
    this.commands.push({
      plugin: this.entry.name,
      name,
      help: mark.help ?? '',
      group: mark.group ?? 'misc',
      usage: mark.usage ?? '',
      ...(mark.options ? { options: mark.options } : {}),
      interspersed: mark.interspersed ?? true,
      login: mark.login ?? !finding.key.startsWith('anon_handle_'),
      run,
    });
  }
}
