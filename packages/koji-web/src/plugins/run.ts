/** Runs the pages and panels of plugins, each within its time. */
import type { Logger } from '@koji/core';
import { messageOf, withoutSecrets } from '@koji/core';
import { ActivityLog, Circuit, runPluginCode, switchedOff, withTimeLimit } from '@koji/plugin-sdk/host';
import type {
  Actor,
  CircuitOptions,
  LoadedPlugin,
  PluginWebPage,
  PluginWebPanel,
} from '@koji/plugin-sdk/host';
import type { WebBlock, WebRequest, WebThing, WebThings } from '@koji/plugin-sdk/web';
import type { Calls } from '../calls.js';
import type { RouteName } from '../routes.js';
import { checkBlocks } from './check.js';

/** Milliseconds that a page may take, and all panels of a page together. */
const pageLimit = 10_000;
const panelLimit = 2000;

/** A plugin's part of a page: its blocks, or the reason why there are none. */
export interface Shown {
  readonly plugin: string;
  readonly title: string;
  readonly blocks: readonly WebBlock[] | null;
  readonly problem: string | null;
}

/** The pages of things that panels are on. */
const things: Readonly<Partial<Record<RouteName, WebThing>>> = {
  buildinfo: 'build',
  taskinfo: 'task',
  taginfo: 'tag',
  packageinfo: 'package',
  hostinfo: 'host',
  userinfo: 'user',
};

/** Plugin parts that are switched off, and the counters of their runs. */
export interface PluginRules {
  readonly activity: ActivityLog;
  /** When a page or panel that keeps failing is switched off. */
  readonly circuit: CircuitOptions;
  /** Until when all of a plugin is switched off; null while it is not. */
  readonly offUntil: (plugin: string) => Date | null;
}

/** How plugins read. */
interface Reading {
  readonly read: <T>(work: (calls: Calls) => Promise<T>) => Promise<T>;
  readonly log: Logger;
  readonly pluginRules?: PluginRules;
}

/** A page or panel that is about to run. */
interface Run extends Actor {
  readonly title: string;
  /** Milliseconds that it may take. */
  readonly limit: number;
  readonly query: URLSearchParams;
  readonly make: (request: WebRequest) => unknown;
}

/** The plugins of a web page. */
export class Plugins {
  /** By kind, plugin and name. */
  private readonly circuits = new Map<string, Circuit>();
  private readonly rules: PluginRules;

  constructor(
    private readonly plugins: readonly LoadedPlugin[],
    private readonly reading: Reading,
  ) {
    this.rules = reading.pluginRules ?? {
      activity: new ActivityLog(),
      circuit: { limit: 5, pause: 300_000 },
      offUntil: () => null,
    };
  }

  /** The pages that have an entry in the menu. */
  get menu(): readonly { readonly title: string; readonly href: string }[] {
    const pages = this.plugins.flatMap(({ webPages }) => webPages);
    return pages.filter(({ menu }) => menu).map(({ title, name }) => ({ title, href: name }));
  }

  /** Returns the page of a name; undefined when no plugin has it. */
  findPage(name: string): PluginWebPage | undefined {
    return this.plugins.flatMap(({ webPages }) => webPages).find((one) => one.name === name);
  }

  /** Makes a page. */
  async page(page: PluginWebPage, query: URLSearchParams): Promise<Shown> {
    const { plugin, name, title } = page;
    const make = (request: WebRequest): unknown => page.run(request);
    return this.run({ plugin, title, kind: 'page', name, limit: pageLimit, query, make });
  }

  /** Returns whether panels can be on a page. */
  hasPanels(page: RouteName): boolean {
    return things[page] !== undefined;
  }

  /** Makes the panels that are on a page of a thing; those that have nothing to show are left out. */
  async panels(page: RouteName, data: unknown, query: URLSearchParams): Promise<readonly Shown[]> {
    const thing = things[page];
    if (thing === undefined) return [];
    const panels = this.plugins.flatMap(({ webPanels }) => webPanels).filter(({ on }) => on === thing);
    const subject = (data as Partial<WebThings>)[thing];
    if (panels.length === 0 || subject === undefined) return [];
    const shown = await Promise.all(
      panels.map((panel: PluginWebPanel) => {
        const { plugin, title } = panel;
        const make = (request: WebRequest): unknown => panel.run(subject, request);
        const name = `${title} on ${thing}`;
        return this.run({ plugin, title, kind: 'panel', name, limit: panelLimit, query, make });
      }),
    );
    return shown.filter(({ blocks, problem }) => blocks !== null || problem !== null);
  }

  private async run(run: Run): Promise<Shown> {
    const { plugin, title, kind, name } = run;
    const circuit = this.circuitOf(run);
    const pluginOff = this.rules.offUntil(plugin);
    if (pluginOff || circuit.offUntil) {
      this.rules.activity.of({ plugin, kind, name }).skipped += 1;
      const problem = pluginOff ? switchedOff(pluginOff) : keptFailing(circuit.offUntil);
      return { plugin, title, blocks: null, problem };
    }
    try {
      const blocks = await this.blocksOf(run);
      if (circuit.succeeded()) this.reading.log.warn(`the ${kind} ${name} of plugin ${plugin} works again`);
      return { plugin, title, blocks, problem: null };
    } catch (error) {
      this.reading.log.error(`plugin ${plugin}: ${title} could not be shown`, error);
      if (circuit.failed())
        this.reading.log.error(`the ${kind} ${name} of plugin ${plugin} is switched off: it kept failing`);
      const problem = error instanceof Error ? withoutSecrets(error.message) : messageOf(error);
      return { plugin, title, blocks: null, problem };
    }
  }

  /** Runs the code of a plugin; the watchdog knows whose it is. */
  private async blocksOf({ plugin, kind, name, limit, query, make }: Run): Promise<Shown['blocks']> {
    const params = Object.fromEntries(query);
    const over = new AbortController();
    const { signal } = over;
    const limited = (calls: Calls): Promise<unknown> =>
      runPluginCode({ plugin, part: `${kind} ${name}` }, () =>
        withTimeLimit(limit, async () => make({ calls, params, signal })),
      );
    try {
      return await this.rules.activity.measure({ plugin, kind, name }, async () => {
        const answer = await this.reading.read(limited);
        return answer === null ? null : checkBlocks(answer);
      });
    } finally {
      over.abort();
    }
  }

  private circuitOf({ kind, plugin, name }: Run): Circuit {
    const key = `${kind} ${plugin} ${name}`;
    const circuit = this.circuits.get(key) ?? new Circuit(this.rules.circuit);
    this.circuits.set(key, circuit);
    return circuit;
  }
}

function keptFailing(until: Date | null): string {
  return `it kept failing and is switched off until ${until?.toISOString() ?? 'now'}`;
}
