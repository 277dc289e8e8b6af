import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { GenericError, parseNVR } from '@koji/core';
import { pythonRepr } from '@koji/core/text';
import { runsInBackground } from '../background.js';
import { uniqueDirectory } from '../../upload.js';
import { command } from '../command.js';
import type { Run } from '../command.js';
import { jsonLiteral } from '../literals.js';
import { flag, int, text } from '../options.js';

import { linkIntoWork, uploadShower } from '../uploading.js';

type Struct = Record<string, unknown>;

function readMetadata(file: string): Struct {
  const value = jsonLiteral(readFileSync(file, 'utf8'));
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new GenericError(`${file}: the metadata must be a JSON object`);
  return value as Struct;
}

function buildOf(metadata: Struct, file: string): Struct {
  const { build } = metadata;
  if (typeof build !== 'object' || build === null)
    throw new GenericError(`${file}: the metadata has no build`);
  return build as Struct;
}

interface Output {
  readonly filename: string;
  readonly relpath?: string;
  readonly metadata_only?: boolean;
}

const importCg = command({
  name: 'import-cg',
  category: 'admin',
  arguments: ['file', 'file'],
  examples: ['import-cg metadata.json output'],
  summary: 'Import external builds with rich metadata',
  usage: 'import-cg [options] <metadata_file> <files_dir>',
  options: {
    noprogress: flag('--noprogress', 'Do not display progress of the upload'),
    link: flag('--link', 'Attempt to hardlink instead of uploading'),
    test: flag('--test', "Don't actually import"),
    token: text('--token', 'Build reservation token'),
    draft: flag('--draft', 'Import as a draft'),
    build_id: int('--build-id', 'Reserved build id'),
  },
  async run(run) {
    const { args, options, session, print, login, usageError, fail } = run;
    const [file, folder] = args;
    if (file === undefined || folder === undefined)
      return usageError('Please specify metadata files directory');
    await login();
    const metadata = readMetadata(file);
    if (options.build_id) buildOf(metadata, file)['build_id'] = options.build_id;
    if (options.draft) buildOf(metadata, file)['draft'] = true;
    if (!('output' in metadata)) fail('Metadata contains no output');
    const outputs = (metadata['output'] as Output[])
      .filter((output) => !output.metadata_only)
      .map((output) => ({
        path: [folder, output.relpath, output.filename].filter(Boolean).join('/'),
        relpath: output.relpath ?? '',
      }));
    for (const { path } of outputs) if (!existsSync(path)) usageError(`No such file: ${path}`);
    if (options.test) return;
    const directory = uniqueDirectory('cli-import');
    const shown = !runsInBackground() && !options.noprogress;
    for (const { path, relpath } of outputs) {
      const target = join(directory, relpath);
      if (options.link) {
        await linkIntoWork(run, path, target);
        continue;
      }
      print(`Uploading ${path}`);
      await session.upload(path, target, shown ? { onProgress: uploadShower(run) } : {});
      if (shown) print('');
    }
    await session.CGImport(metadata, directory, options.token ?? null);
  },
});

const reserveCg = command({
  name: 'reserve-cg',
  category: 'admin',
  arguments: ['content-generator', 'build'],
  examples: ['reserve-cg osbs bash-container-5.2-1'],
  summary: 'Reserve a build entry for later import',
  usage: 'reserve-cg [options] <cg> <nvr>|<metadata_file>',
  options: {
    draft: flag('--draft', 'Reserve a draft entry'),
    epoch: int('--epoch', 'Specify epoch for nvr argument'),
    metadata: flag('--metadata', 'Treat argument as a metadata file'),
  },
  async run(run) {
    const { args, options, session, print, login, usageError } = run;
    const [cg, given] = args;
    if (cg === undefined || given === undefined || args.length !== 2)
      return usageError('The command takes exactly two arguments');
    await login();
    const nvr = options.metadata ? null : reservedNvr(given, options.epoch);
    const data = nvr ?? reservedBuild(run, given, options.epoch);
    if (options.draft) data['draft'] = true;
    const reserved = await session.CGInitBuild(cg, data);
    print(`Reserved build ${reserved.build_id} with token ${pythonRepr(reserved.token)}`);
  },
});

function reservedNvr(given: string, epoch: number | undefined): Struct | null {
  try {
    const { name, version, release, ...nvr } = parseNVR(given);
    return { name, version, release, epoch: epoch ?? (nvr.epoch === '' ? null : Number(nvr.epoch)) };
  } catch (error) {
    if (error instanceof GenericError) return null;
    throw error;
  }
}

function reservedBuild({ usageError }: Run, file: string, epoch: number | undefined): Struct {
  if (epoch !== undefined) return usageError('The --epoch option cannot be used with --metadata');
  const build = buildOf(readMetadata(file), file);
  const fields = ['name', 'version', 'release', 'epoch', 'draft'];
  return Object.fromEntries(Object.entries(build).filter(([key]) => fields.includes(key)));
}

export const contentGenerators = [importCg, reserveCg];
