// Compiled by `types.test.ts`: what must not compile is marked.
/* eslint-disable @typescript-eslint/no-unsafe-call, @typescript-eslint/no-confusing-void-expression -- what does not compile has no type to judge */
import {
  BaseTaskHandler,
  callback,
  context,
  exportCli,
  exported,
  ignoreError,
  option,
  outbox,
  pluginConfig,
  policyTest,
} from '@koji/plugin-sdk';
import { named } from '@koji/core/wire';
import type { CallbackPayloads, HubSession } from '@koji/plugin-sdk';

export const onTag = callback(
  'preTag',
  'postTag',
)((event, { build, tag, force }) => {
  const name: 'preTag' | 'postTag' = event;
  const nvr: string = build.nvr;
  const forced: boolean = force;
  // @ts-expect-error -- a tag's name is text
  const wrong: number = tag.name;
  return [name, nvr, forced, wrong];
});

export const onUntagged = callback('postUntag', (event, { build, strict }) => {
  const name: 'postUntag' = event;
  const text: string = build.name;
  // @ts-expect-error -- strict is a boolean
  const wrong: string = strict;
  return [name, text, wrong];
});

// @ts-expect-error -- there is no such event
export const onTypo = callback('preTga')(() => undefined);

export const onImport = ignoreError(
  callback('postImport')((event, payload) => {
    if (payload.type === 'rpm') return payload.rpm.arch;
    // @ts-expect-error -- only the rpm shape has an rpm
    return payload.rpm;
  }),
);

export const onRepo = callback('postRepoInit')((event, payload) =>
  'dist' in payload ? payload.repodir : payload.opts,
);

export const onPackage = callback('prePackageListChange')((event, payload) => {
  if (payload.action === 'remove' || payload.action === 'unblock') return null;
  return payload.owner;
});

// @ts-expect-error -- a callback's payload is an object of the event, not text
export const onUntag = callback('postUntag')((event, payload: string) => payload);

export class MyTask extends BaseTaskHandler {
  static override readonly Methods = ['mytask'];

  async handler(tag: string, event: number | null = null): Promise<string> {
    const found = await this.session.getTag(tag);
    this.logger.info(`tag ${found?.name} at ${event}`);
    // @ts-expect-error -- the hub has no such method
    await this.session.getTga(tag);
    return this.workdir;
  }
}

// @ts-expect-error -- a handler is missing
export class NoHandler extends BaseTaskHandler {
  static override readonly Methods = ['nohandler'];
}

export const mymethod = exported((arg1: string, arg2: string, kwarg1: string | null = null) => {
  context.session.assertPerm('admin');
  // @ts-expect-error -- the name of a permission is text
  context.session.hasPerm(1);
  return [arg1, arg2, kwarg1];
});

export class Hooks {
  label = 'hooks';

  @callback('postTag')
  static tagged(event: 'postTag', payload: CallbackPayloads['postTag']): string {
    return payload.tag.name;
  }
}

export const handle_hello = exportCli({ help: 'Greet' })(async (options, session, args, tools) => {
  tools.print(`${args.length} ${await session.hello()}`);
});

export const isSmall = policyTest('is_small')((data, most) => Number(data['size']) <= Number(most));

// @ts-expect-error -- a policy test decides with true or false
export const isWrong = policyTest('is_wrong')(() => 'yes');

declare module '@koji/core/api' {
  interface Api {
    mymethod: typeof mymethod;
    'my.listed': typeof listed;
  }
  interface TaskHandlers {
    mytask: MyTask['handler'];
  }
}

export const listed = exported((limit = 10) => [limit]);

export async function users(session: HubSession): Promise<unknown> {
  const answer: (string | null)[] = await session.mymethod('a', 'b');
  await session.mymethod('a', 'b', 'c');
  await session.mymethod('a', 'b', named({ kwarg1: 'c' }));
  const numbers: number[] = await session.my.listed();
  // @ts-expect-error -- its first argument is text
  await session.mymethod(1, 'b');
  // @ts-expect-error -- it takes three
  await session.mymethod('a', 'b', 'c', 'd');
  return [answer, numbers];
}

export class Parent extends BaseTaskHandler {
  static override readonly Methods = ['parent'];

  async handler(): Promise<void> {
    await this.subtask('mytask', ['f44', 1], { label: 'one' });
    await this.subtask('mytask', ['f44']);
    // @ts-expect-error -- no plugin says that it handles such tasks
    await this.subtask('somebodyElses', [1, 2, 3]);
    // @ts-expect-error -- a tag is text
    await this.subtask('mytask', [44]);
  }
}

export const makes = exported(async () => {
  await context.makeTask('mytask', ['f44']);
  await context.makeTask('mytask', ['f44'], { named: { event: 1 }, priority: 5 });
  await context.makeTask('mytask', [], { named: { tag: 'f44' } });
  // @ts-expect-error -- a tag is missing
  await context.makeTask('mytask', []);
  // @ts-expect-error -- an event is a number
  return context.makeTask('mytask', ['f44', 'now']);
});

const config = pluginConfig('mine', {
  mine: { most: option.integer(1, 'Most'), owner: option.text(null, 'Who'), tags: option.words([], 'Tags') },
  'path*': { at: option.required(option.text(null, 'A folder')) },
});

export function reads(): unknown {
  const most: number = config.mine.most;
  const owner: string | null = config.mine.owner;
  const tags: readonly string[] = config.mine.tags;
  const at: string | undefined = config['path*'].get('path0')?.at;
  // @ts-expect-error -- there is no such option
  const wrong: unknown = config.mine.least;
  return [most, owner, tags, at, wrong];
}

export const letters = outbox('letters', ({ nvr }: { nvr: string }, { topic, attempt }) => [
  nvr,
  topic,
  attempt,
]);

export const sends = callback('postTag', async (event, { build }) => {
  await letters.put('tag', { nvr: build.nvr });
  // @ts-expect-error -- another outbox's message
  await letters.put('tag', { name: build.nvr });
});
