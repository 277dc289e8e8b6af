import type { FC } from 'hono/jsx';
import type { TargetInfo } from '@koji/core/api';
import type { Calls } from '../calls.js';
import { found } from '../errors.js';
import { neededText } from '../params.js';
import { TagLink } from '../parts/things.js';
import { link } from '../routes.js';
import { action } from './action.js';
import type { ActionRequest, Input } from './action.js';
import { TextField } from './fields.js';
import type { ActionRoutes } from './routes.js';

const fields = { name: neededText, buildTag: neededText, destTag: neededText };

const load = async ({ calls, params }: ActionRequest<ActionRoutes['buildtargetedit']>): Promise<TargetInfo> =>
  found(await calls.getBuildTarget(params.targetID), 'build target', params.targetID);

const back = ({ id }: TargetInfo): string => link('buildtargetinfo', { targetID: id });

const Fields: FC<{ input: Input }> = ({ input }) => (
  <>
    <TextField input={input} name="name" label="Name" required />
    <TextField
      input={input}
      name="buildTag"
      label="Build tag"
      required
      hint="Name of the tag that buildroots are made from."
    />
    <TextField
      input={input}
      name="destTag"
      label="Destination tag"
      required
      hint="Name of the tag that results go to."
    />
  </>
);

/** Koji's forms give ids, people names. */
function tagOf(text: string): string | number {
  const name = text.trim();
  return /^\d{1,9}$/.test(name) ? Number(name) : name;
}

async function addressOfNew(calls: Calls, name: string): Promise<string> {
  const target = await calls.getBuildTarget(name);
  return target ? back(target) : link('buildtargets');
}

/** Makes a build target. */
export const buildtargetcreate = action('buildtargetcreate', {
  menu: 'Targets',
  fields,
  load: () => Promise.resolve(null),
  title: () => 'New build target',
  show: (_, input) => <Fields input={input} />,
  button: 'Add the target',
  back: () => link('buildtargets'),
  async run({ calls, fields: { name, buildTag, destTag } }) {
    await calls.createBuildTarget(name.trim(), tagOf(buildTag), tagOf(destTag));
    return addressOfNew(calls, name.trim());
  },
});

/** Changes a build target. */
export const buildtargetedit = action('buildtargetedit', {
  menu: 'Targets',
  fields,
  load,
  title: ({ name }) => `Edit target ${name}`,
  stored: (target) => ({
    name: target.name,
    buildTag: target.build_tag_name,
    destTag: target.dest_tag_name,
  }),
  show: (_, input) => <Fields input={input} />,
  button: 'Save',
  back,
  async run({ calls, data, fields: { name, buildTag, destTag } }) {
    await calls.editBuildTarget(data.id, name.trim(), tagOf(buildTag), tagOf(destTag));
    return back(data);
  },
});

/** Deletes a build target. */
export const buildtargetdelete = action('buildtargetdelete', {
  menu: 'Targets',
  fields: {},
  load,
  title: ({ name }) => `Delete target ${name}?`,
  show: (target) => (
    <p>
      Nothing can be built for <bdi>{target.name}</bdi> any more, from{' '}
      <TagLink id={target.build_tag} name={target.build_tag_name} /> to{' '}
      <TagLink id={target.dest_tag} name={target.dest_tag_name} />.
    </p>
  ),
  button: 'Delete the target',
  isGrave: true,
  back,
  async run({ calls, data }) {
    await calls.deleteBuildTarget(data.id);
    return link('buildtargets');
  },
});
