/**
 * Decides which repos are broken, expire or go, and which folders do, by the rules of kojira. Pure: lifetimes.ts and
 * folders.ts read what this works on and carry out what it says.
 */
import { REPO_STATES, TASK_STATES } from '@koji/core';

/** A repo that is not deleted. Times are epoch seconds, as all times here. */
export interface PlanRepo {
  readonly id: number;
  readonly tagId: number;
  readonly dist: boolean;
  /** One of `RepoState`. */
  readonly state: number;
  readonly created: number | null;
  /** When it got its state. */
  readonly changed: number;
  /** Whether its tag is not known to have changed since. */
  readonly current: boolean;
  /** Whether it has options that its tag does not ask for; a repo to distribute has none. */
  readonly custom: boolean;
  /** Whether no newer repo of its kind and tag is ready. */
  readonly latest: boolean;
  /** One of `TaskState`. */
  readonly taskState: number | null;
}

/** The lifetimes, in seconds. */
export interface Lifetimes {
  readonly RepoLifetime: number;
  readonly DistRepoLifetime: number;
  readonly ExpiredRepoLifetime: number;
  readonly RepoInitTimeout: number;
}

/** Input of decisions about repos. */
export interface Situation {
  readonly repos: readonly PlanRepo[];
  /** The tags that a target builds from. */
  readonly buildTags: ReadonlySet<number>;
  readonly options: Lifetimes;
  readonly now: number;
}

/** Planned actions for repos. */
export interface Plan {
  /** Repos that will never be ready, and why. */
  readonly broken: readonly { readonly id: number; readonly reason: string }[];
  readonly expired: readonly number[];
  /** Repos that go unless a buildroot still refers to them. */
  readonly deleted: readonly number[];
}

/** Decides about repos; the same situation always gives the same plan. */
export function plan(situation: Situation): Plan {
  const { repos } = situation;
  const inState = (...states: number[]): PlanRepo[] => repos.filter(({ state }) => states.includes(state));
  const ids = (found: readonly PlanRepo[]): number[] => found.map(({ id }) => id);
  return {
    broken: inState(REPO_STATES.INIT).flatMap((repo) => {
      const reason = flawOf(repo, situation);
      return reason === null ? [] : [{ id: repo.id, reason }];
    }),
    expired: ids(inState(REPO_STATES.READY).filter((repo) => expires(repo, situation))),
    deleted: ids(
      inState(REPO_STATES.EXPIRED, REPO_STATES.PROBLEM).filter(
        ({ changed }) => situation.now - changed >= situation.options.ExpiredRepoLifetime,
      ),
    ),
  };
}

function flawOf({ created, taskState }: PlanRepo, { options, now }: Situation): string | null {
  if (created === null) return 'it has no time of creation';
  if (now - created > options.RepoInitTimeout) return 'it did not get ready in time';
  if (taskState === TASK_STATES.CANCELED) return 'its task was canceled';
  return taskState === TASK_STATES.FAILED ? 'its task failed' : null;
}

function expires(repo: PlanRepo, { buildTags, options, now }: Situation): boolean {
  if (repo.current && !repo.custom) return false;
  const lifetime = repo.dist ? options.DistRepoLifetime : options.RepoLifetime;
  if (now - repo.changed <= lifetime) return false;
  if (repo.dist) return !repo.latest;
  return repo.custom || !repo.latest || !buildTags.has(repo.tagId);
}

/** A numbered folder in a tag's folder of repos. */
export interface PlanFolder {
  /** The tag by which its folder is named. */
  readonly tagName: string;
  readonly id: number;
  /** When it was changed, in epoch seconds. */
  readonly changed: number;
  /** Whether the link `latest` leads to it. */
  readonly isLatest: boolean;
  /** The tag in its repo.json; null if there is none. */
  readonly describedTagId: number | null;
}

/** The hub's data about a repo with a folder. */
export interface KnownRepo {
  readonly tagId: number;
  readonly tagName: string;
  /** One of `RepoState`. */
  readonly state: number;
  readonly changed: number | null;
}

/** How folders are judged. */
export interface FolderRules {
  /** Whether the hub's not knowing a repo is a reason to remove its folder. */
  readonly removesStrays: boolean;
  readonly ExpiredRepoLifetime: number;
  readonly now: number;
}

/** Decision about a folder, with the reason. */
export interface FolderVerdict {
  readonly action: 'keep' | 'remove' | 'warn';
  readonly reason: string;
}

const keep: FolderVerdict = { action: 'keep', reason: '' };

/** Decides about a folder. */
export function judgeFolder(
  folder: PlanFolder,
  repo: KnownRepo | null,
  { removesStrays, ExpiredRepoLifetime, now }: FolderRules,
): FolderVerdict {
  if (folder.isLatest) return keep;
  const isOld = (since: number): boolean => now - since > ExpiredRepoLifetime;
  if (repo === null)
    return removesStrays && isOld(folder.changed) ? { action: 'remove', reason: 'no such repo' } : keep;
  if (repo.state !== REPO_STATES.DELETED) return keep;
  if (repo.tagName !== folder.tagName && folder.describedTagId !== repo.tagId)
    return { action: 'warn', reason: `repo ${folder.id} is of tag ${repo.tagName}` };
  return isOld(Math.max(repo.changed ?? 0, folder.changed))
    ? { action: 'remove', reason: 'the repo is deleted' }
    : keep;
}
