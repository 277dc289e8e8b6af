import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { BuildError, PathInfo, TASK_STATES, nameOf } from '@koji/core';
import { truthy } from '@koji/core/api';
import type { TargetInfo } from '@koji/core/api';
import { named } from '@koji/core/wire';
import { BaseTaskHandler } from '@koji/plugin-sdk';
import { beginImage, reportImage, type BegunImage } from '../../image/build.js';
import { tagInSubtask } from '../subtasks.js';
import { requireTools } from './create-image.js';
import { fetchGiven } from './fetch.js';
import { runFactory, type ExistingImage } from './factory.js';
import { checkVersion } from './image.js';

/** Options of an image that is built with the tools in another image. */
interface IndirectionOptions {
  readonly name: string;
  readonly version: string;
  readonly release?: string | null;
  readonly arch: string;
  readonly target: string | number;
  /** The script for ImageFactory's plugin with the tools: a file of the hub, or one in source control. */
  readonly indirection_template: string;
  /** An SCM URL. */
  readonly indirection_template_url?: string | null;
  /** The path of the result in the image with the tools. */
  readonly results_loc: string;
  readonly base_image_task?: number | string | null;
  readonly base_image_build?: number | string | null;
  readonly utility_image_task?: number | string | null;
  readonly utility_image_build?: number | string | null;
  readonly scratch?: unknown;
  readonly skip_tag?: unknown;
}

const log = 'oz-indirection.log';

/** Builds an image out of another one with the tools that are in a third one, and imports it. */
export class IndirectionImageTask extends BaseTaskHandler {
  static override readonly Methods = ['indirectionimage'];

  override async checkHost(): Promise<void> {
    await requireTools(this, ['ImageFactory', 'oz']);
  }

  async handler(opts: IndirectionOptions): Promise<string> {
    const target = await this.session.getBuildTarget(opts.target, named({ strict: true }));
    checkVersion(opts.version, opts.release);
    const customizations = await this.fetchTemplate(opts, target);
    const utility = await this.imageOf(opts.utility_image_build, opts.utility_image_task, opts.arch);
    const base = await this.imageOf(opts.base_image_build, opts.base_image_task, opts.arch);
    const { name, version, release = null } = opts;
    const scratch = truthy(opts.scratch);
    const build = scratch
      ? null
      : await beginImage(this, { name, version, release }, { target, options: opts });
    try {
      await this.build(opts, build, { base, utility, customizations });
    } catch (error) {
      if (build) await this.session.host.failBuild(this.id, build.id);
      throw error;
    }
    if (build && !truthy(opts.skip_tag)) await tagInSubtask(this, target.dest_tag, build.id);
    return reportImage(this, { kind: 'image', build, subtasks: [this.id] });
  }

  private async fetchTemplate(
    { indirection_template: name, indirection_template_url: url, scratch }: IndirectionOptions,
    target: TargetInfo,
  ): Promise<string> {
    const fetched = await fetchGiven(
      this,
      { name: url ? path.basename(name) : name, url, kind: 'Template' },
      {
        buildTag: target.build_tag_name,
        scratch: truthy(scratch),
        log: 'checkout.log',
        folder: path.join(this.workdir, 'template'),
      },
    );
    return readFile(path.join(fetched.folder, fetched.name), 'utf8');
  }

  private async imageOf(
    build: number | string | null | undefined,
    task: number | string | null | undefined,
    arch: string,
  ): Promise<ExistingImage> {
    return build ? this.imageOfBuild(build, arch) : this.imageOfTask(Number(task));
  }

  private async imageOfTask(id: number): Promise<ExistingImage> {
    const { state, method } = await this.session.getTaskInfo(id, named({ strict: true }));
    if (state !== TASK_STATES.CLOSED) {
      const now = (nameOf(TASK_STATES, state) ?? String(state)).toLowerCase();
      throw new BuildError(`Input task (${id}) must be in closed state - current state is (${now})`);
    }
    if (method !== 'createImage')
      throw new BuildError(`Input task method must be 'createImage' - actual method (${method})`);
    const { files = [] } = (await this.session.getTaskResult(id)) as { readonly files?: readonly string[] };
    const folder = `work/${new PathInfo('').taskrelpath(id)}`;
    const image = await this.existing(folder, [
      files.find((name) => name.endsWith('qcow2')),
      files.find((name) => /tdl.*xml/.test(name)),
    ]);
    if (image) return image;
    throw new BuildError(`Missing TDL or qcow2 image for task (${id}) - possible expired scratch build`);
  }

  private async imageOfBuild(given: number | string, arch: string): Promise<ExistingImage> {
    // The command takes an id as text.
    const build = await this.session.getBuild(/^\d+$/.test(String(given)) ? Number(given) : given);
    if (!build) throw new BuildError(`Could not find build for (${given})`);
    const archives = await this.session.listArchives(build.id);
    if (archives.length === 0)
      throw new BuildError(`Could not retrieve archives for build (${build.id}) from NVR (${given})`);
    const names = archives.map(({ filename }) => filename);
    const disk = names.find((name) => name.endsWith(`${arch}.qcow2`));
    const tdl = names.find((name) => name === `tdl-${arch}.xml`);
    const folder = new PathInfo('').imagebuild(build).replace(/^\/+/, '');
    const image = await this.existing(folder, [disk, tdl]);
    if (image) return image;
    throw new BuildError(
      `Missing TDL (${tdl ?? 'None'}) or qcow2 (${disk ?? 'None'}) image for image (${given}) - this should never happen`,
    );
  }

  /** Returns a disk image and its template; null where one of them does not exist. */
  private async existing(
    folder: string,
    names: readonly (string | undefined)[],
  ): Promise<ExistingImage | null> {
    const [data = null, template = null] = await Promise.all(
      names.map(async (name) => {
        if (name === undefined) return null;
        return this.localPath(`${folder}/${name}`).catch((error: unknown) => {
          if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
          throw error;
        });
      }),
    );
    return data === null || template === null ? null : { data, template };
  }

  private async build(
    { results_loc: place, arch }: IndirectionOptions,
    build: BegunImage | null,
    from: { readonly base: ExistingImage; readonly utility: ExistingImage; readonly customizations: string },
  ): Promise<void> {
    const results = place.startsWith('/') ? place : `/${place}`;
    const { image } = await runFactory<{ readonly image: string }>(
      this,
      { work: 'indirect', ...from, results },
      { log, describe: ({ detail }) => detail },
    );
    const name = path.posix.basename(results);
    await this.uploadFile(image, { name });
    const made = { task_id: this.id, files: [name], logs: [log], arch, rpmlist: [] };
    const { host } = this.session;
    if (build) await host.completeImageBuild(this.id, build.id, { [this.id]: made });
    else await host.moveImageBuildToScratch(this.id, { [this.id]: made });
  }
}
