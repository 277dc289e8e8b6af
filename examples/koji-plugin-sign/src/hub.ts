import { execFile } from 'node:child_process';
import { copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { callback, context, option, pluginConfig } from '@koji/plugin-sdk';
import { GenericError, RpmHeader, joinSafe, listSignatures, messageOf } from '@koji/plugin-sdk/koji';

const options = {
  enabled: option.boolean(true, 'Whether rpms that were built for the tag are signed before their import'),
  strict_keys: option.boolean(false, 'Whether signed copies of these are written'),
  sign_tagged: option.boolean(false, 'Whether rpms that get into the tag are signed, with signed copies'),
  gpg_name: option.text(null, 'The key: its id or the name of its user'),
  gpg_pass: option.secret(option.text('', 'Its passphrase')),
  gpg_path: option.text('/etc/koji-hub/gnupg', 'The folder of GnuPG'),
  gpg_digest_algo: option.text('sha256', 'What the key signs'),
  gpgbin: option.text('/usr/bin/gpg', 'The program of GnuPG'),
  rpmsign: option.text('/usr/bin/rpmsign', 'The program that signs'),
};
const config = pluginConfig('sign', { DEFAULT: options, '*': options });
const settingsOf = (tag: string) => config['*'].get(tag) ?? config.DEFAULT;

async function inFolder<T>(work: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(path.join(tmpdir(), 'koji-sign-'));
  return work(folder).finally(() => rm(folder, { recursive: true }));
}

/** Signs files where they are. Returns the key that they are signed with then. */
async function sign(files: readonly string[], given: typeof config.DEFAULT): Promise<string> {
  const { gpg_name, gpg_pass, gpg_path: _gpg_path, gpgbin: __gpg, gpg_digest_algo: _gpg_digest_algo } = given;
  if (gpg_name === null)
    throw new GenericError('sign.conf has no gpg_name for this tag and none in [DEFAULT]');
  const run = async (folder: string): Promise<unknown> => {
    const file = path.join(folder, 'passphrase');
    await writeFile(file, gpg_pass, { mode: 0o600 });
    const _gpg_sign_cmd_extra_args = `--batch --pinentry-mode loopback --passphrase-file ${file}`;
    const macros = { _gpg_name: gpg_name, _gpg_path, __gpg, _gpg_digest_algo, _gpg_sign_cmd_extra_args };
    const defines = Object.entries(macros).flatMap(([name, value]) => ['--define', `${name} ${value}`]);
    return promisify(execFile)(given.rpmsign, ['--resign', ...defines, ...files], { timeout: 100_000 });
  };
  await inFolder(run).catch((cause: unknown) => {
    throw new GenericError(`Package sign failed!\n${messageOf(cause)}`, { cause });
  });
  const read = async (file: string) => listSignatures(await RpmHeader.read(file))[0]?.sigkey;
  const keys = await Promise.all(files.map(read));
  const unsigned = files.filter((_, i) => keys[i] === undefined);
  if (unsigned.length === 0) return keys[0] ?? '';
  throw new GenericError(`Signatures missing from the following packages: ${unsigned.join(' ')}`);
}

/** The build tag that a buildroot was made for; empty for none. */
async function buildTag(buildroot: number | null | undefined): Promise<string> {
  return (buildroot && (await context.call('getBuildroot', [buildroot]))?.tag_name) || '';
}

/** Signs the rpms of a finished build before they are imported. */
export const signImported = callback('preImport', async (_event, payload) => {
  if (payload.type !== 'build') return;
  const tag = await buildTag(Object.values(payload.brmap)[0]);
  if (!settingsOf(tag).enabled) return;
  const files = [payload.srpm, ...payload.rpms].map((file) => joinSafe(context.paths.work(), file));
  const key = await sign(files, settingsOf(tag));
  context.log.info(`${files.length} packages for ${tag} are signed with key ${key}`);
});

/** Writes signed copies, where the build tag wants them. */
export const writeCopies = callback('postRPMSign', async (_event, { rpm: { id, buildroot_id }, sigkey }) => {
  if (sigkey !== '' && settingsOf(await buildTag(buildroot_id)).strict_keys)
    await context.callUnchecked('writeSignedRPM', [id, sigkey]);
});

/** Signs copies of what gets into a tag: the hub keeps their signatures, and the rpms stay as they are. */
export const signTagged = callback('postTag', async (_event, { tag, build }) => {
  if (!settingsOf(tag.name).sign_tagged) return;
  await inFolder(async (folder) => {
    const files = new Map<string, number>();
    for (const rpm of await context.call('listBuildRPMs', [build.id])) {
      const place = context.paths.rpm(rpm);
      files.set(path.join(folder, path.basename(place)), rpm.id);
      await copyFile(`${context.paths.build(build)}/${place}`, path.join(folder, path.basename(place)));
    }
    const sigkey = await sign([...files.keys()], settingsOf(tag.name));
    for (const [file, id] of files) {
      const { signature } = await RpmHeader.read(file);
      const isNew = (await context.call('queryRPMSigs', [id, sigkey])).length === 0;
      if (isNew)
        await context.callUnchecked('addRPMSig', [id, Buffer.from(signature.bytes).toString('base64')]);
      await context.callUnchecked('writeSignedRPM', [id, sigkey]);
    }
  });
});
