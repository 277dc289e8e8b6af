import type { FC } from 'hono/jsx';
import type { BuildInfo } from '@koji/core/api';
import { found } from '../errors.js';
import { flag, neededText } from '../params.js';
import { BuildStateChip } from '../parts/states.js';
import { BuildLink, TagLink } from '../parts/things.js';
import { link } from '../routes.js';
import { action } from './action.js';
import type { ActionRequest } from './action.js';
import { CheckField, TextField } from './fields.js';
import { actionLink } from './routes.js';
import type { ActionRoutes } from './routes.js';

const load = async ({ calls, params }: ActionRequest<ActionRoutes['cancelbuild']>): Promise<BuildInfo> =>
  found(await calls.getBuild(params.buildID), 'build', params.buildID);

const back = ({ id }: Pick<BuildInfo, 'id'>): string => link('buildinfo', { buildID: id });

const Which: FC<{ build: BuildInfo }> = ({ build: { id, nvr, state } }) => (
  <p>
    <BuildLink id={id} nvr={nvr} /> <BuildStateChip state={state} />
  </p>
);

/** Cancels a build with its task. */
export const cancelbuild = action('cancelbuild', {
  menu: 'Builds',
  fields: {},
  load,
  title: ({ nvr }) => `Cancel the build ${nvr}?`,
  show: (build) => (
    <>
      <Which build={build} />
      <p>Its task is canceled, too. What it did so far is lost.</p>
    </>
  ),
  button: 'Cancel the build',
  isGrave: true,
  back,
  async run({ calls, data }) {
    await calls.cancelBuild(data.id);
    return back(data);
  },
});

/** Tags a build, by a task that checks it first. */
export const tagbuild = action('tagbuild', {
  menu: 'Builds',
  fields: { tag: neededText, force: flag(false) },
  async load(request) {
    const build = await load(request);
    return { build, tags: await request.calls.listTags(build.id) };
  },
  title: ({ build }) => `Tag ${build.nvr}`,
  show: ({ build, tags }, input) => (
    <>
      <Which build={build} />
      <p>{tags.length === 0 ? 'No tag has it.' : 'Tags that have it:'}</p>
      <ul>
        {tags.map(({ id, name }) => (
          <li>
            <TagLink id={id} name={name} />{' '}
            <a
              href={actionLink('untagbuild', { buildID: build.id, tagID: id })}
              aria-label={`untag from ${name}`}
            >
              untag
            </a>
          </li>
        ))}
      </ul>
      <TextField input={input} name="tag" label="Tag" required hint="Name of the tag." />
      <CheckField
        input={input}
        name="force"
        label="Force"
        hint="Tag it although the package is blocked or the tag has it already."
      />
    </>
  ),
  button: 'Tag the build',
  back: ({ build }) => back(build),
  run: async ({ calls, data: { build }, fields: { tag, force } }) =>
    link('taskinfo', { taskID: await calls.tagBuild(tag.trim(), build.id, force) }),
});

/** Takes a build out of a tag. */
export const untagbuild = action('untagbuild', {
  menu: 'Builds',
  fields: { force: flag(false) },
  async load(request) {
    const { calls, params } = request;
    const tag = found(await calls.getTag(params.tagID), 'tag', params.tagID);
    return { build: await load({ ...request, params }), tag };
  },
  title: ({ build, tag }) => `Untag ${build.nvr} from ${tag.name}?`,
  show: ({ build, tag }, input) => (
    <>
      <Which build={build} />
      <p>
        It leaves <TagLink id={tag.id} name={tag.name} /> and all tags that inherit it from there.
      </p>
      <CheckField input={input} name="force" label="Force" hint="Untag it although the tag is locked." />
    </>
  ),
  button: 'Untag the build',
  isGrave: true,
  back: ({ build }) => back(build),
  async run({ calls, data: { build, tag }, fields }) {
    await calls.untagBuild(tag.id, build.id, true, fields.force);
    return back(build);
  },
});
