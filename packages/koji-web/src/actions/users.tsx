import type { UserInfo } from '@koji/core/api';
import { found } from '../errors.js';
import { findUser } from '../lists.js';
import { neededText } from '../params.js';
import { UserLink } from '../parts/things.js';
import { link } from '../routes.js';
import { action } from './action.js';
import type { ActionRequest } from './action.js';
import { SelectField } from './fields.js';
import { actionLink } from './routes.js';
import type { ActionRoutes } from './routes.js';

const findOwner = async ({
  calls,
  params,
}: ActionRequest<ActionRoutes['grantpermission']>): Promise<UserInfo> =>
  found(await findUser(calls, params.userID), 'user', params.userID);

const back = ({ user }: { readonly user: UserInfo }): string => link('userinfo', { userID: user.id });

/** Gives a user a permission. */
export const grantpermission = action('grantpermission', {
  menu: 'Users',
  fields: { permission: neededText },
  async load(request) {
    const user = await findOwner(request);
    const [all, own] = await Promise.all([
      request.calls.getAllPerms(),
      request.calls.getUserPerms(user.id, false),
    ]);
    return { user, own, others: all.map(({ name }) => name).filter((name) => !own.includes(name)) };
  },
  title: ({ user }) => `Give ${user.name} a permission`,
  show: ({ user, own, others }, input) => (
    <>
      <p>{own.length === 0 ? 'The user has none of their own.' : 'Permissions of their own:'}</p>
      <ul>
        {own.map((permission) => (
          <li>
            <bdi>{permission}</bdi>{' '}
            <a
              href={actionLink('revokepermission', { userID: user.id, permission })}
              aria-label={`take away ${permission}`}
            >
              take away
            </a>
          </li>
        ))}
      </ul>
      <SelectField
        input={input}
        name="permission"
        label="Permission"
        options={[['', 'choose one'], ...others.map((name) => [name, name] as const)]}
      />
    </>
  ),
  button: 'Give the permission',
  back,
  async run({ calls, data, fields }) {
    await calls.grantPermission(data.user.id, fields.permission);
    return back(data);
  },
});

/** Takes a permission from a user. */
export const revokepermission = action('revokepermission', {
  menu: 'Users',
  fields: {},
  load: async (request) => ({ user: await findOwner(request), permission: request.params.permission }),
  title: ({ user, permission }) => `Take the permission ${permission} from ${user.name}?`,
  show: ({ user, permission }) => (
    <p>
      <UserLink id={user.id} name={user.name} /> can no longer do what needs <bdi>{permission}</bdi>, unless a
      group has it.
    </p>
  ),
  button: 'Take the permission',
  isGrave: true,
  back,
  async run({ calls, data }) {
    await calls.revokePermission(data.user.id, data.permission);
    return back(data);
  },
});
