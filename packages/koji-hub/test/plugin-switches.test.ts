import { makeLogger } from '@koji/core';
import { ActivityLog, CallbackRegistry } from '@koji/plugin-sdk/host';
import type { PluginCallback } from '@koji/plugin-sdk/host';
import type { CallbackPayloads } from '@koji/plugin-sdk';
import type { Opened } from '../src/db/database.js';
import { migrate } from '../src/db/migrate.js';
import { ActivityWriter } from '../src/plugin-activity.js';
import { PluginSwitches } from '../src/watchdog/switches.js';
import { databases } from './support/databases.js';
import type { TestDatabase } from './support/databases.js';

const log = makeLogger(() => undefined);
const payload = {} as CallbackPayloads['postTag'];

/** The callbacks of one process of a hub. */
class HubProcess {
  readonly switches = new PluginSwitches();
  readonly runs: string[] = [];
  private readonly activity = new ActivityLog();
  private readonly registry: CallbackRegistry;

  constructor(private readonly database: Opened) {
    const { offUntil } = this.switches;
    const circuit = { limit: 2, pause: 60_000 };
    this.registry = new CallbackRegistry({ logger: log, circuit, activity: this.activity, offUntil });
    this.registry.add([this.callback('shaky', true), this.callback('guard', false)]);
  }

  /** Tells of an event, and whether that failed. */
  async tag(): Promise<boolean> {
    return this.registry.run('postTag', payload, null).then(
      () => false,
      () => true,
    );
  }

  /** Notes what the callbacks did, as a process does every few seconds. */
  note(): Promise<void> {
    return new ActivityWriter(this.activity, this.database, log).close();
  }

  private callback(plugin: string, ignoreError: boolean): PluginCallback {
    const run = (): never => {
      this.runs.push(plugin);
      throw new Error(`${plugin} fails`);
    };
    return { plugin, events: ['postTag'], run, ignoreError, convertDatetime: false, afterCommit: false };
  }
}

describe.each(databases)('what is switched off in one process, on $name', ({ create }) => {
  let made: TestDatabase;
  let database: Opened;

  beforeAll(async () => {
    made = await create();
    database = await made.open();
    await migrate(database);
  });
  afterAll(async () => {
    await database.close();
    await made.drop();
  });

  test('is so in the others, but for callbacks that may refuse a change', async () => {
    const first = new HubProcess(database);
    for (let i = 0; i < 2; i += 1) expect(await first.tag()).toBe(true);
    await first.note();
    const second = new HubProcess(database);
    await second.switches.follow(database, log);
    second.switches.stop();
    expect(await second.tag()).toBe(true);
    expect(first.runs).toEqual(['shaky', 'guard', 'shaky', 'guard']);
    expect(second.runs).toEqual(['guard']);
  });
});
