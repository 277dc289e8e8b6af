import type { FC } from 'hono/jsx';
import type { InheritanceLink, TagInfo } from '@koji/core/api';
import { PageError, notFound } from '../errors.js';
import { flag, text, whole } from '../params.js';
import type { Kind } from '../params.js';
import { TagLink } from '../parts/things.js';
import { link } from '../routes.js';
import { action } from './action.js';
import type { Input } from './action.js';
import { CheckField, TextField } from './fields.js';
import { actionLink } from './routes.js';
import { findTag } from './tags.js';

const depth: Kind<number | null> = {
  ...whole(0),
  name: 'whole number or nothing',
  default: null,
  read: (given) => (given.trim() === '' ? { value: null } : whole(0).read(given.trim())),
};

const fields = {
  parent: text(),
  priority: whole(0),
  maxdepth: depth,
  intransitive: flag(false),
  noconfig: flag(false),
  pkg_filter: text(),
};

interface ParentData {
  readonly tag: TagInfo;
  readonly links: readonly InheritanceLink[];
  /** The link to change or remove, or the parent to add if the address names one. */
  readonly current: InheritanceLink | null;
  readonly parent: { readonly id: number; readonly name: string } | null;
  readonly action: 'add' | 'edit' | 'remove';
}

const Fields: FC<{ data: ParentData; input: Input }> = ({ data: { tag, parent, links }, input }) => (
  <>
    <p>
      <TagLink id={tag.id} name={tag.name} /> inherits from{' '}
      {links.length === 0
        ? 'no tag yet.'
        : links.map(({ parent_id: id, name, priority }, i) => (
            <>
              {i === 0 ? '' : ', '}
              <TagLink id={id} name={name} /> <span class="note">({priority})</span>{' '}
              {(['edit', 'remove'] as const).map((what) => (
                <>
                  <a
                    href={actionLink('tagparent', { tagID: tag.id, parentID: id, action: what })}
                    aria-label={`${what} the parent ${name}`}
                  >
                    {what}
                  </a>{' '}
                </>
              ))}
            </>
          ))}
    </p>
    {parent ? (
      <p>
        Parent: <TagLink id={parent.id} name={parent.name} />
      </p>
    ) : (
      <TextField
        input={input}
        name="parent"
        label="Parent"
        required
        hint="Name of the tag to inherit from."
      />
    )}
    <TextField
      input={input}
      name="priority"
      label="Priority"
      type="number"
      required
      hint="Parents with lower numbers are searched first; each needs a number of its own."
    />
    <TextField
      input={input}
      name="maxdepth"
      label="Max depth"
      type="number"
      hint="How many generations of the parent's own parents count: 0 for none, empty for all."
    />
    <CheckField
      input={input}
      name="intransitive"
      label="Intransitive"
      hint="Tags that inherit from this one do not see the parent."
    />
    <CheckField
      input={input}
      name="noconfig"
      label="No configuration"
      hint="Builds and packages are inherited, settings are not."
    />
    <TextField
      input={input}
      name="pkg_filter"
      label="Package filter"
      hint="Regular expression that names of packages must match; empty for all."
    />
  </>
);

const titles = { add: 'Add a parent to', edit: 'Inheritance of', remove: 'Remove a parent of' };
const buttons = { add: 'Add the parent', edit: 'Save', remove: 'Remove the parent' };

/** Adds, changes or removes a parent of a tag. */
export const tagparent = action('tagparent', {
  menu: 'Tags',
  fields,
  async load({ calls, params }): Promise<ParentData> {
    const tag = await findTag(calls, params.tagID);
    const links = await calls.getInheritanceData(tag.id);
    if (params.action === 'add') {
      const parent = params.parentID === null ? null : await findTag(calls, params.parentID);
      return { tag, links, current: null, parent, action: 'add' };
    }
    const { parentID } = params;
    const current = links.find(({ parent_id: id, name }) => id === parentID || name === parentID);
    if (!current) throw notFound(`parent of ${tag.name}`, parentID ?? '');
    return {
      tag,
      links,
      current,
      parent: { id: current.parent_id, name: current.name },
      action: params.action,
    };
  },
  title: ({ tag, action: what }) => `${titles[what]} ${tag.name}`,
  stored: ({ current, links }) => {
    if (!current) {
      const last = Math.max(-1, ...links.map(({ priority }) => priority));
      return { priority: String(last < 0 ? 0 : last + 1) };
    }
    return {
      priority: String(current.priority),
      maxdepth: current.maxdepth === null ? '' : String(current.maxdepth),
      pkg_filter: current.pkg_filter ?? '',
      ...(current.intransitive ? { intransitive: '1' } : {}),
      ...(current.noconfig ? { noconfig: '1' } : {}),
    };
  },
  show: (data, input) =>
    data.action === 'remove' ? (
      <p>
        <TagLink id={data.tag.id} name={data.tag.name} /> no longer inherits from{' '}
        <TagLink id={data.parent?.id ?? null} name={data.parent?.name ?? ''} />.
      </p>
    ) : (
      <Fields data={data} input={input} />
    ),
  button: ({ action: what }) => buttons[what],
  back: ({ tag }) => link('taginfo', { tagID: tag.id }),
  async run({ calls, data: { tag, parent, current, action: what }, fields: given }) {
    if (what === 'add' && parent === null && given.parent.trim() === '')
      throw new PageError(400, 'Give the name of the parent.');
    const { id } = parent ?? (await findTag(calls, given.parent.trim()));
    const { priority, maxdepth, intransitive, noconfig, pkg_filter: filter } = given;
    const settings = {
      priority,
      maxdepth,
      intransitive,
      noconfig,
      pkg_filter: filter === '' ? null : filter,
    };
    if (what === 'add') {
      const links = await calls.getInheritanceData(tag.id);
      if (links.some(({ parent_id: other }) => other === id))
        throw new PageError(400, `${tag.name} inherits from ${parent?.name ?? given.parent} already.`);
    }
    const change = what === 'remove' ? { 'delete link': true } : settings;
    const base = current === null ? {} : { priority: current.priority };
    await calls.setInheritanceData(tag.id, { parent_id: id, ...base, ...change });
    return link('taginfo', { tagID: tag.id });
  },
});
