import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { RpmHeader } from '@koji/core/rpm';
import type { ClientSession } from '@koji/client';

/** A key to sign packages with. */
export interface SigningKey {
  /** As in Koji: the last eight digits in lower case. */
  readonly id: string;
  /** Where its public half is, as clients import it. */
  readonly publicFile: string;
  /** Signs a package in its place. */
  sign(file: string): void;
  /** Ends the agent that gpg has started. */
  stop(): void;
}

/** Makes a key of its own by gpg. */
export function makeKey(folder: string): SigningKey {
  const home = path.join(folder, 'gnupg');
  mkdirSync(home, { mode: 0o700 });
  const env = { ...process.env, GNUPGHOME: home };
  const gpg = (...args: string[]): string =>
    execFileSync('gpg', ['--batch', '--passphrase', '', ...args], { env, encoding: 'utf8', stdio: 'pipe' });
  gpg('--quick-gen-key', 'Signer <signer@example.com>', 'rsa2048', 'sign', 'never');
  const id = /^pub:(?:[^:]*:){3}([0-9A-F]{16}):/m.exec(gpg('--list-keys', '--with-colons'))?.[1] ?? '';
  const publicFile = path.join(folder, 'signer.asc');
  gpg('--armor', '--output', publicFile, '--export', id);
  return {
    id: id.slice(-8).toLowerCase(),
    publicFile,
    sign(file) {
      // rpm's configuration of gpg differs between distributions.
      const program = execFileSync('sh', ['-c', 'command -v gpg'], { encoding: 'utf8' }).trim();
      const defines = [`__gpg ${program}`, `_gpg_name ${id}`, `_gpg_path ${home}`];
      const args = defines.flatMap((define) => ['--define', define]);
      execFileSync('rpmsign', [...args, '--addsign', file], { env, stdio: 'pipe' });
    },
    stop: () => void execFileSync('gpgconf', ['--kill', 'all'], { env }),
  };
}

/** Adds the signature of a signed copy to an rpm of a hub. */
export async function addSignature(session: ClientSession, nvra: string, file: string): Promise<void> {
  const { signature } = await RpmHeader.read(file);
  await session.addRPMSig(nvra, signature.bytes.toString('base64'));
}
