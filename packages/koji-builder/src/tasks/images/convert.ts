import { link, mkdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { ApplianceError } from '@koji/core';
import type { BaseTaskHandler } from '@koji/plugin-sdk';
import { settingsOf } from '../../settings.js';

/** A raw image to convert. */
export interface Conversion {
  /** The raw image. */
  readonly raw: string;
  readonly format: string;
  readonly arch: string;
  /** The new image without the end of its name, in a folder of the task. */
  readonly target: string;
}

/** Makes an image of another format with programs of the builder; returns where it is. */
export async function convertImage(task: BaseTaskHandler, asked: Conversion): Promise<string> {
  if (asked.format === 'raw-xz') return compress(task, asked);
  if (asked.format === 'tar-gz') return pack(task, asked);
  if (asked.format === 'liveimg-squashfs') return squash(task, asked);
  const { raw, format, arch, target } = asked;
  const image = `${target}.${format === 'vpc' ? 'vhd' : format}`;
  const packed = format === 'qcow' ? ['-c'] : [];
  const command = ['qemu-img', 'convert', ...packed, '-f', 'raw', '-O', format, raw, image];
  await step(task, command, qemuLog(format, arch));
  return image;
}

/** The log of qemu-img. */
export function qemuLog(format: string, arch: string): string {
  return `qemu-img-${format}-${arch}.log`;
}

/**
 * Runs a program that makes an image.
 *
 * @throws ApplianceError when it fails
 */
export async function step(
  task: BaseTaskHandler,
  command: readonly string[],
  log: string,
  cwd = task.workdir,
): Promise<void> {
  const status = await task.logOutput(command, log, { cwd });
  if (!status.success)
    throw new ApplianceError(`${status.describe(command[0] ?? '')}; see ${log} for more information`);
}

async function compress(task: BaseTaskHandler, { raw, arch, target }: Conversion): Promise<string> {
  const options = settingsOf(task).xz_options.split(/\s+/).filter(Boolean);
  const copy = `${target}.raw`;
  await step(task, ['cp', raw, copy], `xz-cp-raw-xz-${arch}.log`);
  await step(task, ['xz', ...options, copy], `xz-raw-xz-${arch}.log`);
  return `${copy}.xz`;
}

/** Packs the image as clouds take it: its name in the archive must be `disk.raw`. */
async function pack(task: BaseTaskHandler, { raw, arch, target }: Conversion): Promise<string> {
  const folder = path.dirname(raw);
  const named = path.join(folder, 'disk.raw');
  await link(raw, named);
  await step(task, ['tar', '-Sczvf', `${target}.tar.gz`, 'disk.raw'], `tar-gz-${arch}.log`, folder);
  await rm(named);
  return `${target}.tar.gz`;
}

/** Makes what dracut boots and anaconda installs: the file system of the image without its table of partitions. */
async function squash(task: BaseTaskHandler, { raw, arch, target }: Conversion): Promise<string> {
  const folder = path.join(task.workdir, 'squashfs-root');
  const system = path.join(folder, 'LiveOS/rootfs.img');
  await mkdir(path.dirname(system), { recursive: true });
  const copy = ['dd', 'conv=sparse', 'bs=1M', 'skip=1', `if=${raw}`, `of=${system}`];
  await step(task, copy, `squashfs-dd-liveimg-squashfs-${arch}.log`);
  const image = `${target}.squashfs`;
  const words = ['mksquashfs', folder, image, '-comp', 'xz', '-noappend'];
  await step(task, words, `squashfs-mksquashfs-liveimg-squashfs-${arch}.log`);
  return image;
}
