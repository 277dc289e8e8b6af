import { named } from '@koji/core/wire';
import { basename } from 'node:path';
import { BUILD_STATES, GenericError, nameOf, parseNVR, parseNVRA, byText } from '@koji/core';
import type { BuildInfo } from '@koji/core/api';
import { RpmError, RpmHeader, checkRpmDigests } from '@koji/core/rpm';
import type { RpmInfo } from '@koji/core/rpm';
import { uniqueDirectory } from '../../upload.js';
import { command } from '../command.js';
import type { Run } from '../command.js';
import { flag, text } from '../options.js';
import { linkIntoWork } from '../uploading.js';
import { pythonRepr } from '@koji/core/text';

interface RpmFile {
  readonly path: string;
  readonly rpm: RpmInfo;
}

interface ImportOptions {
  readonly link?: boolean | undefined;
  readonly test?: boolean | undefined;
  readonly create_build?: boolean | undefined;
}

const importRpms = command({
  name: 'import',
  category: 'admin',
  arguments: ['file...'],
  examples: ['import bash-5.2-1.src.rpm bash-5.2-1.x86_64.rpm'],
  summary: 'Import externally built RPMs into the database',
  usage: 'import [options] <package> [<package> ...]',
  options: {
    link: flag('--link', 'Attempt to hardlink instead of uploading'),
    test: flag('--test', "Don't actually import"),
    create_build: flag('--create-build', 'Auto-create builds as needed'),
    src_epoch: text('--src-epoch', 'When auto-creating builds, use this epoch'),
  },
  async run(run) {
    const { args, options, session, print, login, usageError } = run;
    if (args.length === 0) return usageError('At least one package must be specified');
    const epoch = readEpoch(options.src_epoch, usageError);
    await login();
    const builds = await filesByBuild(args);
    let missing = false;
    for (const [nvr, files] of builds) {
      if (files.some(({ rpm }) => rpm.sourcepackage) || (await session.getBuild(nvr))) continue;
      print(`Missing build or srpm: ${nvr}`);
      missing = true;
    }
    if (missing && !options.create_build) {
      print('Aborting import');
      return;
    }
    for (const [nvr, files] of builds) await importBuild(run, nvr, files, { ...options, epoch });
  },
});

function readEpoch(given: string | undefined, usageError: (message: string) => never): number | null {
  if (given === undefined || ['None', 'none', '(none)', ''].includes(given)) return null;
  return /^\s*[+-]?\d+\s*$/.test(given) ? Number(given) : usageError(`Invalid value for epoch: ${given}`);
}

async function readRpm(path: string): Promise<RpmInfo> {
  try {
    return (await RpmHeader.read(path)).info();
  } catch (error) {
    if (!(error instanceof RpmError)) throw error;
    throw new GenericError(`${path} is damaged or no rpm: ${error.message}. Get the file again.`, {
      cause: error,
    });
  }
}

/** Refuses an rpm whose digests do not match, before anything of it is sent to the hub. */
async function checkWhole(path: string): Promise<void> {
  const wrong = (await checkRpmDigests(path)).find(({ ok }) => !ok);
  if (wrong)
    throw new GenericError(
      `${path} is damaged: its ${wrong.tag} is ${wrong.actual}, not ${wrong.expected}. Get the file again.`,
    );
}

/** The files of each build by NVR, both sorted. */
async function filesByBuild(paths: readonly string[]): Promise<[string, RpmFile[]][]> {
  const builds = new Map<string, RpmFile[]>();
  for (const path of paths) {
    const rpm = await readRpm(path);
    if (!rpm.sourcepackage && rpm.sourcerpm === null) throw new GenericError(`${path}: names no source rpm`);
    const { name, version, release } = rpm.sourcepackage ? rpm : parseNVRA(rpm.sourcerpm ?? '');
    const nvr = `${name}-${version}-${release}`;
    builds.set(nvr, [...(builds.get(nvr) ?? []), { path, rpm }]);
  }
  const sorted = [...builds].sort(byText(([nvr]) => nvr));
  return sorted.map(([nvr, files]) => [nvr, [...files].sort(byText((file) => file.path))]);
}

async function importBuild(
  run: Run,
  nvr: string,
  files: readonly RpmFile[],
  options: ImportOptions & { readonly epoch: number | null },
): Promise<void> {
  const { session, print } = run;
  const known = await session.getBuild(nvr);
  const state = known ? nameOf(BUILD_STATES, known.state) : null;
  const dead = state === 'FAILED' || state === 'CANCELED';
  if (known && state !== 'COMPLETE' && !(dead && options.create_build)) {
    print(
      dead
        ? `Build ${nvr} state is ${state}. Skipping import`
        : `Build ${nvr} exists with state=${state}. Skipping import`,
    );
    return;
  }
  const sources = files.filter(({ rpm }) => rpm.sourcepackage);
  const first = sources[0];
  if (first && known && state !== 'COMPLETE') await createBuild(run, nvr, partsOf(known, first.rpm.epoch));
  for (const file of sources) await importFile(run, file, options);
  if (!first && state !== 'COMPLETE') {
    const epoch = options.epoch || (files[0]?.rpm.epoch ?? null);
    if (options.test) print(`Test mode -- would have created empty build: ${nvr}`);
    else {
      for (const { path } of files) await checkWhole(path);
      await createBuild(run, nvr, { ...parseNVR(nvr), epoch });
    }
  }
  for (const file of files) if (!file.rpm.sourcepackage) await importFile(run, file, options);
}

interface BuildParts {
  readonly name: string;
  readonly version: string;
  readonly release: string;
  readonly epoch: number | null;
}

function partsOf({ name, version, release }: BuildInfo, epoch: number | null): BuildParts {
  return { name, version, release, epoch };
}

async function createBuild({ session, print }: Run, nvr: string, parts: BuildParts): Promise<void> {
  print(`Creating empty build: ${nvr}`);
  await session.createEmptyBuild(named(parts));
}

async function importFile(run: Run, { path, rpm }: RpmFile, options: ImportOptions): Promise<void> {
  const { session, print, write, warn } = run;
  const { name, version, release } = rpm;
  const arch = rpm.sourcepackage ? 'src' : rpm.arch;
  const before = await session.getRPM({ name, version, release, arch });
  if (before && !before.external_repo_id) {
    if (before.payloadhash === rpm.payloadhash) {
      print(`RPM already imported: ${path}`);
    } else {
      // An rpm without an MD5 is identified by the SHA-256 of its header.
      const isMd5 = rpm.sigmd5 !== null;
      warn(`${isMd5 ? 'md5sum' : 'sha256sum'} mismatch for ${path}`);
      warn('  A different rpm with the same name has already been imported');
      warn(
        `  Existing ${isMd5 ? 'sigmd5' : 'payloadhash'} is ${pythonRepr(before.payloadhash)}, your import has ${pythonRepr(rpm.payloadhash)}`,
      );
    }
    print('Skipping import');
    return;
  }
  if (options.test) {
    print(`Test mode -- skipping import for ${path}`);
    return;
  }
  await checkWhole(path);
  const directory = uniqueDirectory('cli-import');
  if (options.link) {
    await linkIntoWork(run, path, directory);
  } else {
    write(`uploading ${path}... `);
    await session.upload(path, directory);
    print('done');
  }
  write(`importing ${path}... `);
  try {
    await session.importRPM(directory, basename(path));
    print('done');
  } catch (error) {
    if (!(error instanceof GenericError)) throw error;
    print(`\nError importing: ${error.message.split('\n').at(-1)}`);
  }
}

export const imports = [importRpms];
