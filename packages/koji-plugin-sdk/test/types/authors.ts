// Compiled by `types.test.ts`: what must not compile is marked.
/* eslint-disable @typescript-eslint/no-unsafe-call, @typescript-eslint/no-confusing-void-expression -- what does not compile has no type to judge */
import {
  BaseTaskHandler,
  callback,
  context,
  exportCli,
  exported,
  ignoreError,
  policyTest,
} from '@koji/plugin-sdk';
import type { CallbackPayloads } from '@koji/plugin-sdk';

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
