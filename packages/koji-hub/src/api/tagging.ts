import type { BuildInfo, HandlerArgs, Named, TaggingMethods } from '@koji/core/api';
import type { Call, Handlers, PartReader } from '../call.js';
import { lookupName } from '../domain/values/lookup.js';
import { checkComplete, getBuild } from '../domain/builds/builds.js';
import { checkList, toInt } from '../domain/values/convert.js';
import { tagNotification } from '../domain/tasks/notifications.js';
import { plain } from '../domain/values/repr.js';
import {
  accessingUser,
  checkPackageListed,
  checkTagAccess,
  readTagAccess,
  readTaggedBuilds,
  streamTaggedBuilds,
  tagAll,
  tagBuild,
  untagBuild,
} from '../domain/tagging/tagging.js';
import { compareTags } from '../domain/tagging/tag-differences.js';
import { latestMavenArchives, readTaggedArchives } from '../domain/tagging/tagged-archives.js';
import { countTagged, readTaggedPart } from '../domain/tagging/tagged-parts.js';
import { findTag, getTag } from '../domain/tags/tags.js';
import { assertTags } from '../domain/tasks/ownership.js';
import { makeTask } from '../domain/tasks/make-task.js';
import { assertTaskHost } from '../domain/task-records/open-tasks.js';

/** Handlers of the methods that tag builds and list them. */
export const tagging: Handlers<TaggingMethods> = {
  tagBuild: ({ tag, build, force, fromtag }, call) => startTagging(call, { tag, build, force, fromtag }),

  moveBuild: ({ tag1, tag2, build, force }, call) =>
    startTagging(call, { tag: tag2, build, force, fromtag: tag1 }),

  async untagBuild({ tag, build, strict, force }, call) {
    const userId = call.session.userId;
    await allowUntag(call, tag, build, force);
    await untagBuild(call, tag, build, { strict, force });
    await tagNotification(call, { successful: true, tag: null, fromTag: tag, build, userId });
    return null;
  },

  async tagBuildBypass({ tag, build, force, notify }, call) {
    const tagId = (await getTag(call, tag)).id;
    const buildId = (await getBuild(call, build)).id;
    const data = { tag: tagId, build: buildId, fromtag: null, operation: 'tag' };
    await call.hub.policies.assert(call, 'tag', data, { force });
    await tagBuild(call, tag, build, { force });
    if (notify)
      await tagNotification(call, {
        successful: true,
        tag,
        fromTag: null,
        build,
        userId: call.session.userId,
      });
    return null;
  },

  async untagBuildBypass({ tag, build, strict, force, notify }, call) {
    await allowUntag(call, tag, build, force);
    await untagBuild(call, tag, build, { strict, force });
    if (notify)
      await tagNotification(call, {
        successful: true,
        tag: null,
        fromTag: tag,
        build,
        userId: call.session.userId,
      });
    return null;
  },

  async massTag({ tag, builds }, call) {
    // A text is a list of its characters in Koji, none of which is a build.
    const wanted: unknown = typeof builds === 'string' ? Array.from(builds) : builds;
    checkList(wanted);
    await tagAll(call, tag, wanted);
    return null;
  },

  moveAllBuilds: (wanted, call) => moveAll(call, wanted),

  async checkTagAccess({ tag_id: tag, user_id: userId }, call) {
    const user = accessingUser(call, userId === null ? null : toInt(userId));
    const { access, override, reason } = await readTagAccess(call, await getTag(call, tag), user);
    return [access, override, reason];
  },

  async 'host.tagBuild'({ task_id: taskId, tag, build: buildInfo, force, fromtag }, call) {
    const task = await assertTaskHost(call, taskId);
    const build = await getBuild(call, buildInfo);
    const found = await getTag(call, tag);
    const tagId = found.id;
    const { owner: userId } = task;
    const from = fromtag && typeof fromtag !== 'string' ? (await getTag(call, fromtag)).name : fromtag;
    const operation = from === null ? 'tag' : 'move';
    const data = { tag, build, fromtag: from, user_id: userId, operation };
    await call.hub.policies.assert(call, 'tag', data, { force });
    await checkPackageListed(call, { id: tagId, name: plain(tag) }, packageOf(build), force);
    await checkTagAccess(call, found, { userId, force });
    await assertTags(call, task, { build, tagId, fromtag: from });
    if (from) await untagBuild(call, from, build.id, { userId, force });
    await tagBuild(call, tag, build.id, { userId, force });
    return null;
  },

  async listTagged({ tag, event, strict, ...filter }, call) {
    const found = await (strict ? getTag : findTag)(call, tag, { event });
    return found ? streamTaggedBuilds(call, found.id, { ...filter, event }) : [];
  },

  async getTagDifferences({ from, to, from_event: event, to_event: toEvent, inherit }, call) {
    const [old, now] = [await getTag(call, from, { event }), await getTag(call, to, { event: toEvent })];
    return compareTags(call, { tagId: old.id, event, inherit }, { tagId: now.id, event: toEvent, inherit });
  },

  async listTaggedArchives({ tag, event, strict, ...filter }, call) {
    const found = await (strict ? getTag : findTag)(call, tag, { event });
    return found ? readTaggedArchives(call, found.id, { ...filter, event }) : [];
  },

  async getLatestMavenArchives({ tag, event, inherit }, call) {
    const { id } = await lookupName(call, 'tag', tag, { strict: true });
    return latestMavenArchives(call, id, { event, inherit });
  },
};

