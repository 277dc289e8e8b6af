import { any, arg, bool, dict, list, method, nullable, shape, str } from '@koji/core/api';
import type { Methods, NameOrId, Named, QueryOpts, RepoRequest, UserRef } from '@koji/core/api';

/** A side tag with its target, as returned by createSideTag. */
export interface NewSideTag extends Named {
  readonly task_id: null;
  /** The request for its first repo, if the configuration asks for one. */
  readonly request: RepoRequest | null;
}

/** A side tag as returned by listSideTags. */
export interface SideTag extends Named {
  /** The owner's id, as text. */
  readonly user_id: string;
  readonly user_name: string | null;
}

const nothing = shape<null>('null');
const nameOrId = any<NameOrId>('str | int | dict');

/** The plugin's methods as a client calls them; importing this package adds them to its types. */
export const sideTagMethods = {
  createSideTag: method({
    doc: 'Create a side tag of a tag, and a target for it.',
    needs: 'login',
    access: 'write',
    args: [
      arg('basetag', nameOrId),
      arg('debuginfo', nullable(bool), false),
      arg('suffix', nullable(str), null),
    ],
    result: shape<NewSideTag>('side tag'),
  }),
  removeSideTag: method({
    doc: 'Remove a side tag and its target.',
    needs: 'login',
    access: 'write',
    args: [arg('sidetag', nameOrId)],
    result: nothing,
  }),
  listSideTags: method({
    doc: 'List side tags, by base tag, by user or all.',
    needs: 'none',
    access: 'read',
    args: [
      arg('basetag', nullable(nameOrId), null),
      arg('user', any<UserRef | null>('int | str | dict | null'), null),
      arg('queryOpts', any<QueryOpts | null>('dict | null'), null),
    ],
    result: list(shape<SideTag>('side tag')),
  }),
  editSideTag: method({
    doc: 'Change debuginfo, rpm macros or extra data of a side tag.',
    needs: 'login',
    access: 'write',
    args: [
      arg('sidetag', nameOrId),
      arg('debuginfo', nullable(bool), null),
      arg('rpm_macros', nullable(dict), null),
      arg('remove_rpm_macros', nullable(list(str)), null),
      arg('extra', nullable(dict), null),
      arg('remove_extra', nullable(list(str)), null),
    ],
    result: nothing,
  }),
} satisfies Methods;

declare module '@koji/core/api' {
  interface Api {
    createSideTag: typeof sideTagMethods.createSideTag;
    removeSideTag: typeof sideTagMethods.removeSideTag;
    listSideTags: typeof sideTagMethods.listSideTags;
    editSideTag: typeof sideTagMethods.editSideTag;
  }
}
