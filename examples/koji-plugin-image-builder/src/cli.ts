import { readFile } from 'node:fs/promises';
import { exportCli } from '@koji/plugin-sdk';
import type { CliTools } from '@koji/plugin-sdk';
import { options as optionsSchema } from './args.js';
import type { Options } from './args.js';
import type {} from './hub.js';

const options = {
  scratch: { flags: ['--scratch'], action: 'true', help: 'Perform a scratch build' },
  arches: { flags: ['--arch'], action: 'list', help: 'Only build provided architectures' },
  failable_arches: { flags: ['--can-fail'], action: 'list', help: 'Architectures that may fail' },
  repos: {
    flags: ['--repo'],
    action: 'list',
    help: "Take packages from this repo; the build tag's by default",
  },
  ostree_parent: { flags: ['--ostree-parent'], help: 'The parent of an OSTree commit' },
  ostree_ref: { flags: ['--ostree-ref'], help: 'The ref of an OSTree commit' },
  ostree_url: { flags: ['--ostree-url'], help: 'The repo of an OSTree commit' },
  bootc_ref: { flags: ['--bootc-ref'], help: 'The container of a bootc image' },
  bootc_build_ref: { flags: ['--bootc-build-ref'], help: 'The container that builds a bootc image' },
  bootc_payload: { flags: ['--bootc-installer-payload-ref'], help: 'The container that an installer has' },
  bootc_default_fs: {
    flags: ['--bootc-default-fs'],
    help: 'The file system, where the container names none',
  },
  release: { flags: ['--release'], help: 'The release of the image' },
  distro: { flags: ['--distro'], help: 'The distribution of the image' },
  blueprint: { flags: ['--blueprint'], help: 'A JSON file that customizes the image' },
  seed: { flags: ['--seed'], action: 'int', help: 'Makes UUIDs repeatable' },
  preview: [
    { flags: ['--preview'], action: 'true', help: 'The image is a preview' },
    { flags: ['--no-preview'], action: 'false', help: 'The image is no preview' },
  ],
} as const;

/** `koji image-builder-build`: starts an image build and waits for it. */
export const handle_image_builder_build = exportCli({
  help: 'Build images through image-builder',
  group: 'build',
  usage: '[options] <target> <name> <version> <type>',
  options,
})(async (_settings, session, [target, name, version, ...types], tools) => {
  if (target === undefined || name === undefined || version === undefined || types.length === 0)
    return tools.usageError('incorrect number of arguments');
  const opts = await imageOptions(tools);
  const task = await session.imageBuilderBuild(target, [...tools.options.arches], types, name, version, opts);
  tools.print(`Created task: ${task}`);
  return tools.watchTasks([task]);
});

async function imageOptions({ options: given }: CliTools<typeof options>): Promise<Options> {
  const { scratch, repos, release, distro, seed, preview, blueprint, failable_arches } = given;
  const custom: unknown = blueprint ? JSON.parse(await readFile(blueprint, 'utf8')) : undefined;
  const all = {
    ...{ scratch, release, distro, seed, preview, repos, failable_arches },
    ostree: present({ parent: given.ostree_parent, ref: given.ostree_ref, url: given.ostree_url }),
    bootc: present({
      ref: given.bootc_ref,
      'build-ref': given.bootc_build_ref,
      'installer-payload-ref': given.bootc_payload,
      'default-fs': given.bootc_default_fs,
    }),
    blueprint: custom,
  };
  return optionsSchema.parse(present(all) ?? {});
}

/** Returns the given value; undefined if there was none. */
function present(values: object): object | undefined {
  const given = Object.entries(values).filter(
    ([, value]) => value != null && (!Array.isArray(value) || value.length > 0),
  );
  return given.length > 0 ? Object.fromEntries(given) : undefined;
}
