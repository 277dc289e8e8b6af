import { parseNVR } from '@koji/core';
import type { RepoInfo } from '@koji/core/api';
import { named } from '@koji/core/wire';
import type { BaseTaskHandler, HubSession } from '@koji/plugin-sdk';
import { resultOf } from './subtasks.js';

/** Conditions that a repo must meet. */
export interface RepoConditions {
  /** Builds that it must have, as `NAME-VERSION-RELEASE`; they need not exist yet. */
  readonly builds: readonly string[];
  /** Whether it must have everything that is in the tag now. */
  readonly latest: boolean;
}

/** Returns a ready repo of a tag that meets the conditions, or waits for one in a subtask. */
export async function repoOf(
  task: BaseTaskHandler,
  tag: number,
  { builds, latest }: RepoConditions,
): Promise<RepoInfo> {
  const { session } = task;
  const info = await session.getTag(tag, named({ strict: true }));
  const oldest = latest ? await session.tagLastChangeEvent(info.id) : null;
  let requested: number | null = null;
  if (await hasBuilds(session, info.id, { builds, event: null })) {
    const asked = await session.repo.request(
      info.id,
      named({ min_event: oldest, at_event: null, opts: null }),
    );
    const found = asked.repo;
    if (found && (await hasBuilds(session, info.id, { builds, event: found.create_event }))) return found;
    requested = asked.request?.min_event ?? null;
  }
  return resultOf(task, await task.subtask('waitrepo', [info.name, null, builds, oldest ?? requested]));
}

/**
 * Tells whether a tag has some builds, its own or inherited ones.
 *
 * @param event when; null for now
 */
export async function hasBuilds(
  session: HubSession,
  tag: number,
  { builds, event }: { readonly builds: readonly string[]; readonly event: number | null },
): Promise<boolean> {
  for (const nvr of builds) {
    const about = named({ event, inherit: true, package: parseNVR(nvr).name });
    const tagged: readonly { readonly nvr: string }[] = await session.listTagged(tag, about);
    if (!tagged.some((build) => build.nvr === nvr)) return false;
  }
  return true;
}
