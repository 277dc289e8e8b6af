/** Runs the pages and panels of plugins, each within its time. */
import type { Logger } from '@koji/core';
import { messageOf } from '@koji/core';
import { withTimeLimit } from '@koji/plugin-sdk/host';
import type { LoadedPlugin, PluginWebPage, PluginWebPanel } from '@koji/plugin-sdk/host';
import type { WebBlock, WebRequest, WebThing, WebThings } from '@koji/plugin-sdk/web';
import type { Calls } from '../calls.js';
import type { RouteName } from '../routes.js';
import { checkBlocks } from './check.js';

/** Milliseconds that a page may take, and all panels of a page together. */
const pageLimit = 10_000;
const panelLimit = 2000;

/** What of a plugin is shown on a page: its blocks, or why there are none. */
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

/** How plugins read. */
interface Reading {
  readonly read: <T>(work: (calls: Calls) => Promise<T>) => Promise<T>;
  readonly log: Logger;
}

/** The plugins of a web page. */
export class Plugins {
  constructor(
    private readonly plugins: readonly LoadedPlugin[],
    private readonly reading: Reading,
  ) {}

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
    return this.run(page, { limit: pageLimit, query, make: (request) => page.run(request) });
  }

  /** Makes the panels that are on a page of a thing; those that have nothing to show are left out. */
  async panels(page: RouteName, data: unknown, query: URLSearchParams): Promise<readonly Shown[]> {
    const thing = things[page];
    if (thing === undefined) return [];
    const panels = this.plugins.flatMap(({ webPanels }) => webPanels).filter(({ on }) => on === thing);
    const subject = (data as Partial<WebThings>)[thing];
    if (panels.length === 0 || subject === undefined) return [];
    const shown = await Promise.all(
      panels.map((panel: PluginWebPanel) =>
        this.run(panel, { limit: panelLimit, query, make: (request) => panel.run(subject, request) }),
      ),
    );
    return shown.filter(({ blocks, problem }) => blocks !== null || problem !== null);
  }

  private async run(
    { plugin, title }: { readonly plugin: string; readonly title: string },
    { limit, query, make }: { limit: number; query: URLSearchParams; make: (request: WebRequest) => unknown },
  ): Promise<Shown> {
    const params = Object.fromEntries(query);
    const over = new AbortController();
    try {
      const answer = await this.reading.read((calls) =>
        withTimeLimit(limit, async () => make({ calls, params, signal: over.signal })),
      );
      return { plugin, title, blocks: answer === null ? null : checkBlocks(answer), problem: null };
    } catch (error) {
      this.reading.log.error(`plugin ${plugin}: ${title} could not be shown`, error);
      return {
        plugin,
        title,
        blocks: null,
        problem: error instanceof Error ? error.message : messageOf(error),
      };
    } finally {
      over.abort();
    }
  }
}
