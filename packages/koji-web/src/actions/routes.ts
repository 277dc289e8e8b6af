import { id, neededText, optionalRef, ref } from '../params.js';
import type { Given, Kind, Params } from '../params.js';
import { addressOf } from '../routes.js';

const parentAction: Kind<'add' | 'edit' | 'remove'> = {
  name: 'add, edit, remove',
  required: true,
  default: 'add',
  read: (given) =>
    given === 'add' || given === 'edit' || given === 'remove'
      ? { value: given }
      : 'is none of add, edit, remove',
};

/** The parameters of every page that changes something, by its name in addresses. */
export const actionRoutes = {
  canceltask: { taskID: id },
  freetask: { taskID: id },
  resubmittask: { taskID: id },
  cancelbuild: { buildID: id },
  tagbuild: { buildID: id },
  untagbuild: { buildID: id, tagID: ref },
  notificationcreate: {},
  notificationedit: { notificationID: id },
  notificationdelete: { notificationID: id },
  tagcreate: {},
  tagedit: { tagID: ref },
  tagdelete: { tagID: ref },
  tagparent: { tagID: ref, parentID: optionalRef, action: parentAction },
  buildtargetcreate: {},
  buildtargetedit: { targetID: ref },
  buildtargetdelete: { targetID: ref },
  hostedit: { hostID: ref },
  enablehost: { hostID: ref },
  disablehost: { hostID: ref },
  grantpermission: { userID: ref },
  revokepermission: { userID: ref, permission: neededText },
  activesessiondelete: { sessionID: id },
  tokenrevoke: { tokenID: id },
} as const satisfies Readonly<Record<string, Params>>;

/** The parameters of all pages that change something, as a type. */
export type ActionRoutes = typeof actionRoutes;
/** The name of a page that changes something. */
export type ActionName = keyof ActionRoutes;

/** Returns the address of a page that changes something, relative to any other. */
export function actionLink<N extends ActionName>(name: N, given: Given<ActionRoutes[N]>): string {
  return addressOf<ActionRoutes[N]>(name, actionRoutes[name], given);
}

/** Returns whether a name is that of a page that changes something. */
export function isAction(name: string): name is ActionName {
  return Object.hasOwn(actionRoutes, name);
}
