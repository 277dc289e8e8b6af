// Compiled by `types.test.ts`: what must not compile is marked.
import { exportCli } from '@koji/plugin-sdk';
import type { CliTools } from '@koji/plugin-sdk';

const options = {
  weight: { flags: ['--weight'], action: 'int' },
  arches: { flags: ['--arch'], action: 'list' },
  quiet: { flags: ['--quiet'], action: 'true' },
  wait: [
    { flags: ['--wait'], action: 'true' },
    { flags: ['--nowait'], action: 'false' },
  ],
  name: { flags: ['--name'] },
} as const;

export const handle_apart = exportCli({ options })((settings, session, args, tools) => {
  const url: string = settings.weburl;
  printed(tools);
  return [url, valuesOf(tools)];
});

function valuesOf(tools: CliTools<typeof options>): unknown[] {
  const weight: number | undefined = tools.options.weight;
  const arches: readonly string[] = tools.options.arches;
  const quiet: true | undefined = tools.options.quiet;
  const wait: boolean | undefined = tools.options.wait;
  const name: string | undefined = tools.options.name;
  // @ts-expect-error -- a weight is a number
  const wrong: string | undefined = tools.options.weight;
  // @ts-expect-error -- it has no such option
  return [weight, arches, quiet, wait, name, wrong, tools.options.wieght];
}

function printed(tools: CliTools): void {
  tools.print('any command will do');
}

export const handle_inline = exportCli({ options: { count: { flags: ['-c'], action: 'int' } } })((
  settings,
  session,
  args,
  { options: { count } },
) => {
  const more: number = (count ?? 0) + 1;
  return more;
});
