import type { Action } from './action.js';
import { cancelbuild, tagbuild, untagbuild } from './builds.js';
import { disablehost, enablehost, hostedit } from './hosts.js';
import { tagparent } from './inheritance.js';
import { notificationcreate, notificationdelete, notificationedit } from './notifications.js';
import type { ActionName } from './routes.js';
import { activesessiondelete } from './sessions.js';
import { tagcreate, tagdelete, tagedit } from './tags.js';
import { buildtargetcreate, buildtargetdelete, buildtargetedit } from './targets.js';
import { canceltask, freetask, resubmittask } from './tasks.js';
import { tokenrevoke } from './tokens.js';
import { grantpermission, revokepermission } from './users.js';

/** The page for each route that changes something. */
export const actions: Readonly<Record<ActionName, Action>> = {
  canceltask,
  freetask,
  resubmittask,
  cancelbuild,
  tagbuild,
  untagbuild,
  notificationcreate,
  notificationedit,
  notificationdelete,
  tagcreate,
  tagedit,
  tagdelete,
  tagparent,
  buildtargetcreate,
  buildtargetedit,
  buildtargetdelete,
  hostedit,
  enablehost,
  disablehost,
  grantpermission,
  revokepermission,
  activesessiondelete,
  tokenrevoke,
};
