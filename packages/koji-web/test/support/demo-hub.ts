import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { openForTests } from '@koji/hub/testing';
import type { HubForTests } from '@koji/hub/testing';
import { fillDemo } from './demo.js';
import type { Demo } from './demo.js';

/** The answer to a request. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

/** A hub in this process with the data of the demo. */
export interface DemoHub {
  readonly folder: string;
  readonly demo: Demo;
  /** The address of the API. */
  readonly api: string;
  /** The address of the web page, with a slash at its end. */
  readonly base: string;
  /** The lines of its log so far. */
  readonly log: readonly string[];
  /** Asks for an address below the web page, or from the root with a slash at its start. Redirects are not followed. */
  get(address: string, headers?: Readonly<Record<string, string>>): Promise<Answer>;
  /** Stops the hub, changes something in its folder, and starts it again on the same data. */
  restart(change: (folder: string) => void): Promise<void>;
  stop(): Promise<void>;
}

/** Starts a hub with the data of the demo; `rows` is the length of its lists. */
export async function startDemoHub(
  options: Readonly<Record<string, string>> = {},
  lists: { readonly rows?: number } = {},
): Promise<DemoHub> {
  const folder = mkdtempSync(path.join(tmpdir(), 'koji-web-'));
  const log: string[] = [];
  const open = (): Promise<HubForTests> =>
    openForTests({ folder, plugins: {}, policies: {}, options, onLog: (line) => log.push(line) });
  let hub = await open();
  try {
    await hub.addUser('kojiadmin', 'secret', ['admin']);
    const demo = await fillDemo(
      `${hub.url}/kojihub`,
      'secret',
      (user) => hub.addUser(user, 'secret', []),
      lists,
    );
    return {
      folder,
      demo,
      log,
      get api() {
        return `${hub.url}/kojihub`;
      },
      get base() {
        return `${hub.url}/koji/`;
      },
      async get(address, headers = {}) {
        const url = address.startsWith('/') ? hub.url + address : `${hub.url}/koji/${address}`;
        const answer = await fetch(url, { headers, redirect: 'manual' });
        return { status: answer.status, headers: answer.headers, text: await answer.text() };
      },
      async restart(change) {
        await hub.stop();
        change(folder);
        hub = await open();
      },
      async stop() {
        await hub.stop();
        rmSync(folder, { recursive: true, force: true });
      },
    };
  } catch (error) {
    await hub.stop();
    throw error;
  }
}
