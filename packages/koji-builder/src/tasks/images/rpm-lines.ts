import { ApplianceError } from '@koji/core';
import type { InstalledRpm } from '../../buildroot/index.js';

/** Packages that are not files of a repo. */
const unlisted = ['buildsys-build', 'gpg-pubkey'];

/**
 * Reads the lines about rpms that the template of an image asks for.
 *
 * @throws ApplianceError for a line of another form
 */
export function parseRpmLines(lines: readonly string[]): InstalledRpm[] {
  return lines.map(parseLine).filter(({ name }) => !unlisted.includes(name));
}

function parseLine(line: string): InstalledRpm {
  const [name = '', version = '', release = '', arch = '', epoch = '', size, payloadhash = '', buildtime] =
    line.trim().split(',');
  const rpm = {
    ...{ name, version, release, arch, payloadhash },
    epoch: epoch === '(none)' ? null : Number(epoch),
    size: Number(size),
    buildtime: Number(buildtime),
  };
  if (name === '' || ![rpm.epoch ?? 0, rpm.size, rpm.buildtime].every(Number.isInteger))
    throw new ApplianceError(`oz lists an rpm of the image in an unknown form: "${line}"`);
  return rpm;
}
