import { ApplianceError } from '@koji/core';

/** How images of a format are made from the raw one. */
export interface ImageFormat {
  /** Whether qemu knows it, so that libvirt can use the image as it is. */
  readonly qemu: boolean;
  /** ImageFactory makes it, by its plugins for these targets; else a program of the builder does, or nothing needs to. */
  readonly targets?: readonly FactoryTarget[];
  /** Fixed parameters of ImageFactory's plugins, which no user option changes. */
  readonly fixed?: Parameters;
  /** Default parameters, which user options can change. */
  readonly initial?: Parameters;
  /** The end of the name that its images get. */
  readonly suffix: string;
}

/** A plugin of ImageFactory. */
export type FactoryTarget = 'docker' | 'hyperv' | 'rhevm' | 'vsphere' | 'OVA';

/** Parameters of a plugin of ImageFactory. */
export type Parameters = Readonly<Record<string, unknown>>;

const byQemu = (suffix: string): ImageFormat => ({ qemu: true, suffix });
const byProgram = (suffix: string): ImageFormat => ({ qemu: false, suffix });

function ova(disk: FactoryTarget, suffix: string, fixed: Parameters = {}): ImageFormat {
  return { qemu: false, targets: [disk, 'OVA'], fixed, suffix };
}

// VMware Fusion takes a disk of the ordinary kind, VirtualBox one that is made for streams.
const fusion = { vsphere_ova_format: 'vagrant-vmware-fusion', vsphere_vmdk_format: 'standard' };

/** Koji's formats, each with what makes it. */
const formats: Readonly<Record<string, ImageFormat>> = {
  docker: { qemu: false, targets: ['docker'], initial: { compress: 'xz' }, suffix: 'tar.xz' },
  'liveimg-squashfs': byProgram('liveimg.squashfs'),
  qcow: byQemu('qcow'),
  qcow2: byQemu('qcow2'),
  raw: byQemu('raw'),
  'raw-xz': byProgram('raw.xz'),
  'rhevm-ova': ova('rhevm', 'rhevm.ova'),
  'tar-gz': byProgram('tar.gz'),
  'vagrant-hyperv': ova('hyperv', 'vagrant-hyperv.box', { hyperv_ova_format: 'hyperv-vagrant' }),
  'vagrant-libvirt': ova('rhevm', 'vagrant-libvirt.box', { rhevm_ova_format: 'vagrant-libvirt' }),
  'vagrant-virtualbox': ova('vsphere', 'vagrant-virtualbox.box', {
    vsphere_ova_format: 'vagrant-virtualbox',
  }),
  'vagrant-vmware-fusion': ova('vsphere', 'vagrant-vmware-fusion.box', fusion),
  vdi: byQemu('vdi'),
  vmdk: byQemu('vmdk'),
  vpc: byQemu('vhd'),
  'vsphere-ova': ova('vsphere', 'vsphere.ova'),
};

/** Returns how a format is made; it must be one of Koji's. */
export function formatOf(name: string): ImageFormat {
  const found = Object.hasOwn(formats, name) ? formats[name] : undefined;
  if (!found) throw new ApplianceError(`Invalid format: ${name}`);
  return found;
}

/**
 * Returns the formats that an image is wanted in: the raw one when none is named, else the raw one only if it is named.
 *
 * @throws ApplianceError for one that is unknown
 */
export function wantedFormats(given: readonly string[] | null | undefined): readonly string[] {
  const names = [...new Set(given ?? [])];
  for (const name of names) formatOf(name);
  return names.length === 0 ? ['raw'] : names;
}

/** Options of the user for plugins of ImageFactory. */
export interface FactoryOptions {
  /** Values of an OVA description: `ovf_memory_mb=6144`. */
  readonly ova_option?: readonly string[] | null;
  /** Names and values. */
  readonly factory_parameter?: readonly (readonly [string, unknown])[] | null;
}

/** Returns parameters with those of the user, who can't change the `fixed` ones. */
export function mergeParameters(
  { initial = {}, fixed = {} }: { readonly initial?: Parameters; readonly fixed?: Parameters },
  { factory_parameter: given }: FactoryOptions,
): Parameters {
  return { ...initial, ...Object.fromEntries(given ?? []), ...fixed };
}

/** Returns the steps by which ImageFactory makes a format; none for one that it does not make. */
export function stepsOf(
  { targets = [], initial = {}, fixed = {} }: ImageFormat,
  options: FactoryOptions,
): readonly { readonly target: FactoryTarget; readonly parameters: Parameters }[] {
  const ova = targets.includes('OVA') ? ovaOptions(options) : {};
  const parameters = mergeParameters({ initial: { ...initial, ...ova }, fixed }, options);
  return targets.map((target) => ({ target, parameters }));
}

function ovaOptions({ ova_option: given }: FactoryOptions): Parameters {
  return Object.fromEntries(
    (given ?? []).map((option) => {
      const at = option.indexOf('=');
      if (at < 1) throw new ApplianceError(`Invalid OVA option "${option}": use NAME=VALUE`);
      return [option.slice(0, at), option.slice(at + 1)];
    }),
  );
}
