import { lstat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { ApplianceError, BuildError, PathInfo } from '@koji/core';
import { truthy } from '@koji/core/api';
import type { BuildrootRpmRef, RepoInfo, TargetInfo } from '@koji/core/api';
import { BaseTaskHandler, RefuseTask } from '@koji/plugin-sdk';
import { withOrigins } from '../../buildroot/installed.js';
import { settingsOf } from '../../settings.js';
import { convertImage, qemuLog, step } from './convert.js';
import { fetchGiven, type Fetched } from './fetch.js';
import { runFactory, type BuiltByFactory } from './factory.js';
import { formatOf, mergeParameters, stepsOf, wantedFormats, type FactoryOptions } from './formats.js';
import { readKickstart, type KickstartRepo } from './kickstart.js';
import { lacksTools, type ImageTool } from './python.js';
import { parseRpmLines } from './rpm-lines.js';
import { makeTemplate } from './template.js';

/** Options of an image that oz installs, as clients give them. */
export interface OzOptions extends FactoryOptions {
  readonly kickstart?: string | null;
  readonly ksurl?: string | null;
  readonly ksversion?: string | null;
  readonly distro?: string | null;
  readonly disk_size?: unknown;
  readonly format?: readonly string[] | null;
  /** URLs of repos; `$arch` stands for the architecture. */
  readonly repo?: readonly string[] | null;
  readonly noverifyssl?: unknown;
  readonly scratch?: unknown;
}

/** A task's report to the hub about its image. */
interface ImageData {
  readonly arch: string;
  readonly task_id: number;
  readonly logs: readonly string[];
  readonly name: string;
  readonly version: string;
  readonly release: string;
  readonly rpmlist: readonly BuildrootRpmRef[];
  readonly files: readonly string[];
}

/** The sources of an image. */
interface Request {
  readonly arch: string;
  readonly target: TargetInfo;
  readonly repo: RepoInfo;
  readonly tree: string;
  readonly options: OzOptions;
  /** `NAME-VERSION-RELEASE.ARCH` */
  readonly imageName: string;
  readonly formats: readonly string[];
}

/** The tools for images that oz installs. */
export const ozTools: readonly ImageTool[] = ['ImageFactory', 'oz', 'pykickstart'];

/** Refuses a task where a tool for images is missing. */
export async function requireTools(task: BaseTaskHandler, tools: readonly ImageTool[]): Promise<void> {
  const lacking = await lacksTools(settingsOf(task), tools);
  if (lacking !== null) throw new RefuseTask(`${task.method} needs ${lacking}`);
}

/** Installs a system into an image of one architecture with oz and makes other formats of the image. */
export class CreateImageTask extends BaseTaskHandler {
  static override readonly Methods = ['createImage'];
  static override readonly _taskWeight = 2.0;

  override async checkHost(): Promise<void> {
    await requireTools(this, ozTools);
  }

  // eslint-disable-next-line max-params -- the order of a task's arguments is Koji's
  async handler(
    name: string,
    version: string,
    release: string,
    arch: string,
    target_info: TargetInfo,
    build_tag: string | number,
    repo_info: RepoInfo,
    inst_tree: string,
    opts: OzOptions | null = null,
  ): Promise<ImageData> {
    this.logger.debug(`image of the build tag ${build_tag}`);
    const options = opts ?? {};
    const imageName = `${name}-${version}-${release}.${arch}`;
    if (imageName.includes('/')) throw new BuildError(`an image can't have the name ${imageName}`);
    const formats = wantedFormats(options.format);
    const request = {
      arch,
      target: target_info,
      repo: repo_info,
      tree: inst_tree,
      options,
      imageName,
      formats,
    };
    const kickstart = await this.prepareKickstart(request);
    const tdl = `tdl-${arch}.xml`;
    const template = makeTemplate({
      ...{ name: imageName, distro: options.distro, arch, tree: inst_tree },
      diskSize: options.disk_size,
    });
    await this.uploadText(tdl, template);
    const log = `oz-${arch}.log`;
    const made = await this.install(request, { template, kickstart: kickstart.text, log });
    const rpmlist = truthy(options.scratch) ? [] : await this.rpmsOf(made, request);
    const files = [tdl, ...kickstart.files, ...(await this.handIn(request, made))];
    return { arch, task_id: this.id, logs: [log], name, version, release, rpmlist, files };
  }

  /** Makes the kickstart file name repo and install tree, and uploads it as it was given and as it is used. */
  private async prepareKickstart(
    request: Request,
  ): Promise<{ readonly text: string; readonly files: readonly string[] }> {
    const { arch, target, tree, options } = request;
    const given = await this.fetchKickstart(request);
    const { text } = await readKickstart(this, given, {
      version: options.ksversion || null,
      repos: this.reposOf(request),
      url: tree,
      noverifyssl: this.skipsCertificates(options),
    });
    const name = `koji-${target.build_tag_name}-${this.id}-base.ks`;
    await writeFile(path.join(this.workdir, name), text);
    await this.uploadFile(path.join(this.workdir, name));
    this.logger.info(`kickstart file for ${arch}: ${name}`);
    return { text, files: [path.basename(given.name), name] };
  }

  private fetchKickstart({ arch, target, options }: Request): Promise<Fetched> {
    const { kickstart, ksurl } = options;
    if (!kickstart) throw new BuildError('No kickstart file was given: use --kickstart');
    // In source control it is at the top of what was checked out, as in Koji.
    const name = ksurl ? path.basename(kickstart) : kickstart;
    return fetchGiven(
      this,
      { name, url: ksurl, kind: 'Kickstart' },
      {
        buildTag: target.build_tag_name,
        scratch: truthy(options.scratch),
        log: `checkout-${arch}.log`,
        folder: path.join(this.workdir, 'kickstart'),
      },
    );
  }

  private skipsCertificates({ noverifyssl }: OzOptions): boolean {
    if (truthy(noverifyssl) && !settingsOf(this).allow_noverifyssl)
      throw new BuildError('noverifyssl option is not enabled');
    return truthy(noverifyssl);
  }

  private reposOf({ arch, target, repo, options }: Request): KickstartRepo[] {
    const given = [...new Set(options.repo ?? [])].map((url) => url.replaceAll('$arch', arch));
    const { topurl, topdir } = settingsOf(this);
    const [top = topdir] = topurl?.split(/\s+/).filter(Boolean) ?? [];
    const own = `${new PathInfo(top).repo(repo.id, target.build_tag_name)}/${arch}`;
    const urls = given.length > 0 ? given : [own];
    return urls.map((baseurl, i) => ({ name: `koji-override-${i}`, baseurl }));
  }

  /** Has ImageFactory make the raw image and the formats that it has plugins for. */
  private install(
    { formats, imageName, arch, options }: Request,
    {
      template,
      kickstart,
      log,
    }: { readonly template: string; readonly kickstart: string; readonly log: string },
  ): Promise<BuiltByFactory> {
    const fixed = { install_script: kickstart };
    const parameters = mergeParameters({ initial: { offline_icicle: true }, fixed }, options);
    const targets = formats
      .map((format) => ({ format, steps: stepsOf(formatOf(format), options) }))
      .filter(({ steps }) => steps.length > 0);
    const domains = formats
      .filter((format) => format !== 'docker')
      .map((format) => ({
        format,
        name: imageName,
        image: `${imageName}.${format}`,
        warning: formatOf(format).qemu ? null : notForQemu(format),
        file: path.join(this.workdir, domainOf(format, arch)),
      }));
    const qcow2 = formats.includes('qcow2') ? this.place(`${imageName}.qcow2`) : null;
    return runFactory(
      this,
      {
        ...{ work: 'build', base: { template, parameters }, targets, domains, qcow2 },
        rpms: !truthy(options.scratch),
      },
      { log, describe: ({ error }) => (error.includes('No disk activity') ? interactive : error) },
    );
  }

  private place(name: string): string {
    return path.join(this.workdir, name);
  }

  private rpmsOf({ rpms }: BuiltByFactory, { repo, arch }: Request): Promise<BuildrootRpmRef[]> {
    return withOrigins(this, parseRpmLines(rpms), { repo, arch });
  }

  /** Makes the formats that are left, and uploads all that were asked for; returns the names. */
  private async handIn(request: Request, made: BuiltByFactory): Promise<string[]> {
    const { arch, formats, imageName } = request;
    const files: string[] = [];
    for (const format of formats) {
      const image = made.images[format] ?? (await this.convert(request, made, format));
      const stat = await lstat(image).catch(() => null);
      if (!stat?.isFile() || stat.size === 0)
        throw new ApplianceError(`The image of the format ${format} is missing or empty`);
      if (format !== 'docker') {
        await this.uploadFile(this.place(domainOf(format, arch)));
        files.push(domainOf(format, arch));
      }
      const name = `${imageName}.${formatOf(format).suffix}`;
      await this.uploadFile(image, { name });
      files.push(name);
    }
    return files;
  }

  private async convert(
    { arch, imageName }: Request,
    { images, qcow2 }: BuiltByFactory,
    format: string,
  ): Promise<string> {
    const target = this.place(imageName);
    if (format !== 'qcow2') return convertImage(this, { raw: images['raw'] ?? '', format, arch, target });
    await step(this, qcow2 ?? [], qemuLog(format, arch));
    return `${target}.qcow2`;
  }
}

const interactive =
  'Automated install failed or prompted for input. ' +
  'See the screenshot in the task results for more information';

function notForQemu(format: string): string {
  return (
    `${format} is not qemu-supported format, you need to convert image before use ` +
    'and update driver+source accordingly.'
  );
}

function domainOf(format: string, arch: string): string {
  return `libvirt-${format}-${arch}.xml`;
}
