import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { splicedRpm } from '@koji/core/rpm';
import { callback, context, option, outbox, pluginConfig, pluginLog } from '@koji/plugin-sdk';
import type { CallbackFunction, Outbox } from '@koji/plugin-sdk';

const settings = pluginConfig('rekor', {
  config: {
    public_key_path: option.text('/usr/share/koji-hub/public-keys/pub_key.gpg', 'The key of the signatures'),
    rekor_server_url: option.text('https://rekor.sigstore.dev', 'The server of the log'),
    enforce_rekor_upload: option.boolean(false, 'Whether the log decides about signatures'),
    record_log_info: option.boolean(true, 'Whether answers of the log are kept below rekor_logs'),
  },
});

/** Files: an rpm, the header that signs it, and where the log's answer is kept. */
export type Signed = Readonly<Record<'rpm' | 'header' | 'record', string>>;

/** An entry of the log, piece by piece: packages may be larger than the memory. */
async function* entryOf({ rpm, header }: Signed, publicKey: Buffer): AsyncGenerator<Buffer> {
  yield Buffer.from('{"apiVersion":"0.0.1","kind":"rpm","spec":{"package":{"content":"');
  let rest = Buffer.alloc(0);
  for await (const piece of splicedRpm(rpm, await readFile(header))) {
    const bytes = Buffer.concat([rest, piece]);
    rest = bytes.subarray(bytes.length - (bytes.length % 3));
    yield Buffer.from(bytes.toString('base64', 0, bytes.length - rest.length));
  }
  yield Buffer.from(
    `${rest.toString('base64')}"},"publicKey":{"content":"${publicKey.toString('base64')}"}}}`,
  );
}

/** Enters a signed rpm; one that is in the log already is fine. */
async function enter(signed: Signed): Promise<void> {
  const { public_key_path, rekor_server_url, record_log_info } = settings.config;
  const headers = { 'content-type': 'application/json', accept: 'application/json' };
  const body = entryOf(signed, await readFile(public_key_path));
  const sending = { body, duplex: 'half', signal: AbortSignal.timeout(100_000) } as const;
  const url = new URL('/api/v1/log/entries', rekor_server_url);
  const answer = await fetch(url, { method: 'POST', headers, ...sending });
  const text = await answer.text();
  if (answer.status !== 201 && answer.status !== 409)
    throw new Error(`the log answered ${answer.status}: ${text}`);
  pluginLog('rekor').info(`${signed.rpm} ${answer.ok ? 'is entered' : 'was in the log already'}`);
  if (!answer.ok || !record_log_info) return;
  await mkdir(path.dirname(signed.record), { recursive: true });
  await writeFile(signed.record, text);
}

/** The entry for a package whose signature has been stored. */
export const entries: Outbox<Signed> = outbox('rekor', enter, { timeLimit: 110 });

/** Has signed rpms entered. */
export const onSign: CallbackFunction<'postRPMSign'> = callback('postRPMSign', async (_event, signed) => {
  const { build, rpm, sigkey } = signed;
  if (sigkey === '' || !build) return;
  const { paths } = context;
  const [folder, file] = [paths.build(build), paths.rpm(rpm)];
  const record = `${paths.topdir}/rekor_logs/${rpm.name}/${rpm.version}/${rpm.release}/${file.slice(0, -4)}.json`;
  const files = { rpm: `${folder}/${file}`, header: `${folder}/${paths.sighdr(rpm, sigkey)}`, record };
  await (settings.config.enforce_rekor_upload ? enter(files) : entries.put(`build ${build.id}`, files));
});
