import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

/** Options of {@link fakeMock}. */
export interface FakeMockOptions {
  /** Rpm files that a new buildroot has. Default: a package without files that no repo needs to have. */
  readonly packages?: readonly string[];
  /** Rpm files that can be installed, by the names they are asked for. */
  readonly available?: Readonly<Record<string, string>>;
  /** A folder of programs that commands inside find before those of this host. */
  readonly programs?: string;
  /** The folder in which mock's rpm has its database. Default: `var/lib/rpm`. */
  readonly database?: string;
  /** The folder in which rpm inside looks for it. Default: the same. */
  readonly databaseInside?: string;
  /** Exit codes of mock, by action: `{ init: 30 }`. */
  readonly fail?: Readonly<Record<string, number>>;
}

/** A mock for tests of tasks. */
export interface FakeMock {
  /** Settings of kojid.conf that use it: the `options` of `runTask`. */
  readonly options: {
    readonly mockpath: string;
    readonly mockdir: string;
    readonly mockconfigdir: string;
    readonly mockuser: '';
    readonly buildroot_backend: 'mock';
    readonly rootsdir: string;
  };
  /** How it was called so far, with the text of the configuration. */
  calls(): Promise<{ readonly args: readonly string[]; readonly config: string }[]>;
}

const program = fileURLToPath(new URL('../../testing/fake-mock.js', import.meta.url));
const placeholder = fileURLToPath(new URL('../../testing/buildsys-build-1-1.noarch.rpm', import.meta.url));

/**
 * Puts a program that imitates mock into a folder, for tests on machines that have none: buildroots are folders with a
 * database of packages, commands inside run on this host. It needs `rpm` and `bash`.
 *
 * @example
 * const hub = await startTestHub();
 * const mock = await fakeMock('/tmp/mock', { fail: { init: 30 } });
 * const place = { hub, options: mock.options }; // await runTask(MyTask, ['f44-build'], place): could not init mock buildroot
 */
export async function fakeMock(folder: string, options: FakeMockOptions = {}): Promise<FakeMock> {
  const at = (name: string): string => path.join(folder, name);
  await mkdir(at('programs'), { recursive: true });
  const settings = {
    packages: options.packages ?? [placeholder],
    database: options.database ?? 'var/lib/rpm',
    inside: at('inside'),
    available: options.available ?? {},
    programs: options.programs ?? at('programs'),
    fail: options.fail ?? {},
    record: at('mock-calls.jsonl'),
  };
  await writeFile(at('mock-settings.json'), JSON.stringify(settings));
  await mkdir(at('inside'), { recursive: true });
  const inside = options.databaseInside ?? settings.database;
  const rpm = `#!/bin/sh\nPATH='${process.env.PATH}' exec rpm --dbpath "$FAKE_ROOT/${inside}" "$@"\n`;
  await writeFile(at('inside/rpm'), rpm, { mode: 0o755 });
  const words = [process.execPath, program, at('mock-settings.json')].map((word) => `'${word}'`).join(' ');
  await writeFile(at('mock'), `#!/bin/sh\nexec ${words} "$@"\n`, { mode: 0o755 });
  return {
    options: {
      mockpath: at('mock'),
      mockdir: at('roots'),
      mockconfigdir: at('mock-configs'),
      mockuser: '',
      buildroot_backend: 'mock',
      rootsdir: at('own'),
    },
    async calls() {
      const text = await readFile(settings.record, 'utf8').catch(() => '');
      const lines = text.split('\n').filter(Boolean);
      return lines.map((line) => JSON.parse(line) as { args: string[]; config: string });
    },
  };
}
