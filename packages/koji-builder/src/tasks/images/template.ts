import { BuildError } from '@koji/core';

/** The system to install with oz, and its source. */
export interface Installation {
  /** The name of the image. */
  readonly name: string;
  /** `Fedora-40`, `RHEL-7.9`, `CentOS-7.9` or `SL-6.4`. */
  readonly distro: unknown;
  readonly arch: string;
  /** The URL of the install tree. */
  readonly tree: string;
  /** Gigabytes of the disk. */
  readonly diskSize: unknown;
}

const arm32 = ['armhfp', 'armv7hnl', 'armv7hl'];

// The fields of BuildrootRpm: what rpmsOf reads.
const query =
  "rpm -qa --qf '%{NAME},%{VERSION},%{RELEASE},%{ARCH},%{EPOCH},%{SIZE},%{SIGMD5},%{BUILDTIME}\\n'";

/**
 * Returns the template (TDL) for ImageFactory. It names no packages, since the kickstart file does: with packages here the image
 * would be booted.
 */
export function makeTemplate({ name, distro, arch, tree, diskSize }: Installation): string {
  const [system, version] = parseDistro(distro);
  return `<template>
    <name>${escaped(name)}</name>
    <os>
        <name>${escaped(system)}</name>
        <version>${escaped(version)}</version>
        <arch>${escaped(arm32.includes(arch) ? 'armv7l' : arch)}</arch>
        <install type='url'>
            <url>${escaped(tree)}</url>
        </install>
        <icicle>
            <extra_command>${query}</extra_command>
        </icicle>
    </os>
    <description>${escaped(name)} OS</description>
    <disk>
        <size>${escaped(String(diskSize))}</size>
    </disk>
</template>
`;
}

/**
 * Returns the name and the version of a distribution, as oz knows them.
 *
 * @throws BuildError for one that has no such form
 */
export function parseDistro(distro: unknown): readonly [string, string] {
  const text = String(distro);
  const separator = text.startsWith('Fedora') ? '-' : /^(RHEL|CentOS|SL)/.test(text) ? '.' : '';
  const [system, version, ...more] = separator === '' ? [] : text.split(separator);
  if (system === undefined || version === undefined || more.length > 0)
    throw new BuildError(`Unknown or supported distro given: ${text}`);
  return [system, system === 'RHEL-5' ? `U${version}` : version];
}

const entities: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };

function escaped(text: string): string {
  return text.replace(/[&<>"]/g, (sign) => entities[sign] ?? sign);
}
