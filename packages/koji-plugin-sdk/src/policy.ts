import type { BuildRef, NameOrId, UserRef } from '@koji/core/api';
import type { TypedMarker } from './decorate.js';
import { marker } from './decorate.js';

/** The name of a policy that the hub uses, or that hub.conf or a plugin adds. */
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

/** The data of a policy check: the fields that Koji's tests use, and any other fields. */
export interface PolicyFields {
  /** The tag, in policies about tags and packages. */
  readonly tag?: NameOrId | null;
  /** The tag that a build is removed from. */
  readonly fromtag?: NameOrId | null;
  /** The package; a text that is not the name of a package means a package that does not exist yet. */
  readonly package?: NameOrId;
  /** The build: id, NVR or a struct. */
  readonly build?: BuildRef;
  /** The user; default: the caller. */
  readonly user_id?: UserRef | null;
  /** The requested operation, such as `tag`, `untag` or `move`. */
  readonly operation?: string;
  /** The change of a package list, such as `add` or `block`. */
  readonly action?: string;
  /** The method of a task. */
  readonly method?: string;
  /** The target of a build. */
  readonly target?: NameOrId | null;
  /** The tag in which a build is made. */
  readonly build_tag?: NameOrId | null;
  /** The tags in which a build was made. */
  readonly build_tags?: readonly NameOrId[];
  /** Whether the build is a scratch build. */
  readonly scratch?: boolean | null;
  /** Any other field. */
  readonly [field: string]: unknown;
}

/** Evaluates a policy test for the data of the check and the words after the test's name. */
export type PolicyTest = (data: PolicyFields, ...words: string[]) => boolean | Promise<boolean>;

/**
 * Adds a test to the hub's policies: `is_small 10 :: allow` calls the function marked with `policyTest('is_small')`.
 *
 * @example
 * export const isSmall = policyTest('is_small')((data, most) => Number(data.size) <= Number(most));
 */
export function policyTest(name: string): TypedMarker<PolicyTest> {
  return marker<PolicyTest>('policyTest', { policyTest: name });
}
