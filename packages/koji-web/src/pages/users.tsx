import { named } from '@koji/core/wire';
import type { BuildListItem, PackageListEntry, UserInfo } from '@koji/core/api';
import { userActions } from '../actions/links.js';
import { found } from '../errors.js';
import { findUser, listPart } from '../lists.js';
import { page } from '../page.js';
import { Facts, Prefixes, Section, Table } from '../parts/table.js';
import { UserLink } from '../parts/things.js';
import { link } from '../routes.js';
import { buildColumns } from './builds.js';
import { ownedColumns } from './packages.js';

/** Users. */
export const users = page('users', {
  load: async ({ calls, params }) => ({
    users: await listPart<UserInfo>(params, (queryOpts) =>
      calls.listUsers(named({ prefix: params.prefix, queryOpts })),
    ),
  }),
  title: () => 'Users',
  show: ({ users: list }, view) => (
    <>
      <h1>Users</h1>
      <Prefixes view={view} current={view.params.prefix} />
      <Table
        view={view}
        list={list}
        things="users"
        columns={[
          { title: 'ID', order: 'id', numeric: true, wide: true, cell: ({ id }) => id },
          { title: 'Name', order: 'name', cell: ({ id, name }) => <UserLink id={id} name={name} /> },
          {
            title: 'Things',
            cell: ({ id }) => (
              <>
                <a href={link('packages', { userID: id })}>packages</a>{' '}
                <a href={link('builds', { userID: id })}>builds</a>{' '}
                <a href={link('tasks', { owner: id, state: 'all' })}>tasks</a>
              </>
            ),
          },
        ]}
        empty={
          <>
            No user fits. <a href={link('users')}>Show all users</a>.
          </>
        }
      />
    </>
  ),
});

/** A user with packages, builds and tasks. */
export const userinfo = page('userinfo', {
  async load({ calls, params }) {
    const user = found(await findUser(calls, params.userID), 'user', params.userID);
    const [tasks, packages, builds] = await Promise.all([
      calls.listTasks({ owner: user.id }, { countOnly: true }),
      listPart<PackageListEntry>(
        { start: params.packageStart, order: params.packageOrder, length: 10 },
        (queryOpts) => calls.listPackages(named({ userID: user.id, with_dups: true, queryOpts })),
      ),
      listPart<BuildListItem>(
        { start: params.buildStart, order: params.buildOrder, length: 10 },
        (queryOpts) => calls.listBuilds(named({ userID: user.id, queryOpts })),
      ),
    ]);
    return { user, tasks, packages, builds };
  },
  title: ({ user }) => user.name,
  actions: ({ user }, login) => userActions(user, login),
  show: ({ user, tasks, packages, builds }, view) => (
    <>
      <header class="thing">
        <p class="kind">User {user.id}</p>
        <h1>
          <bdi>{user.name}</bdi>
        </h1>
        {user.status === 0 ? null : <span class="state off">blocked</span>}
      </header>
      <Facts
        facts={[
          { name: 'Tasks', value: <a href={link('tasks', { owner: user.id, state: 'all' })}>{tasks}</a> },
          { name: 'Builds', value: <a href={link('builds', { userID: user.id })}>{builds.total}</a> },
          { name: 'Packages', value: <a href={link('packages', { userID: user.id })}>{packages.total}</a> },
        ]}
      />
      <Section title="Builds">
        <Table
          view={view}
          list={builds}
          things="builds"
          anchor="buildlist"
          names={{ start: 'buildStart', order: 'buildOrder' }}
          columns={buildColumns}
          empty="No builds yet."
        />
      </Section>
      <Section title="Packages">
        <Table
          view={view}
          list={packages}
          things="packages"
          anchor="packagelist"
          names={{ start: 'packageStart', order: 'packageOrder' }}
          columns={ownedColumns}
          empty="Owns no packages."
        />
      </Section>
    </>
  ),
});
