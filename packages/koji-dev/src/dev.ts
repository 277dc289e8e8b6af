import { execFile } from 'node:child_process';
import { existsSync, realpathSync } from 'node:fs';
import { createServer } from 'node:net';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { makeLogger, messageOf } from '@koji/core';
import { watchFolders } from '@koji/plugin-sdk/host';
import { Output } from './output.js';
import type { Speaker } from './output.js';
import type { Plugin } from './plugin.js';
import { Program } from './program.js';
import { Site } from './site.js';
import type { Description } from './trials.js';
import { wordsOf } from './words.js';

/** How to run the programs around a plugin. */
export interface DevOptions {
  readonly plugin: Plugin;
  /** Where to keep everything; null for a folder that is removed at the end. */
  readonly folder: string | null;
  /** The hub's port; any free one when it is taken. */
  readonly port: number;
  /** The port of the hub's debugger; null for none. */
  readonly inspect: number | null;
  /** Whether a debugger attaches by itself. */
  readonly debug: boolean;
}

/** The main file of a program of Koji, which is beside the door of its package. */
const programOf = (name: string): string =>
  fileURLToPath(new URL('main.js', import.meta.resolve(`@koji/${name}`)));

/** Milliseconds in which a hub that nothing blocks answers. */
const answerTime = 3000;

/** A hub, a builder and a compiler around a plugin, which take up what is saved. */
export class Dev {
  private readonly output = new Output();
  private readonly compiler: Program | null;
  private readonly hub: Program;
  private readonly kojid: Program;
  private watcher: { stop(): void } | null = null;
  private url = '';
  private stopping: Promise<void> | null = null;
  /** Commands that were typed run one after the other. */
  private typed: Promise<void> = Promise.resolve();

  private constructor(
    private readonly options: DevOptions,
    private readonly site: Site,
  ) {
    const { plugin, inspect } = options;
    const { compiler } = plugin;
    const tscWords = ['--watch', '--preserveWatchOutput', '--pretty', 'false'];
    this.compiler =
      compiler === null
        ? null
        : this.program('tsc', () => [compiler, ...tscWords], {
            folder: plugin.folder,
            ready: /Watching for file changes/,
          });
    const debugHub = inspect === null ? [] : [`--inspect=127.0.0.1:${inspect}`];
    // Each process of a task takes a free port of its own.
    const debugKojid = inspect === null ? [] : ['--inspect=127.0.0.1:0'];
    const config = (name: string): string[] => ['--config', site.path(name), '--watch'];
    this.hub = this.program('hub', () => [...debugHub, programOf('hub'), ...config('hub.conf')], {
      ready: /answers at/,
    });
    this.kojid = this.program('kojid', () => [...debugKojid, programOf('builder'), ...config('kojid.conf')], {
      ready: /ready as /,
    });
  }

  /** Makes what the programs need, and starts none. */
  static async open(options: DevOptions): Promise<Dev> {
    const patient = options.debug || options.inspect !== null;
    return new Dev(options, await Site.open({ ...options, patient }));
  }

  /** Starts everything and prints where it is. */
  async start(): Promise<void> {
    const { plugin, port } = this.options;
    this.say(`starting hub and builder around the plugin ${plugin.name}`);
    await Promise.all([this.compiler?.start(), this.site.configureHub(`127.0.0.1:${await freePort(port)}`)]);
    const description = this.describe();
    await this.startHub();
    await this.startKojid();
    const introduction = await description;
    if (this.stopping) return;
    this.introduce(introduction);
    this.watch();
    createInterface({ input: process.stdin }).on('line', (line) => this.type(line));
  }

  /** Stops everything, and removes what is not to be kept. */
  async stop(): Promise<void> {
    this.stopping ??= this.stopAll();
    await this.stopping;
  }

  /** Ends everything at once. */
  kill(): void {
    for (const one of this.programs) one.kill();
  }

  private get programs(): Program[] {
    return [this.kojid, this.hub, ...(this.compiler ? [this.compiler] : [])];
  }

  private async startHub(): Promise<void> {
    if (this.stopping) return;
    const [, url] = /answers at (\S+)\/kojihub/.exec((await this.hub.start()) ?? '') ?? [];
    if (url === undefined) return;
    this.url = url;
    await this.site.configureHub(new URL(url).host);
    await this.site.configureOthers(url);
  }

  private async startKojid(): Promise<void> {
    if (!this.stopping && this.url !== '') await this.kojid.start();
  }

  private async stopAll(): Promise<void> {
    this.watcher?.stop();
    await Promise.all([this.compiler?.stop(), this.kojid.stop()]);
    await this.hub.stop();
    await this.typed;
    await this.site.close();
  }

