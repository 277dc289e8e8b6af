import { machine } from 'node:os';
import path from 'node:path';
import { BuildError, BuildrootError, REPO_STATES, canonArch, nameOf } from '@koji/core';
import type { RepoInfo } from '@koji/core/api';
import { BuildRoot, requireBackend } from '@koji/builder/buildroot';
import { BaseTaskHandler } from '@koji/plugin-sdk';
import { internalDevSetup, mountsFor } from './mounts.js';

/** Options of a `runroot` task besides tag and arch. */
interface RunrootRequest {
  readonly command: string | readonly string[];
  readonly keep?: boolean;
  readonly packages?: readonly string[];
  /** Folders to mount so that they can be written to. */
  readonly mounts?: readonly string[];
  readonly repo_id?: number | null;
  readonly skip_setarch?: boolean;
  readonly weight?: number | null;
  readonly upload_logs?: readonly string[] | null;
  readonly new_chroot?: boolean | null;
}

/** Runs a command as root in a fresh buildroot of a tag; its output is the log `runroot.log` of the task. */
export class RunRootTask extends BaseTaskHandler {
  static override readonly Methods = ['runroot'];
  static override readonly _taskWeight = 2.0;

  override async checkHost(): Promise<void> {
    await requireBackend(this);
  }

  async handler(
    root: string,
    arch: string,
    {
      command,
      keep = false,
      packages = [],
      mounts = [],
      repo_id: repoId = null,
      skip_setarch: skipsArch = false,
      weight = null,
      upload_logs: logs = null,
      new_chroot: newChroot = null,
    }: RunrootRequest,
  ): Promise<string> {
    if (keep) this.logger.info('keep has no effect: kojid keeps every buildroot for a while');
    if (weight !== null) await this.setWeight(Math.max(weight, 0.5));
    const wanted = mountsFor(mounts);
    const repo = await this.repoOf(root, repoId);
    const buildroot = await BuildRoot.create(this, {
      tag: root,
      arch: arch === 'noarch' ? await this.ownArch(root) : arch,
      repoId: repo.id,
      setupDns: true,
      internalDevSetup: internalDevSetup(),
    });
    await buildroot.init();
    await buildroot.startBuilding();
    try {
      if (packages.length > 0) await buildroot.install(packages);
      for (const mount of wanted) await buildroot.mount(mount, 'do_mounts.log');
      const status = await buildroot.run(['/bin/sh', '-c', noted(command)], {
        newChroot,
        ...(skipsArch ? { machine: machine() } : {}),
      });
      for (const log of ['/builddir/runroot.log', ...(logs ?? [])]) await buildroot.uploadFile(log);
      const name = programOf(command);
      if (!status.success) throw new BuildrootError(status.describe(name));
      return `${name} completed successfully`;
    } finally {
      // The back end takes its own mounts away, not these.
      await buildroot.unmount();
      await buildroot.expire();
    }
  }

  private async repoOf(tag: string, id: number | null): Promise<Pick<RepoInfo, 'id'>> {
    if (id === null) {
      const current = await this.session.getRepo(tag);
      if (current) return current;
      const waiting = await this.subtask('waitrepo', [tag, null, null]);
      const repo = (await this.wait(waiting)).get(waiting);
      if (!repo) throw new BuildError(`No repo for tag: ${tag}`);
      return repo;
    }
    const repo = await this.session.repoInfo(id);
    if (!repo) throw new BuildError(`No such repo: ${id}`);
    if (repo.tag_name !== tag)
      throw new BuildError(`build tag (${tag}) does not match repo tag (${repo.tag_name})`);
    if (repo.state !== REPO_STATES.READY && repo.state !== REPO_STATES.EXPIRED)
      throw new BuildError(
        `repos in the ${nameOf(REPO_STATES, repo.state) ?? repo.state} state may not be used by runroot`,
      );
    return repo;
  }

  /** An arch of the tag that this host can make buildroots for. */
  private async ownArch(tag: string): Promise<string> {
    const { arches: hostArches } = await this.session.host.getHost();
    if (!hostArches) throw new BuildError('No arch list for this host');
    const { arches: tagArches } = await this.session.getBuildConfig(tag);
    if (!tagArches) throw new BuildError(`No arch list for tag: ${tag}`);
    const own = new Set(words(hostArches).map(canonArch));
    const found = words(tagArches)
      .map(canonArch)
      .find((arch) => own.has(arch));
    if (found === undefined) throw new BuildError(`host does not match tag arches: ${tag} (${tagArches})`);
    return found;
  }
}

const words = (text: string): string[] => text.split(/\s+/).filter(Boolean);

/** A shell's command that keeps what the given one says in a file of its own: the back end's log has much else. */
function noted(command: string | readonly string[]): string {
  const text = typeof command === 'string' ? command : command.map(quoted).join(' ');
  return `{ ${text}; } < /dev/null 2>&1 | /usr/bin/tee /builddir/runroot.log; exit \${PIPESTATUS[0]}`;
}

function quoted(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`;
}

/** The program that a command runs, without variables that are set before it. */
function programOf(command: string | readonly string[]): string {
  const list = typeof command === 'string' ? words(command) : command;
  const program = list.find((word) => !word.includes('='));
  return program === undefined ? '(none)' : path.basename(program);
}
