import { readFile, readdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { ApplianceError } from '@koji/core';
import type { BaseTaskHandler } from '@koji/plugin-sdk';
import { programFile } from '../../programs/index.js';
import { settingsOf } from '../../settings.js';
import type { Parameters } from './formats.js';

/** An image that ImageFactory is to build, and what it makes of it. */
export interface FactoryBuild {
  readonly work: 'build';
  readonly base: { readonly template: string; readonly parameters: Parameters };
  /** The formats that its plugins make, each by steps. */
  readonly targets: readonly {
    readonly format: string;
    readonly steps: readonly { readonly target: string; readonly parameters: Parameters }[];
  }[];
  /** Definitions for libvirt to write. */
  readonly domains: readonly {
    readonly format: string;
    readonly name: string;
    /** The image that it names. */
    readonly image: string;
    readonly warning: string | null;
    /** Where it is written. */
    readonly file: string;
  }[];
  /** Destination of an image in the format qcow2; null for no such image. */
  readonly qcow2: string | null;
  /** Whether the rpms of the image are listed. */
  readonly rpms: boolean;
}

/** Results of ImageFactory; paths of the builder. */
export interface BuiltByFactory {
  /** By format. */
  readonly images: Readonly<Record<string, string>>;
  /** Lines about the rpms in the image. */
  readonly rpms: readonly string[];
  /** The command that makes an image of the format qcow2 that old versions of qemu can read, too. */
  readonly qcow2: readonly string[] | null;
}

/** An image that ImageFactory is to build with the tools that are in another image. */
export interface FactoryIndirection {
  readonly work: 'indirect';
  readonly base: ExistingImage;
  readonly utility: ExistingImage;
  /** Actions with the tools, in the format of ImageFactory's plugin. */
  readonly customizations: string;
  /** The path of the result in the image with the tools. */
  readonly results: string;
}

/** An image that was built before; paths of the builder. */
export interface ExistingImage {
  readonly data: string;
  readonly template: string;
}

/** ImageFactory's report about an image that failed. */
interface Failure {
  readonly status: string;
  readonly error: string;
  readonly detail: string;
}

type Answer<T> = T | { readonly failed: Failure } | { readonly broken: string };

/**
 * Runs ImageFactory in a separate process; its log becomes a log of the task.
 *
 * @param describe returns the message about an image that failed, for example its `error`
 * @throws ApplianceError when it fails
 */
export async function runFactory<T extends BuiltByFactory | { readonly image: string }>(
  task: BaseTaskHandler,
  work: FactoryBuild | FactoryIndirection,
  { log, describe }: { readonly log: string; readonly describe: (failure: Failure) => string },
): Promise<T> {
  const at = (name: string): string => path.join(task.workdir, name);
  const request = { ...work, task: task.id, config: configOf(task), result: at('imagefactory-answer.json') };
  await writeFile(at('imagefactory.json'), JSON.stringify(request));
  const program = [settingsOf(task).image_python, '-IB', programFile('imagefactory')];
  const status = await task.logOutput([...program, at('imagefactory.json')], log, { cwd: task.workdir });
  const text = await readFile(request.result, 'utf8').catch(() => null);
  if (!status.success || text === null)
    throw new ApplianceError(`${status.describe('ImageFactory')}; see ${log} for more information`);
  const answer = JSON.parse(text) as Answer<T>;
  if ('broken' in answer)
    throw new ApplianceError(`ImageFactory failed: ${answer.broken}; see ${log} for more information`);
  if (!('failed' in answer)) return answer;
  await uploadScreenshot(task);
  throw new ApplianceError(`Image status is ${answer.failed.status}: ${describe(answer.failed)}`);
}

/** Returns ImageFactory's configuration: all that it makes or keeps is in the folder of the task. */
function configOf(task: BaseTaskHandler): Readonly<Record<string, unknown>> {
  const { imagefactory_plugins: plugins, oz_install_timeout: timeout } = settingsOf(task);
  const at = (name: string): string => path.join(task.workdir, name);
  return {
    oz_data_dir: at('oz_data'),
    oz_screenshot_dir: screenshots(task),
    imgdir: at('scratch_images'),
    tmpdir: at('oz-tmp'),
    verbose: true,
    timeout: timeout || null,
    output: 'log',
    raw: false,
    debug: true,
    image_manager: 'file',
    plugins,
    rhevm_image_format: 'qcow2',
    tdl_require_root_pw: false,
    image_manager_args: { storage_path: at('output_image') },
  };
}

function screenshots({ workdir }: BaseTaskHandler): string {
  return path.join(workdir, 'oz_screenshots');
}

/** Uploads the picture that was taken of an installation that failed, if there is one. */
async function uploadScreenshot(task: BaseTaskHandler): Promise<void> {
  const names = await readdir(screenshots(task)).catch((): string[] => []);
  const found = names.find((name) => name.endsWith('.png')) ?? names.find((name) => name.endsWith('.ppm'));
  if (found === undefined) return;
  await task.uploadFile(path.join(screenshots(task), found), { name: `screenshot${path.extname(found)}` });
}