  /** Starts again what has ended, or hangs, once files have changed; what runs takes them up by itself. */
  private async mend(): Promise<void> {
    if (this.stopping) return;
    const { web } = this.options.plugin.modules;
    if (this.hub.isRunning && (web !== undefined || !(await this.answers())))
      await this.hub.stop({ hard: true });
    if (!this.hub.isRunning) await this.startHub();
    if (!this.kojid.isRunning) await this.startKojid();
  }

  private async answers(): Promise<boolean> {
    // In a debugger it may stand for as long as somebody likes.
    if (this.options.debug || this.options.inspect !== null) return true;
    return fetch(`${this.url}/healthz`, { signal: AbortSignal.timeout(answerTime) }).then(
      () => true,
      () => false,
    );
  }

  private watch(): void {
    const { folder, modules } = this.options.plugin;
    const log = makeLogger((level, text) => {
      if (level === 'error') this.say(text());
    });
    this.watcher = watchFolders({
      folders: () => {
        const folders = Object.values(modules).map((file) => path.dirname(path.join(folder, file)));
        const real = folders.filter((one) => existsSync(one)).map((one) => realpathSync(one));
        return new Map([[folder, false], ...real.map((one) => [one, one !== folder] as const)]);
      },
      changed: () => this.mend().catch((error: unknown) => this.say(messageOf(error))),
      log,
    });
  }

  private introduce({ trials, problems }: Description): void {
    for (const problem of problems) for (const line of problem.split('\n')) this.say(line);
    const { name } = this.options.plugin;
    const koji = `koji -c ${this.site.path('koji.conf')}`;
    this.say('');
    this.say(`web page   ${this.url}/koji   (login: admin, ${this.site.passwords.admin})`);
    this.say(`API        ${this.url}/kojihub`);
    this.say(`folder     ${this.site.folder}${this.options.folder === null ? ' (removed at the end)' : ''}`);
    this.say('');
    this.say(`The plugin ${name} brings:`);
    for (const { brings, command } of trials)
      this.say(`  ${brings}${command === null ? '' : `   try: ${command}`}`);
    this.say('Type a command of koji and press Enter; in other terminals:');
    this.say(`  ${koji} hello`);
    this.say('What you save is taken up by the next call and the next task. Ctrl-C stops everything.');
  }

  /** Asks another process what the plugin brings. */
  private async describe(): Promise<Description> {
    const { name, modules } = this.options.plugin;
    const program = fileURLToPath(new URL('describe.js', import.meta.url));
    const words = [program, this.site.folder, name, ...Object.keys(modules)];
    try {
      const { stdout } = await promisify(execFile)(process.execPath, words, { maxBuffer: 16 * 1024 * 1024 });
      return JSON.parse(stdout.slice(stdout.lastIndexOf('\n{') + 1)) as Description;
    } catch (error) {
      return { trials: [], problems: [`what the plugin brings can't be read: ${messageOf(error)}`] };
    }
  }

  private type(line: string): void {
    const words = wordsOf(line);
    if (words[0] === 'koji') words.shift();
    if (words.length === 0) return;
    this.typed = this.typed.then(() => this.runKoji(words));
  }

  private async runKoji(words: readonly string[]): Promise<void> {
    if (this.stopping) return;
    const all = [programOf('client'), '-c', this.site.path('koji.conf'), ...words];
    const onEnd = (how: string): void => {
      if (how !== 'status 0') this.output.line('koji', `ended with ${how}`);
    };
    // It resolves when the command has ended, since no line is one with which it would be ready.
    await this.program('koji', () => all, { ready: /(?!)/, onEnd }).start();
  }

  private program(
    name: Speaker,
    words: () => readonly string[],
    given: { folder?: string; ready: RegExp; onEnd?: (how: string) => void },
  ): Program {
    const ended = (how: string): void => {
      if (!this.stopping) this.say(`${name} ended with ${how}; it starts again when files change`);
    };
    return new Program({
      words,
      folder: this.site.folder,
      onLine: (line) => this.hear(name, line),
      onEnd: ended,
      ...given,
    });
  }

  private hear(name: Speaker, line: string): void {
    const socket = /Debugger listening on ws:\/\/(\S+)/.exec(line)?.[1];
    if (socket === undefined) {
      this.output.line(name, line);
      return;
    }
    const what = name === 'hub' ? 'the hub' : line.includes('process') ? 'the next task' : 'kojid itself';
    this.say(`debugger of ${what}: devtools://devtools/bundled/js_app.html?v8only=true&ws=${socket}`);
  }

  private say(text: string): void {
    this.output.line('dev', text);
  }
}

/** Returns the port if nobody has it, else 0, which stands for any free one. */
async function freePort(port: number): Promise<number> {
  const server = createServer();
  const isFree = await new Promise<boolean>((resolve) => {
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => resolve(true));
  });
  if (isFree) await once(server.close(), 'close');
  return isFree ? port : 0;
}
