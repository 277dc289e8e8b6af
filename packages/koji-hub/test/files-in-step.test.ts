import { createHmac, randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readdir, rename, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { sql } from '../src/db/sql.js';
import { databases } from './support/databases.js';
import { startTestHub } from './support/test-hub.js';
import type { Caller, TestHub } from './support/test-hub.js';

const sdk = pathToFileURL(createRequire(import.meta.url).resolve('@koji/plugin-sdk')).href;

/** A plugin that fails for one user, once the files of a build are changed. */
const clumsyPlugin = `
import { callback, context } from ${JSON.stringify(sdk)};
export const fail = callback('postBuildStateChange')(() => {
  if (context.session.user?.name === 'clumsy') throw new Error('clumsy');
});
`;

describe.each(databases)('files of a build on $name', (kind) => {
  let hub: TestHub;
  let admin: Caller;
  let clumsy: Caller;

  beforeAll(async () => {
    hub = await startTestHub(
      kind,
      { Plugins: 'clumsy', PluginPath: 'plugins', LogFile: 'hub.log' },
      {
        prepare: async (folder) => {
          await mkdir(path.join(folder, 'plugins'));
          await writeFile(path.join(folder, 'plugins/clumsy.mjs'), clumsyPlugin);
        },
      },
    );
    admin = await hub.login('kojiadmin');
    clumsy = await hub.login('clumsy');
    await admin('grantPermission', ['clumsy', 'admin']);
  });

  afterAll(() => hub.stop());

  /** Makes a build with a file; answers its folder. */
  async function makeBuild(name: string): Promise<string> {
    await admin('createEmptyBuild', [name, '1', '1', null]);
    const folder = path.join(hub.kojiDir, 'packages', name, '1', '1');
    await mkdir(folder, { recursive: true });
    await writeFile(path.join(folder, 'file'), name);
    return folder;
  }

  const stateOf = async (nvr: string): Promise<number> =>
    ((await admin('getBuild', [nvr])) as { state: number }).state;

  test('are back before anybody finds the build as it was, when a call fails', async () => {
    for (let i = 0; i < 8; i += 1) {
      const folder = await makeBuild(`twice${i}`);
      // The second one waits for the build's row, which the first one gives back when it fails.
      const calls = [clumsy, admin].map((caller) => caller('resetBuild', [`twice${i}-1-1`]));
      expect((await Promise.allSettled(calls)).map(({ status }) => status)).toEqual([
        'rejected',
        'fulfilled',
      ]);
      expect([await stateOf(`twice${i}-1-1`), existsSync(folder)]).toEqual([4, false]);
    }
  });

  test('are back when a part of a multicall fails, before the next part', async () => {
    const folder = await makeBuild('parts');
    const part = { methodName: 'resetBuild', params: ['parts-1-1'] };
    const answers = (await clumsy('multiCall', [[part, part]])) as readonly object[];
    expect(answers.map((answer) => 'faultCode' in answer)).toEqual([true, true]);
    expect([await stateOf('parts-1-1'), await readdir(folder)]).toEqual([1, ['file']]);
    expect(await readdir(path.dirname(folder))).toEqual(['1']);
  });

  if (kind.dialect === 'postgres') {
    test('are taken back by the next call, when the process of a call was cut off', async () => {
      const folder = await makeBuild('cut');
      const id = 'c'.repeat(16);
      const token = '1'.padStart(12, '0') + 'd'.repeat(24);
      const key = randomBytes(32);
      const journals = path.join(hub.kojiDir, '.hub/journal', id);
      const aside = path.join(path.dirname(folder), '.1.0123456789ab');
      const place = (file: string): string => path.relative(hub.kojiDir, file);
      const text = JSON.stringify({ kind: 'remove', path: place(folder), aside: place(aside) });
      const code = createHmac('sha256', key).update(`${token} 0 ${text}`).digest('hex');
      await hub.database.write((db) =>
        db.run(
          sql`INSERT INTO hub_process (id, journal_key, host, pid) VALUES (${id}, ${key.toString('hex')}, 'gone', 1)`,
        ),
      );
      await mkdir(journals);
      await writeFile(path.join(journals, `${token}.journal`), `${code} ${text}\n`);
      await rename(folder, aside);

      await admin('resetBuild', ['cut-1-1']);
      expect(await stateOf('cut-1-1')).toBe(4);
      expect(existsSync(folder)).toBe(false);
      expect(existsSync(aside)).toBe(false);
      expect(existsSync(journals)).toBe(false);
    });
  }
});
