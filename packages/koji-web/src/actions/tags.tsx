import type { FC } from 'hono/jsx';
import { named } from '@koji/core/wire';
import type { PermissionInfo, TagInfo } from '@koji/core/api';
import type { Calls } from '../calls.js';
import { found } from '../errors.js';
import { flag, neededText, optionalId, text } from '../params.js';
import { link } from '../routes.js';
import { action } from './action.js';
import type { Input } from './action.js';
import { CheckField, SelectField, TextField } from './fields.js';

const fields = {
  name: neededText,
  arches: text(),
  locked: flag(false),
  permission: optionalId,
  maven_support: flag(false),
  maven_include_all: flag(false),
};

/** Fields of the form of a tag. */
interface Offered {
  readonly permissions: readonly PermissionInfo[];
  readonly hasMaven: boolean;
}

async function loadOffered(calls: Calls): Promise<Offered> {
  const [permissions, hasMaven] = await Promise.all([calls.getAllPerms(), calls.mavenEnabled()]);
  return { permissions, hasMaven };
}

const Fields: FC<{ input: Input; offered: Offered }> = ({ input, offered }) => (
  <>
    <TextField input={input} name="name" label="Name" required />
    <TextField input={input} name="arches" label="Arches" hint="With spaces between them: x86_64 aarch64" />
    <CheckField input={input} name="locked" label="Locked" hint="Only admins can change what it holds." />
    <SelectField
      input={input}
      name="permission"
      label="Permission"
      hint="What one needs to change what it holds."
      options={[['', 'none'], ...offered.permissions.map(({ id, name }) => [String(id), name] as const)]}
    />
    {offered.hasMaven ? (
      <>
        <CheckField input={input} name="maven_support" label="Maven support" />
        <CheckField input={input} name="maven_include_all" label="Maven: include all" />
      </>
    ) : null}
  </>
);

/** Returns a tag by id or name. */
export async function findTag(calls: Calls, tag: string | number): Promise<TagInfo> {
  return found(await calls.getTag(tag), 'tag', tag);
}

const back = ({ tag }: { readonly tag: TagInfo }): string => link('taginfo', { tagID: tag.id });

/** Makes a tag. */
export const tagcreate = action('tagcreate', {
  menu: 'Tags',
  fields,
  load: ({ calls }) => loadOffered(calls),
  title: () => 'New tag',
  show: (offered, input) => <Fields input={input} offered={offered} />,
  button: 'Add the tag',
  back: () => link('tags'),
  async run({ calls, fields: { name, arches, permission: perm, ...flags } }) {
    const id = await calls.createTag(name.trim(), named({ arches: arches.trim(), perm, ...flags }));
    return link('taginfo', { tagID: id });
  },
});

/** Changes the settings of a tag. */
export const tagedit = action('tagedit', {
  menu: 'Tags',
  fields,
  async load({ calls, params }) {
    const [tag, offered] = await Promise.all([findTag(calls, params.tagID), loadOffered(calls)]);
    return { tag, offered };
  },
  title: ({ tag }) => `Edit tag ${tag.name}`,
  stored: ({ tag }) => ({
    name: tag.name,
    arches: tag.arches ?? '',
    permission: tag.perm_id === null ? '' : String(tag.perm_id),
    ...(tag.locked ? { locked: '1' } : {}),
    ...(tag.maven_support ? { maven_support: '1' } : {}),
    ...(tag.maven_include_all ? { maven_include_all: '1' } : {}),
  }),
  show: ({ offered }, input) => <Fields input={input} offered={offered} />,
  button: 'Save',
  back,
  async run({ calls, data, fields: { name, arches, permission, ...flags } }) {
    const { tag } = data;
    const wanted = { name: name.trim(), arches: arches.trim(), perm: permission, ...flags };
    const { locked, maven_support, maven_include_all } = tag;
    const stored = {
      name: tag.name,
      arches: tag.arches ?? '',
      perm: tag.perm_id,
      ...{ locked, maven_support, maven_include_all },
    };
    // Unchanged settings are not sent, because the visitor may not be allowed to set them.
    const changes = Object.entries(wanted).filter(
      ([key, value]) => value !== stored[key as keyof typeof stored],
    );
    if (changes.length > 0) await calls.editTag2(tag.id, named(Object.fromEntries(changes)));
    return back(data);
  },
});

/** Deletes a tag. */
export const tagdelete = action('tagdelete', {
  menu: 'Tags',
  fields: {},
  load: async ({ calls, params }) => ({ tag: await findTag(calls, params.tagID) }),
  title: ({ tag }) => `Delete tag ${tag.name}?`,
  show: ({ tag }) => (
    <p>
      <bdi>{tag.name}</bdi> loses its builds, packages, parents, children, targets and groups. Only its
      history stays.
    </p>
  ),
  button: 'Delete the tag',
  isGrave: true,
  back,
  async run({ calls, data }) {
    await calls.deleteTag(data.tag.id);
    return link('tags');
  },
});
