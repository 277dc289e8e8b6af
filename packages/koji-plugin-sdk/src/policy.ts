import type { BuildRef, NameOrId, UserRef } from '@koji/core/api';
import type { TypedMarker } from './decorate.js';
import { marker } from './decorate.js';

/** A policy that the hub asks by itself, or one that hub.conf or a plugin adds. */
export type PolicyName =
  | 'build_from_repo_id'
  | 'build_from_scm'
  | 'build_from_srpm'
  | 'build_rpm'
  | 'cg_import'
  | 'channel'
  | 'dist_repo'
  | 'draft_promotion'
  | 'package_list'
  | 'priority'
  | 'scm'
  | 'sidetag'
  | 'tag'
  | 'vm'
  | 'volume'
  | (string & {});

/** The data that a policy is asked about: the fields that Koji's tests know, and any others. */
export interface PolicyFields {
  /** The tag, in policies about tags and packages. */
  readonly tag?: NameOrId | null;
  /** The tag that a build leaves. */
  readonly fromtag?: NameOrId | null;
  /** The package; text that is no package's name is one that does not exist yet. */
  readonly package?: NameOrId;
  /** The build: id, NVR or a struct. */
  readonly build?: BuildRef;
  /** The user; default: the caller. */
  readonly user_id?: UserRef | null;
  /** What is about to be done, such as `tag`, `untag` or `move`. */
  readonly operation?: string;
  /** The change of a package list, such as `add` or `block`. */
  readonly action?: string;
  /** The method of a task. */
  readonly method?: string;
  /** The target of a build. */
  readonly target?: NameOrId | null;
  /** The tag that a build is made in. */
  readonly build_tag?: NameOrId | null;
  /** The tags that a build was made in. */
  readonly build_tags?: readonly NameOrId[];
  /** Whether the build is a scratch build. */
  readonly scratch?: boolean | null;
  /** Any other field. */
  readonly [field: string]: unknown;
}

/** Decides a line of a policy: the data that the policy is asked about, and the words after the test's name. */
export type PolicyTest = (data: PolicyFields, ...words: string[]) => boolean | Promise<boolean>;

/**
 * Adds a test to the hub's policies: `is_small 10 :: allow` asks the function marked `policyTest('is_small')`.
 *
 * @example
 * export const isSmall = policyTest('is_small')((data, most) => Number(data.size) <= Number(most));
 */
export function policyTest(name: string): TypedMarker<PolicyTest> {
  return marker<PolicyTest>('policyTest', { policyTest: name });
}
