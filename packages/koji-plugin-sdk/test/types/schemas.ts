// Compiled by `types.test.ts`: what must not compile is marked.
/* eslint-disable @typescript-eslint/no-confusing-void-expression -- what does not compile has no type to judge */
import { type } from 'arktype';
import * as v from 'valibot';
import { z } from 'zod';
import { BaseTaskHandler, context, declareTask, exported } from '@koji/plugin-sdk';
import type { ArgsOf, HubSession, InputsOf } from '@koji/plugin-sdk';

export const signNow = exported({
  args: [
    ['nvr', z.string()],
    ['count', v.optional(v.number(), 1)],
    ['keys', type('string[]').pipe((keys) => new Set(keys))],
  ],
  needs: 'login',
})(async (nvr, count, keys) => {
  const text: string = nvr;
  const number: number = count;
  const set: Set<string> = keys;
  // @ts-expect-error -- the schema hands out a text
  const wrong: number = nvr;
  return Promise.resolve([text, number, set.size, wrong]);
});

// @ts-expect-error -- the handler wants a number where the schema hands out a text
export const wrongHandler = exported({ args: [['nvr', z.string()]] })((nvr: number) => nvr);

// @ts-expect-error -- an argument is a name with a schema
export const noSchema = exported({ args: [['nvr', 'string']] })((nvr: string) => nvr);

export const keyed = exported({
  args: [
    ['nvr', z.string()],
    ['key', z.string().default('main')],
  ],
})((nvr, key) => `${nvr} ${key}`);

export class Decorated {
  readonly made = true;

  @exported({ args: [['nvr', z.string()]] })
  static good(nvr: string): string {
    return nvr;
  }

  // @ts-expect-error -- the method wants a number where the schema hands out a text
  @exported({ args: [['nvr', z.string()]] })
  static bad(nvr: number): number {
    return nvr;
  }
}

export const signArgs = declareTask('schemaSign', [
  ['nvr', z.string()],
  ['key', z.string().default('main')],
]);

export class SchemaSign extends BaseTaskHandler {
  static override readonly Methods = ['schemaSign'];
  static override readonly Args = signArgs;

  handler(...[nvr, key]: ArgsOf<typeof signArgs>): string {
    const name: string = key;
    return nvr + name;
  }
}

declare module '@koji/core/api' {
  interface Api {
    signNow: typeof signNow;
    keyed: typeof keyed;
  }
  interface TaskHandlers {
    schemaSign: (...args: InputsOf<typeof signArgs>) => string;
  }
}

export async function use(session: HubSession): Promise<unknown[]> {
  const answer: string = await session.keyed('a-1-1');
  // @ts-expect-error -- the build is a text
  await session.keyed(1);
  // @ts-expect-error -- the build is missing
  await session.keyed();
  await context.call('keyed', ['a-1-1', 'k']);
  // @ts-expect-error -- the key is a text
  await context.call('keyed', ['a-1-1', 1]);
  const id = await context.makeTask('schemaSign', ['a-1-1']);
  // @ts-expect-error -- the key is a text
  await context.makeTask('schemaSign', ['a-1-1', 2]);
  return [answer, id];
}
