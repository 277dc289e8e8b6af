import type { BuildListItem, Named, PackageListEntry, PackageName, TagListItem } from '@koji/core/api';
import { named } from '@koji/core/wire';
import { found } from '../errors.js';
import { findUser, listPart, partOf } from '../lists.js';
import { findEvent } from '../moments.js';
import { page } from '../page.js';
import { Filters, Prefixes, Section, Table } from '../parts/table.js';
import type { Column, Listed } from '../parts/table.js';
import { PackageLink, TagLink, UserLink } from '../parts/things.js';
import { YesNo } from '../parts/values.js';
import { link } from '../routes.js';
import { buildColumns, findPackage } from './builds.js';
import { findTag } from './compare-tags.js';

type Row = PackageListEntry | PackageName;

const yesNo = [
  ['1', 'yes'],
  ['0', 'no'],
] as const;

interface PackagesData {
  readonly packages: Listed<Row>;
  readonly tag: Named | null;
  readonly user: Named | null;
}

/** Packages, all of them or those of a tag or user. */
export const packages = page('packages', {
  async load({ calls, params }): Promise<PackagesData> {
    const { tagID, userID, prefix, inherited, blocked } = params;
    const event = tagID === null ? null : await findEvent(calls, params.event);
    const [tag, user] = await Promise.all([
      tagID === null ? null : findTag(calls, tagID, event).then((one) => found(one, 'tag', tagID)),
      userID === null ? null : findUser(calls, userID).then((one) => found(one, 'user', userID)),
    ]);
    const isPlain = !tag && !user;
    const order = isPlain && /tag_name|owner_name|blocked/.test(params.order) ? 'package_name' : params.order;
    const filter = {
      tagID: tag?.id ?? null,
      event: event?.id ?? null,
      userID: user?.id ?? null,
      prefix,
      inherited: tag ? inherited : false,
      with_blocked: tag ? blocked : true,
      with_dups: !tag && user !== null,
    };
    const list = await listPart<Row>({ ...params, order }, (queryOpts) =>
      calls.listPackages(named({ ...filter, queryOpts })),
    );
    return {
      packages: list,
      tag: tag ? { id: tag.id, name: tag.name } : null,
      user: user ? { id: user.id, name: user.name } : null,
    };
  },
  title: ({ tag, user }) => `Packages${tag ? ` of ${tag.name}` : ''}${user ? ` of ${user.name}` : ''}`,
  show: ({ packages: list, tag, user }, view) => (
    <>
      <h1>
        Packages
        {tag ? (
          <>
            {' '}
            of <TagLink id={tag.id} name={tag.name} />
          </>
        ) : null}
        {user ? (
          <>
            {' '}
            of <UserLink id={user.id} name={user.name} />
          </>
        ) : null}
      </h1>
      {tag ? (
        <Filters
          view={view}
          filters={[
            {
              name: 'inherited',
              label: 'Inherited',
              value: view.params.inherited ? '1' : '0',
              options: yesNo,
            },
            { name: 'blocked', label: 'Blocked', value: view.params.blocked ? '1' : '0', options: yesNo },
            { name: 'event', label: 'At (day, time or event)', value: view.params.event },
          ]}
        />
      ) : null}
      <Prefixes view={view} current={view.params.prefix} />
      <Table
        view={view}
        list={list}
        things="packages"
        anchor="packagelist"
        columns={[
          { title: 'ID', order: 'package_id', numeric: true, wide: true, cell: (row) => row.package_id },
          nameColumn,
          ...(tag || user ? [{ ...tagColumn, wide: true }, ownerColumn, includedColumn] : []),
        ]}
        empty={
          tag ? (
            <>
              No package fits. <code>koji add-pkg --owner USER {tag.name} PACKAGE</code> adds one.
            </>
          ) : (
            'No package fits. Packages appear when they are added to a tag or built.'
          )
        }
      />
    </>
  ),
});

const entry = (row: Row): PackageListEntry | null => ('tag_id' in row ? row : null);

/** A package's name in lists. */
const nameColumn: Column<Row> = {
  title: 'Package',
  order: 'package_name',
  cell: (row) => <PackageLink id={row.package_id} name={row.package_name} />,
};
const tagColumn: Column<Row> = {
  title: 'Tag',
  order: 'tag_name',
  cell: (row) => <TagLink id={entry(row)?.tag_id ?? null} name={entry(row)?.tag_name ?? null} />,
};
const ownerColumn: Column<Row> = {
  title: 'Owner',
  order: 'owner_name',
  wide: true,
  cell: (row) => <UserLink id={entry(row)?.owner_id ?? null} name={entry(row)?.owner_name} />,
};
const includedColumn: Column<Row> = {
  title: 'Included',
  order: 'blocked',
  cell: (row) => <YesNo value={!entry(row)?.blocked} />,
};

/** The columns of the packages that a user owns. */
export const ownedColumns: readonly Column<Row>[] = [nameColumn, tagColumn, includedColumn];

interface PackageData {
  readonly package: Named;
  readonly builds: Listed<BuildListItem>;
  readonly tags: Listed<TagListItem>;
}

/** A package with its builds and tags. */
export const packageinfo = page('packageinfo', {
  async load({ calls, params }): Promise<PackageData> {
    const pkg = await findPackage(calls, params.packageID);
    const [builds, tags] = await Promise.all([
      listPart<BuildListItem>({ start: params.buildStart, order: params.buildOrder }, (queryOpts) =>
        calls.listBuilds(named({ packageID: pkg.id, queryOpts })),
      ),
      calls.listTags(named({ package: pkg.id })),
    ]);
    return { package: pkg, builds, tags: partOf(tags, { start: params.tagStart, order: params.tagOrder }) };
  },
  title: (data) => data.package.name,
  show: ({ package: pkg, builds, tags }, view) => (
    <>
      <header class="thing">
        <p class="kind">Package {pkg.id}</p>
        <h1>
          <bdi>{pkg.name}</bdi>
        </h1>
      </header>
      <Section title="Builds" note={<a href={link('recentbuilds', { package: pkg.id })}>RSS</a>}>
        <Table
          view={view}
          list={builds}
          things="builds"
          anchor="buildlist"
          names={{ start: 'buildStart', order: 'buildOrder' }}
          columns={buildColumns}
          empty="It was never built."
        />
      </Section>
      <Section title="Tags">
        <Table
          view={view}
          list={tags}
          things="tags"
          anchor="taglist"
          names={{ start: 'tagStart', order: 'tagOrder' }}
          columns={[
            { title: 'Tag', order: 'name', cell: ({ id, name }) => <TagLink id={id} name={name} /> },
            {
              title: 'Owner',
              cell: ({ owner_id: id = null, owner_name: name }) => <UserLink id={id} name={name} />,
            },
            { title: 'Included', cell: ({ blocked }) => <YesNo value={!blocked} /> },
            { title: 'Extra arches', wide: true, cell: ({ extra_arches: arches }) => arches },
          ]}
          empty="It is in no tag's list."
        />
      </Section>
    </>
  ),
});
