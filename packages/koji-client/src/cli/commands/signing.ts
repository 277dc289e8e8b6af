import { named } from '@koji/core/wire';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { GenericError } from '@koji/core';
import type { RpmListItem } from '@koji/core/api';
import { RpmHeader, listSignatures } from '@koji/core/rpm';
import { command } from '../command.js';
import type { Run } from '../command.js';
import { flag, text } from '../options.js';

const importSig = command({
  name: 'import-sig',
  category: 'admin',
  arguments: ['file...'],
  examples: ['import-sig bash-5.2-1.x86_64.rpm'],
  summary: 'Import signatures into the database and write signed RPMs',
  usage: 'import-sig [options] <package> [<package> ...]',
  options: {
    with_unsigned: flag('--with-unsigned', 'Also import unsigned sig headers'),
    write: flag('--write'),
    test: flag('--test', "Test mode -- don't actually import"),
  },
  async run(run) {
    const { args, options, print, login, usageError } = run;
    if (args.length === 0) return usageError('At least one package must be specified');
    for (const path of args) if (!existsSync(path)) return usageError(`No such file: ${path}`);
    await login();
    for (const path of args) {
      const header = await RpmHeader.read(path);
      const key = listSignatures(header)[0]?.sigkey ?? '';
      if (key === '' && !options.with_unsigned) print(`Skipping unsigned package: ${path}`);
      else await importSignature(run, { path, header, key }, options.test === true);
    }
  },
});

async function importSignature(
  { session, print, warn }: Run,
  { path, header, key }: { path: string; header: RpmHeader; key: string },
  isTest: boolean,
): Promise<void> {
  const { name, version, release, arch } = header.info();
  const rpm = await session.getRPM({ name, version, release, arch });
  if (!rpm) {
    print(`No such rpm in system: ${name}-${version}-${release}.${arch}`);
    return;
  }
  if (rpm.external_repo_id) {
    const nvra = `${rpm.name}-${rpm.version}-${rpm.release}.${rpm.arch}`;
    print(`Skipping external rpm: ${nvra}@${rpm.external_repo_name}`);
    return;
  }
  const signature = header.signature.bytes;
  const [before] = await session.queryRPMSigs(named({ rpm_id: rpm.id, sigkey: key }));
  if (before && before.sighash === createHash('md5').update(signature).digest('hex')) {
    print(`Signature already imported: ${path}`);
    return;
  }
  if (before) {
    warn(`signature mismatch: ${path}`);
    warn(`  The system already has a signature for this rpm with key ${key}`);
    warn('  The two signature headers are not the same');
    return;
  }
  print(`Importing signature [key ${key}] from ${path}...`);
  if (!isTest) await session.addRPMSig(rpm.id, signature.toString('base64'));
  print('Writing signed copy');
  if (!isTest) await session.writeSignedRPM(rpm.id, key);
}

type Rpm = Pick<RpmListItem, 'id' | 'name' | 'version' | 'release' | 'arch'>;

const removeSig = command({
  name: 'remove-sig',
  category: 'admin',
  arguments: ['rpm'],
  examples: ['remove-sig --sigkey=0123abcd bash-5.2-1.x86_64'],
  summary: 'Remove signed RPMs from db and disk',
  usage: 'remove-sig [options] <rpm-id/n-v-r.a/rpminfo>',
  options: {
    sigkey: text('--sigkey', 'Specify signature key'),
    all: flag('--all', 'Remove all signed copies for specified RPM'),
  },
  async run({ args, options, session, login, usageError, fail }) {
    const [rpm] = args;
    if (rpm === undefined) return usageError('Please specify an RPM');
    if (!options.all && !options.sigkey) fail('Either --sigkey or --all options must be given');
    if (options.all && options.sigkey) fail('Conflicting options specified');
    await login();
    try {
      await session.deleteRPMSig(
        rpm,
        named({ sigkey: options.sigkey ?? null, all_sigs: options.all ?? false }),
      );
    } catch (error) {
      if (!(error instanceof GenericError)) throw error;
      fail(
        error.message.startsWith('No such rpm')
          ? `No such rpm in system: ${rpm}`
          : `Signature removal failed: ${error.message}`,
      );
    }
  },
});

const writeSignedRpm = command({
  name: 'write-signed-rpm',
  category: 'admin',
  arguments: ['text', 'build...'],
  examples: ['write-signed-rpm 0123abcd bash-5.2-1'],
  summary: 'Write signed RPMs to disk',
  usage: 'write-signed-rpm [options] <signature-key> <n-v-r> [<n-v-r> ...]',
  options: {
    all: flag('--all', 'Write out all RPMs signed with this key'),
    buildid: text('--buildid', 'Specify a build id rather than an n-v-r'),
  },
  async run(run) {
    const { args, options, session, print, login, usageError } = run;
    const [given, ...names] = args;
    if (given === undefined) return usageError('A signature key must be specified');
    if (names.length === 0 && !options.all && !options.buildid)
      return usageError('At least one RPM must be specified');
    const key = given.toLowerCase();
    await login();
    const rpms = options.all
      ? await rpmsSignedBy(run, key)
      : options.buildid
        ? await session.listRPMs(Number(options.buildid))
        : await namedRpms(run, names);
    const calls = session.multicall({ strict: true });
    rpms.forEach(({ id, name, version, release, arch }, i) => {
      print(`[${i + 1}/${rpms.length}] ${name}-${version}-${release}.${arch}`);
      calls.writeSignedRPM(id, key);
    });
    await calls.run();
  },
});

async function rpmsSignedBy({ session }: Run, key: string): Promise<Rpm[]> {
  const signed = await session.queryRPMSigs(named({ sigkey: key }));
  const calls = session.multicall();
  const found = signed.map(({ rpm_id: id }) => calls.getRPM(id));
  await calls.run();
  return found.flatMap((entry) => entry.result ?? []);
}

/** Returns the rpms with the given names, and those of builds with the given names. */
async function namedRpms({ session }: Run, names: readonly string[]): Promise<Rpm[]> {
  const calls = session.multicall();
  const found = names.map((name) => calls.getRPM(name, named({ strict: false })));
  await calls.run();
  const rpms = found.flatMap((entry) => entry.result ?? []);
  const others = names.filter((_, i) => !found[i]?.result);
  const builds = others.map((name) => calls.getBuild(name, named({ strict: true })));
  await calls.run();
  const lists = builds.map((entry, i) => calls.listRPMs(named({ buildID: idOf(entry, others[i] ?? '') })));
  await calls.run();
  return [...rpms, ...lists.flatMap((entry) => entry.result)];
}

function idOf(entry: { readonly result: { readonly id: number } | null }, name: string): number | null {
  try {
    return entry.result?.id ?? null;
  } catch (error) {
    if (!(error instanceof GenericError)) throw error;
    throw new GenericError(`No such rpm or build: ${name}`, { cause: error });
  }
}

export const signing = [importSig, removeSig, writeSignedRpm];