/** The parts of what listTagged answers, without the rest. */
export const taggedParts: PartReader<HandlerArgs<TaggingMethods['listTagged']>> = {
  async count({ tag, event, strict, ...filter }, call) {
    const found = await (strict ? getTag : findTag)(call, tag, { event });
    return found ? countTagged(call, found.id, { ...filter, event }) : 0;
  },
  async read({ tag, event, strict, ...filter }, part, call) {
    const found = await (strict ? getTag : findTag)(call, tag, { event });
    return found ? readTaggedPart(call, found.id, { ...filter, event }, part) : { total: 0, rows: [] };
  },
};

/** Checks everything that the task will check again, so that a caller hears at once what is wrong, and starts it. */
async function startTagging(
  call: Call,
  wanted: { tag: unknown; build: unknown; force: boolean; fromtag: unknown },
): Promise<number> {
  const { force, fromtag } = wanted;
  const build = await getBuild(call, wanted.build);
  const tag = await getTag(call, wanted.tag);
  const fromId = fromtag ? (await lookupName(call, 'tag', fromtag, { strict: true })).id : null;
  checkComplete(build);
  await checkTagAccess(call, tag, { force });
  if (fromId !== null) await checkTagAccess(call, await getTag(call, fromId), { force });
  await checkPackageListed(call, tag, packageOf(build), force);
  const operation = fromtag === null ? 'tag' : 'move';
  const data = { tag: tag.id, build: build.id, fromtag: fromId, operation };
  await call.hub.policies.assert(call, 'tag', data, { force });
  return makeTask(call, 'tagBuild', [tag.id, build.id, force, fromId], { priority: 10 });
}

/** Starts a task for each build of a package in a tag, oldest tagging first, so that they keep their order. */
async function moveAll(
  call: Call,
  { tag1, tag2, package: pkg, force }: { tag1: unknown; tag2: unknown; package: unknown; force: boolean },
): Promise<number[]> {
  const { id: packageId, name } = await lookupName(call, 'package', pkg, { strict: true });
  const from = await lookupName(call, 'tag', tag1, { strict: true });
  const to = await lookupName(call, 'tag', tag2, { strict: true });
  const named = { id: to.id, name: `tag ${plain(tag2)}` };
  await checkPackageListed(call, named, { id: packageId, name: plain(pkg) }, force);
  await checkTagAccess(call, await getTag(call, from.id), { force });
  await checkTagAccess(call, await getTag(call, to.id), { force });
  const builds = (await readTaggedBuilds(call, from.id, { package: name })).reverse();
  for (const build of builds) {
    const data = { tag: tag2, fromtag: tag1, operation: 'move', build: build.build_id };
    await call.hub.policies.assert(call, 'tag', data);
  }
  const tasks: number[] = [];
  for (const build of builds) {
    const step = ['tagBuild', [to.id, build.build_id, force, from.id], { priority: 15 }];
    tasks.push(await makeTask(call, 'dependantTask', [tasks.slice(-1), [step]]));
  }
  return tasks;
}

const packageOf = (build: BuildInfo): Named => ({ id: build.package_id, name: build.name });

async function allowUntag(call: Call, tag: unknown, build: unknown, force: boolean): Promise<void> {
  const fromtag = (await getTag(call, tag)).id;
  const buildId = (await getBuild(call, build)).id;
  const data = { tag: null, build: buildId, fromtag, operation: 'untag' };
  await call.hub.policies.assert(call, 'tag', data, { force });
}
