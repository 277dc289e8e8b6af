/** The links to actions on pages, for visitors who may be allowed to use them; the hub decides later. */
import { BUILD_STATES, TASK_STATES } from '@koji/core';
import type { BuildInfo, HostInfo, TagInfo, TargetInfo, TaskInfo, UserInfo } from '@koji/core/api';
import type { Login } from '../login/logins.js';
import { actionLink } from './routes.js';

/** A link to an action. */
export interface ActionLink {
  readonly href: string;
  readonly text: string;
}

/** Returns whether a visitor has a permission or is an admin. */
function has({ perms }: Login, permission: string): boolean {
  return perms.has(permission) || perms.has('admin');
}

const some = (...links: readonly (ActionLink | false)[]): readonly ActionLink[] =>
  links.filter((one) => one !== false);

/** The actions on a task. */
export function taskActions(task: TaskInfo, login: Login): readonly ActionLink[] {
  const { FREE, OPEN, ASSIGNED, CANCELED, FAILED } = TASK_STATES;
  const { id: taskID, state } = task;
  const isIn = (...states: readonly number[]): boolean => states.includes(state);
  const mayTouch = task.owner === login.user.id || has(login, 'admin');
  return some(
    mayTouch && isIn(FREE, OPEN, ASSIGNED) && { text: 'Cancel', href: actionLink('canceltask', { taskID }) },
    mayTouch &&
      task.parent === null &&
      isIn(CANCELED, FAILED) && { text: 'Resubmit', href: actionLink('resubmittask', { taskID }) },
    has(login, 'admin') && isIn(OPEN, ASSIGNED) && { text: 'Free', href: actionLink('freetask', { taskID }) },
  );
}

/** The actions on a build. */
export function buildActions(build: BuildInfo, login: Login): readonly ActionLink[] {
  const { id: buildID, state } = build;
  const isOwn = build.owner_id === login.user.id || has(login, 'admin');
  return some(
    isOwn &&
      state === BUILD_STATES.BUILDING && { text: 'Cancel', href: actionLink('cancelbuild', { buildID }) },
    state === BUILD_STATES.COMPLETE && { text: 'Tags …', href: actionLink('tagbuild', { buildID }) },
  );
}

/** The actions on a tag; none on a deleted one. */
export function tagActions(tag: TagInfo, login: Login): readonly ActionLink[] {
  const { id: tagID } = tag;
  if (!has(login, 'tag') || tag.revoke_event) return [];
  return [
    { text: 'Edit', href: actionLink('tagedit', { tagID }) },
    { text: 'Inheritance …', href: actionLink('tagparent', { tagID, action: 'add' }) },
    { text: 'Delete', href: actionLink('tagdelete', { tagID }) },
  ];
}

/** The actions on the list of tags. */
export function tagsActions(login: Login): readonly ActionLink[] {
  return some(has(login, 'tag') && { text: 'New tag', href: actionLink('tagcreate', {}) });
}

/** The actions on a build target. */
export function targetActions({ id: targetID }: TargetInfo, login: Login): readonly ActionLink[] {
  if (!has(login, 'target')) return [];
  return [
    { text: 'Edit', href: actionLink('buildtargetedit', { targetID }) },
    { text: 'Delete', href: actionLink('buildtargetdelete', { targetID }) },
  ];
}

/** The actions on the list of build targets. */
export function targetsActions(login: Login): readonly ActionLink[] {
  return some(has(login, 'target') && { text: 'New target', href: actionLink('buildtargetcreate', {}) });
}

/** The actions on a builder. */
export function hostActions({ id: hostID, enabled }: HostInfo, login: Login): readonly ActionLink[] {
  if (!has(login, 'host')) return [];
  return [
    { text: 'Edit', href: actionLink('hostedit', { hostID }) },
    enabled
      ? { text: 'Disable', href: actionLink('disablehost', { hostID }) }
      : { text: 'Enable', href: actionLink('enablehost', { hostID }) },
  ];
}

/** The actions on a user. */
export function userActions({ id: userID }: UserInfo, login: Login): readonly ActionLink[] {
  return some(
    has(login, 'admin') && { text: 'Permissions …', href: actionLink('grantpermission', { userID }) },
  );
}
