import { RpmHeader, checkRpmDigests, listSignatures } from '@koji/plugin-sdk/koji';
import type { DigestCheck, RpmSignature } from '@koji/plugin-sdk/koji';

/** Findings about one RPM. */
export interface RpmReport {
  /** `name-version-release.arch`. */
  readonly nvra: string;
  /** Whether everything holds that the package says about its own bytes. */
  readonly ok: boolean;
  readonly digests: readonly DigestCheck[];
  /** The signers are known; verifying the signatures needs the key. */
  readonly signatures: readonly RpmSignature[];
}

/**
 * Checks an RPM file.
 *
 * @throws RpmError if it is not an RPM
 */
export async function checkRpm(file: string): Promise<RpmReport> {
  const header = await RpmHeader.read(file);
  const { name, version, release, arch } = header.info();
  const digests = await checkRpmDigests(file);
  return {
    nvra: `${name}-${version}-${release}.${arch}`,
    // A package that states nothing about itself is not right, it is unknown.
    ok: digests.length > 0 && digests.every((digest) => digest.ok),
    digests,
    signatures: listSignatures(header),
  };
}

/** A report as people read it. */
export function textOf({ nvra, ok, digests, signatures }: RpmReport): string {
  const digestLines = digests.map(
    ({ tag, expected, actual, ok: holds }) =>
      `  ${tag}: ${holds ? 'ok' : `BAD, expected ${expected}, is ${actual}`}`,
  );
  const signatureLines = signatures.map(
    ({ tag, sigkey, publicKeyAlgorithm, hashAlgorithm }) =>
      `  ${tag}: key ${sigkey}, ${publicKeyAlgorithm}/${hashAlgorithm}`,
  );
  return [
    `${nvra}: ${ok ? 'ok' : 'BAD'}`,
    'digests:',
    ...(digestLines.length > 0 ? digestLines : ['  none']),
    'signatures:',
    ...(signatureLines.length > 0 ? signatureLines : ['  none']),
    '',
  ].join('\n');
}
