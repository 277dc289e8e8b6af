import { stat } from 'node:fs/promises';
import path from 'node:path';
import { BuildError } from '@koji/core';
import type { TagInfo } from '@koji/core/api';
import type { BuildRoot, BuildRootRequest } from '../buildroot/index.js';
import { Scm, type Checkout } from '../scm/index.js';
import { settingsOf } from '../settings.js';
import { RootedTask, checkStep, warningOf, type RootedOptions } from './rooted.js';
import { checkSpec, chooseSpec } from './spec-file.js';

/** The result of a task that makes a source package; paths are below the hub's work folder. */
interface SourceResult {
  readonly srpm: string;
  readonly logs: readonly string[];
  readonly brootid: number;
  readonly source: { readonly source: string; readonly url: string };
  /** A note for users of the package, such as that its buildroot was not a clean one. */
  readonly warning?: string;
}

/** Rebuilds an uploaded source package in a buildroot, with the macros of the tag. */
export class RebuildSrpmTask extends RootedTask {
  static override readonly Methods = ['rebuildSRPM'];
  static override readonly _taskWeight = 1.0;

  /** @param srpm a path below the hub's work folder */
  async handler(
    srpm: string,
    build_tag: string | number,
    opts: RootedOptions | null = null,
  ): Promise<SourceResult> {
    const repo = await this.requestedRepo(opts ?? {});
    const tag = await this.tagOf(build_tag, repo);
    const arch = await this.noarchRoot(tag.id, repo);
    const request = { tag: tag.id, arch, repoId: repo.id, installGroup: 'srpm-build' };
    return this.inRoot(request, async (root) => {
      const file = await this.localPath(`work/${srpm}`).catch((error: unknown) => {
        if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
        throw new BuildError(`Input SRPM file missing: work/${srpm}`, { cause: error });
      });
      await root.startBuilding();
      checkStep(root, await root.rebuildSrpm(file), 'error building srpm');
      const name = await this.uploadSource(root, path.join(root.tmpDir, 'srpm'));
      return {
        srpm: `${this.getUploadDir()}/${name}`,
        logs: this.uploaded(root.logs),
        brootid: root.id,
        source: { source: name, url: name },
        ...warningOf(root),
      };
    });
  }
}

/** Checks sources out and makes a source package of them in a buildroot. */
export class BuildSrpmFromScmTask extends RootedTask {
  static override readonly Methods = ['buildSRPMFromSCM'];
  static override readonly _taskWeight = 1.0;

  async handler(
    url: string,
    build_tag: string | number,
    opts: RootedOptions | null = null,
  ): Promise<SourceResult> {
    const { scratch = null } = opts ?? {};
    const scm = Scm.parse(url, { allowPassword: settingsOf(this).allow_password_in_scm_url });
    await scm.assertAllowed(this, { scratch });
    const repo = await this.requestedRepo(opts ?? {});
    const tag = await this.tagOf(build_tag, repo);
    const arch = await this.noarchRoot(tag.id, repo);
    const request = { tag: tag.id, arch, repoId: repo.id, ...(await this.withNetwork()) };
    return this.inRoot(request, async (root) => {
      const checkout = await this.checkOut(scm, root, { tag, scratch });
      await root.startBuilding();
      await this.pack(root, checkout);
      const name = await this.uploadSource(root, checkout.folder);
      return {
        srpm: `${this.getUploadDir()}/${name}`,
        logs: this.uploaded(root.logs),
        brootid: root.id,
        source: checkout.origin,
        ...warningOf(root),
      };
    });
  }

  /** The command that fetches further sources needs the network, and maybe credentials. */
  private async withNetwork(): Promise<Pick<BuildRootRequest, 'installGroup' | 'setupDns' | 'bindOptions'>> {
    const { scm_credentials_dir: folder } = settingsOf(this);
    const plain = { installGroup: 'srpm-build', setupDns: true };
    const found = folder === null ? null : await stat(folder).catch(() => null);
    if (folder === null || !found?.isDirectory()) return plain;
    const binds = { bindOptions: { dirs: { [folder]: '/credentials' } }, internalDevSetup: true };
    return { ...plain, ...binds };
  }

  private async checkOut(
    scm: Scm,
    root: BuildRoot,
    { tag, scratch }: { readonly tag: TagInfo; readonly scratch: unknown },
  ): Promise<Checkout> {
    const folder = path.join(root.tmpDir, 'scmroot');
    const about = { buildTag: tag, scratch: scratch as boolean | null, buildroot: root };
    const checkout = await scm.checkout(this, folder, about);
    await root.giveToBuilder(folder);
    return checkout;
  }

  private async pack(root: BuildRoot, { folder, sourceCommand }: Checkout): Promise<void> {
    const within = root.pathWithin(folder);
    const layout = settingsOf(this).support_rpm_source_layout;
    const specs = layout ? await root.list(`${within}/SPECS`) : [];
    const spec = chooseSpec({ folder, names: await root.list(within), specs });
    const handle = await root.openFile(root.pathWithin(spec));
    checkSpec(await handle.readFile('utf8').finally(() => handle.close()));
    if (sourceCommand) {
      const status = await root.run(sourceCommand, { as: 'builder', cwd: within });
      checkStep(root, status, 'error retrieving sources');
    }
    const own = layout && (await isFolder(path.join(folder, 'SOURCES'), root));
    const sources = own ? path.join(folder, 'SOURCES') : folder;
    checkStep(root, await root.buildSrpm({ spec, sources }), 'error building srpm');
  }
}

async function isFolder(folder: string, root: BuildRoot): Promise<boolean> {
  const place = await root.hostPath(root.pathWithin(folder));
  const found = await stat(place).catch(() => null);
  return found?.isDirectory() ?? false;
}
