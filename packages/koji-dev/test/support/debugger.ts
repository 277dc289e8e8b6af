import { readFileSync } from 'node:fs';
import { SourceMap } from 'node:module';
import type { SourceMapPayload } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { WebSocket } from 'undici';

interface Script {
  readonly scriptId: string;
  readonly url: string;
  readonly sourceMapURL: string;
}

interface Paused {
  readonly callFrames: readonly {
    readonly location: {
      readonly scriptId: string;
      readonly lineNumber: number;
      readonly columnNumber: number;
    };
  }[];
}

interface Message {
  readonly id?: number;
  readonly method?: string;
  readonly params?: unknown;
  readonly result?: unknown;
  readonly error?: { readonly message: string };
}

/** Where a program stands, as an editor shows it. */
interface Place {
  readonly file: string;
  /** The breakpoint text in the line. */
  readonly text: string | undefined;
}

/** Talks to a process as an editor with source maps does. */
export class Debugger {
  private count = 0;
  private readonly answers = new Map<number, (message: Message) => void>();
  private readonly scripts = new Map<string, Script>();
  private readonly texts: string[] = [];
  private readonly stops: Paused[] = [];
  private onStop: (() => void) | null = null;
  private onScript: (() => void) | null = null;

  private constructor(private readonly socket: WebSocket) {
    socket.addEventListener('message', ({ data }) => this.hear(JSON.parse(String(data)) as Message));
  }

  static async attach(address: string): Promise<Debugger> {
    const socket = new WebSocket(`ws://${address}`);
    const debug = new Debugger(socket);
    await new Promise((resolve, reject) => {
      socket.addEventListener('open', resolve);
      socket.addEventListener('error', () => reject(new Error(`no debugger at ${address}`)));
    });
    await debug.send('Debugger.enable');
    return debug;
  }

  /** Sets a breakpoint in the line of a source that has this text, as soon as a script is made of it. */
  async breakAt(source: string, text: string): Promise<void> {
    this.texts.push(text);
    const script = await this.scriptOf(source);
    const wanted = lineWith(source, text);
    const map = mapOf(script);
    const lines = readFileSync(fileURLToPath(script.url.replace(/\?.*/, '')), 'utf8').split('\n');
    const line = lines.findIndex((code, i) =>
      Array.from(code, (_, column) => originOf(map, i, column)).includes(wanted),
    );
    const url = script.url.replace(/\?.*/, '').replace(/[.\\/]/g, '\\$&');
    await this.send('Debugger.setBreakpointByUrl', { urlRegex: `${url}($|\\?)`, lineNumber: line });
  }

  /** Waits until the process stands, and says where. */
  async paused(): Promise<Place> {
    while (this.stops.length === 0) await new Promise<void>((resolve) => (this.onStop = resolve));
    const [frame] = this.stops.shift()!.callFrames;
    const { scriptId, lineNumber, columnNumber } = frame!.location;
    const script = this.scripts.get(scriptId)!;
    const line = originOf(mapOf(script), lineNumber, columnNumber);
    const [file = ''] = sourcesOf(script);
    const shown = readFileSync(file, 'utf8').split('\n')[line] ?? '';
    return { file, text: this.texts.find((text) => shown.includes(text)) };
  }

  /** Waits until the process has loaded a script that is made of the source. */
  private async scriptOf(source: string): Promise<Script> {
    for (;;) {
      const script = [...this.scripts.values()].find((one) => sourcesOf(one).includes(source));
      if (script) return script;
      await new Promise<void>((resolve) => (this.onScript = resolve));
    }
  }

  async resume(): Promise<void> {
    await this.send('Debugger.resume');
  }

  close(): void {
    this.socket.close();
  }

  private hear(message: Message): void {
    if (message.id !== undefined) this.answers.get(message.id)?.(message);
    else if (message.method === 'Debugger.scriptParsed') {
      const script = message.params as Script;
      if (script.sourceMapURL === '' || !script.url.includes('/koji-plugin-')) return;
      this.scripts.set(script.scriptId, script);
      this.onScript?.();
    } else if (message.method === 'Debugger.paused') {
      this.stops.push(message.params as Paused);
      this.onStop?.();
    }
  }

  private async send(method: string, params: object = {}): Promise<unknown> {
    const id = (this.count += 1);
    const answer = new Promise<Message>((resolve) => this.answers.set(id, resolve));
    this.socket.send(JSON.stringify({ id, method, params }));
    const { error, result } = await answer;
    if (error) throw new Error(`${method}: ${error.message}`);
    return result;
  }
}

/** The map of a script, by its URL relative to that of the script. */
function mapOf({ url, sourceMapURL }: Script): SourceMap {
  const file = fileURLToPath(new URL(sourceMapURL, url));
  return new SourceMap(JSON.parse(readFileSync(file, 'utf8')) as SourceMapPayload);
}

const sourcesOf = (script: Script): string[] =>
  mapOf(script).payload.sources.map((source) =>
    path.resolve(path.dirname(fileURLToPath(script.url)), source),
  );

/** The line of the source that a place in a script is from, from 0. */
function originOf(map: SourceMap, line: number, column: number): number {
  const entry = map.findEntry(line, column);
  return 'originalLine' in entry ? entry.originalLine : -1;
}

function lineWith(source: string, text: string): number {
  return readFileSync(source, 'utf8')
    .split('\n')
    .findIndex((line) => line.includes(text));
}
