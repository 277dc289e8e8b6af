import { double, named } from '@koji/core/wire';
import type { HostInfo } from '@koji/core/api';
import type { Calls } from '../calls.js';
import { PageError, found } from '../errors.js';
import { flag, neededText, text } from '../params.js';
import type { Kind } from '../params.js';
import { HostLink } from '../parts/things.js';
import { numberOf } from '../parts/values.js';
import { link } from '../routes.js';
import { action } from './action.js';
import type { Action, ActionRequest } from './action.js';
import { CheckField, ChoicesField, LongField, TextField } from './fields.js';
import type { ActionRoutes } from './routes.js';

const names: Kind<readonly string[]> = {
  name: 'name, repeatable',
  required: false,
  default: [],
  many: true,
  read: (given) => ({ value: [given] }),
};

const findHost = async ({ calls, params }: ActionRequest<ActionRoutes['enablehost']>): Promise<HostInfo> =>
  found(await calls.getHost(params.hostID), 'host', params.hostID);

const back = ({ id }: Pick<HostInfo, 'id'>): string => link('hostinfo', { hostID: id });

function capacityOf(given: string): number {
  const value = Number(given);
  if (given.trim() === '' || !Number.isFinite(value) || value < 0 || value > 1e6)
    throw new PageError(400, `capacity = '${given.slice(0, 60)}' is not a number from 0 to 1000000.`);
  return value;
}

/** Changes a builder's settings and channels. */
export const hostedit = action('hostedit', {
  menu: 'Hosts',
  fields: {
    arches: neededText,
    capacity: neededText,
    description: text(),
    comment: text(),
    enabled: flag(false),
    channels: names,
  },
  async load(request) {
    const host = await findHost(request);
    const [all, own] = await Promise.all([request.calls.listChannels(), request.calls.listChannels(host.id)]);
    return { host, all, own };
  },
  title: ({ host }) => `Edit host ${host.name}`,
  stored: ({ host, own }) => ({
    arches: host.arches ?? '',
    capacity: String(numberOf(host.capacity) ?? 0),
    description: host.description ?? '',
    comment: host.comment ?? '',
    ...(host.enabled ? { enabled: '1' } : {}),
    channels: own.map(({ name }) => name),
  }),
  show: ({ all }, input) => (
    <>
      <TextField input={input} name="arches" label="Arches" required hint="With spaces between them." />
      <TextField
        input={input}
        name="capacity"
        label="Capacity"
        type="number"
        required
        hint="Sum of the weights of tasks that it takes at a time."
      />
      <TextField input={input} name="description" label="Description" />
      <LongField input={input} name="comment" label="Comment" />
      <CheckField input={input} name="enabled" label="Enabled" hint="It takes tasks." />
      <ChoicesField
        input={input}
        name="channels"
        label="Channels"
        options={all.map(({ name }) => [name, name] as const)}
      />
    </>
  ),
  button: 'Save',
  back: ({ host }) => back(host),
  async run({ calls, data: { host, own }, fields }) {
    const { arches, capacity, description, comment, enabled, channels } = fields;
    const settings = { arches: arches.trim(), description, comment };
    const changes = Object.entries(settings).filter(
      ([name, value]) => value !== (host[name as keyof typeof settings] ?? ''),
    );
    const more = { ...Object.fromEntries(changes), capacity: double(capacityOf(capacity)) };
    await calls.editHost(host.id, named(more));
    if (enabled !== host.enabled) await (enabled ? calls.enableHost(host.id) : calls.disableHost(host.id));
    const before = new Set(own.map(({ name }) => name));
    for (const name of channels) if (!before.delete(name)) await calls.addHostToChannel(host.id, name);
    for (const name of before) await calls.removeHostFromChannel(host.id, name);
    return back(host);
  },
});

interface Switch {
  readonly verb: 'Enable' | 'Disable';
  /** The new state of the host. */
  readonly then: string;
  readonly run: (calls: Calls, host: HostInfo) => Promise<unknown>;
}

/** Declares a page that asks before it switches a builder on or off. */
function hostSwitch(name: 'enablehost' | 'disablehost', { verb, then, run }: Switch): Action {
  return action(name, {
    menu: 'Hosts',
    fields: {},
    load: findHost,
    title: (host) => `${verb} host ${host.name}?`,
    show: (host) => (
      <p>
        <HostLink id={host.id} name={host.name} /> {then}
      </p>
    ),
    button: `${verb} the host`,
    isGrave: verb === 'Disable',
    back,
    async run({ calls, data }) {
      await run(calls, data);
      return back(data);
    },
  });
}

/** Lets a builder take tasks. */
export const enablehost = hostSwitch('enablehost', {
  verb: 'Enable',
  then: 'takes tasks again.',
  run: (calls, { id }) => calls.enableHost(id),
});

/** Keeps a builder from taking tasks. */
export const disablehost = hostSwitch('disablehost', {
  verb: 'Disable',
  then: 'takes no more tasks. Those that run there go on.',
  run: (calls, { id }) => calls.disableHost(id),
});
