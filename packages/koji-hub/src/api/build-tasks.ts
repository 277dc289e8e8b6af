import { ActionNotAllowed, GenericError, PRIO_DEFAULT, PreBuildError } from '@koji/core';
import type { BuildTaskMethods, TaskOptions } from '@koji/core/api';
import type { Call, Handlers } from '../call.js';
import { getBuild } from '../domain/builds/builds.js';
import { assertMavenEnabled, assertWinEnabled } from '../domain/builds/types.js';
import { checkList, checkStruct, truthy } from '../domain/values/convert.js';
import { checkText } from '../domain/values/names.js';
import { plain } from '../domain/values/repr.js';
import { hasRpms } from '../domain/rpms/rpms.js';
import { getTarget } from '../domain/tagging/targets.js';
import { makeTask } from '../domain/tasks/make-task.js';

/** Handlers of the methods that make the tasks that build. */
export const buildTasks: Handlers<BuildTaskMethods> = {
  build({ src, target, opts, priority, channel }, call) {
    checkText(src);
    const options = { ...atPriority(call, priority), ...inChannel(channel) };
    return makeTask(call, 'build', [src, target, orEmpty(opts)], options);
  },

  chainBuild({ srcs, target, opts, priority, channel }, call) {
    checkList(srcs);
    const options = { ...atPriority(call, priority), ...inChannel(channel) };
    return makeTask(call, 'chainbuild', [srcs, target, orEmpty(opts)], options);
  },

  mavenBuild({ url, target, opts, priority, channel }, call) {
    assertMavenEnabled(call);
    checkText(url);
    const options = { ...atPriority(call, priority), ...inChannel(channel) };
    return makeTask(call, 'maven', [url, target, orEmpty(opts)], options);
  },

  async wrapperRPM({ build: buildInfo, url, target: targetInfo, priority, channel, opts }, call) {
    assertMavenEnabled(call);
    const { repo_id: ignored, ...rest } = structOf(opts);
    if (ignored !== undefined) call.log.warn('wrapperRPM ignores the option repo_id');
    checkText(url);
    const build = await getBuild(call, buildInfo);
    if (!truthy(rest.scratch) && !truthy(rest.create_build) && (await hasRpms(call, build.id)))
      throw new PreBuildError(`wrapper rpms for ${build.nvr} have already been built`);
    const target = await getTarget(call, targetInfo);
    const atItsTurn = atPriority(call, priority);
    checkText(channel);
    return makeTask(call, 'wrapperRPM', [url, target, build, null, rest], { ...atItsTurn, channel });
  },

  chainMaven({ builds, target, opts, priority, channel }, call) {
    assertMavenEnabled(call);
    checkStruct(builds);
    const options = { ...atPriority(call, priority), ...inChannel(channel) };
    return makeTask(call, 'chainmaven', [builds, target, opts], options);
  },

  async winBuild({ vm, url, target: targetInfo, opts, priority, channel }, call) {
    assertWinEnabled(call);
    checkText(vm);
    checkText(url);
    const target = await getTarget(call, targetInfo);
    await call.hub.policies.assert(call, 'vm', { vm_name: vm, tag: target.dest_tag });
    const options = { ...atPriority(call, priority), ...inChannel(channel) };
    return makeTask(call, 'winbuild', [vm, url, targetInfo, orEmpty(opts)], options);
  },

  buildImage({ name, version, arch, target, ksfile, img_type: type, opts, priority }, call) {
    if (type !== 'livecd' && type !== 'appliance' && type !== 'livemedia')
      throw new GenericError(`Unrecognized image type: ${plain(type)}`);
    for (const text of [name, ksfile, version]) checkText(text);
    call.session.assertPerm(type);
    // One livemedia task makes subtasks for all of its arches.
    const own = { channel: type, arch: type === 'livemedia' ? 'noarch' : (arch as string) };
    const options = { ...own, ...atPriority(call, priority) };
    return makeTask(call, type, [name, version, arch, target, ksfile, opts], options);
  },

  buildImageOz({ name, version, arches, target, inst_tree: tree, opts, priority }, call) {
    for (const text of [name, tree, version]) checkText(text);
    const options = { channel: 'image', ...atPriority(call, priority) };
    return makeTask(call, 'image', [name, version, arches, target, tree, opts], options);
  },

  buildImageIndirection({ opts, priority }, call) {
    const options = { channel: 'image', ...atPriority(call, priority) };
    checkStruct(opts);
    if (!Object.hasOwn(opts, 'scratch') && !Object.hasOwn(opts, 'indirection_template_url'))
      throw new ActionNotAllowed('Non-scratch builds must provide url for the indirection template');
    const arch = Object.hasOwn(opts, 'arch') ? { arch: opts.arch as string } : {};
    return makeTask(call, 'indirectionimage', [opts], { ...options, ...arch });
  },
};

/** Callers give the difference to the usual priority; a lower number goes first. */
function atPriority(call: Call, difference: number | null): Pick<TaskOptions, 'priority'> {
  if (!difference) return {};
  if (difference < 0 && !call.session.hasPerm('admin'))
    throw new ActionNotAllowed('only admins may create high-priority tasks');
  return { priority: PRIO_DEFAULT + difference };
}

function inChannel(channel: unknown): Pick<TaskOptions, 'channel'> {
  return truthy(channel) ? { channel: channel as string } : {};
}

const orEmpty = (opts: unknown): unknown => (truthy(opts) ? opts : {});

function structOf(opts: unknown): Record<string, unknown> {
  if (!truthy(opts)) return {};
  checkStruct(opts);
  return opts;
}
