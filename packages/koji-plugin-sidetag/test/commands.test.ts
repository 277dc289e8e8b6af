import type { CliCommand } from '@koji/plugin-sdk';
import { runCommand, startTestHub } from '@koji/plugin-sdk/testing';
import type { CommandRecord, TestHub, TestSession } from '@koji/plugin-sdk/testing';
import type { TagInfo } from '@koji/core/api';
import * as commands from '../src/cli.js';
import * as plugin from '../src/hub.js';

let hub: TestHub;
let alice: TestSession;
beforeAll(async () => {
  hub = await startTestHub({
    plugins: { sidetag: plugin },
    config: { sidetag: '[sidetag]\nallowed_suffixes = perl\n' },
    policies: { sidetag: 'tag closed-* :: deny closed\nall :: allow' },
    tags: ['closed-build'],
  });
  await hub.admin.createTag('f44-build', null, 'x86_64');
  const extra = { sidetag_debuginfo_allowed: true, sidetag_rpm_macros_allowed: 'my_*' };
  await hub.admin.call('editTag2', ['f44-build'], { extra });
  alice = await hub.login('alice');
});
afterAll(() => hub.stop());

type Flags = Readonly<Record<string, string | boolean | readonly string[]>>;
type Command =
  'handle_add_sidetag' | 'anon_handle_list_sidetags' | 'handle_edit_sidetag' | 'handle_remove_sidetag';
const koji = (command: Command, args: string[], flags: Flags = {}): Promise<CommandRecord> =>
  runCommand(commands[command] as unknown as CliCommand, args, { hub, session: alice, flags });
const add = async (flags: Flags = {}): Promise<string> =>
  (await koji('handle_add_sidetag', ['f44-build'], flags)).printed[0] ?? '';
const tagOf = (name: string): Promise<TagInfo | null> =>
  alice.call('getTag', [name]) as Promise<TagInfo | null>;

test('add-sidetag prints the name of the tag that it made', async () => {
  expect(await add()).toMatch(/^f44-build-side-\d+$/);
  expect(await add({ suffix: 'perl', debuginfo: true })).toMatch(/^f44-build-side-\d+-perl$/);
  expect((await koji('handle_add_sidetag', ['f44-build'], { quiet: true })).printed).toEqual([]);
  expect(await koji('handle_add_sidetag', [])).toMatchObject({
    code: 2,
    warned: ['Only argument is basetag'],
  });
  expect(await koji('handle_add_sidetag', ['closed-build'])).toMatchObject({
    code: 2,
    warned: ['Policy violation'],
  });
});

test('add-sidetag --wait waits for the first repo', async () => {
  const waiting = koji('handle_add_sidetag', ['f44-build'], { wait: true });
  const builder = await hub.builder();
  let request: { tag_name: string } | undefined;
  while (!request) {
    const all = (await hub.admin.call('repo.queryQueue', [[['active', true]], ['tag_name']])) as {
      tag_name: string;
    }[];
    request = all[0];
  }
  const [id] = await builder.host.repoInit(request.tag_name);
  await builder.host.repoDone(id, {});
  expect((await waiting).printed).toEqual([
    request.tag_name,
    expect.stringMatching(new RegExp(`^Successfully waited 0:\\d\\d for a new ${request.tag_name} repo$`)),
  ]);
});

test('list-sidetags prints names, of all or of somebody', async () => {
  const name = await add();
  for (const flags of [{}, { mine: true }, { user: 'alice' }, { basetag: 'f44-build' }])
    expect((await koji('anon_handle_list_sidetags', [], flags)).printed).toContain(name);
  expect((await koji('anon_handle_list_sidetags', [], { user: 'kojiadmin' })).printed).toEqual([]);
  const both = await koji('anon_handle_list_sidetags', [], { user: 'alice', mine: true });
  expect(both).toMatchObject({ code: 2, warned: ['Specify only one from --user --mine'] });
});

test('edit-sidetag changes debuginfo and macros', async () => {
  const name = await add();
  const none = { macros: [], removed: [] };
  await koji('handle_edit_sidetag', [name], {
    ...none,
    debuginfo: true,
    macros: ['my_dist=.x', 'my_count=3'],
  });
  expect((await tagOf(name))?.extra).toMatchObject({
    with_debuginfo: true,
    'rpm.macro.my_dist': '.x',
    'rpm.macro.my_count': 3,
  });
  await koji('handle_edit_sidetag', [name], { ...none, removed: ['my_dist'] });
  expect((await tagOf(name))?.extra).not.toHaveProperty(['rpm.macro.my_dist']);
  expect(await koji('handle_edit_sidetag', [name], none)).toMatchObject({
    code: 2,
    warned: ['At least one option needs to be specified'],
  });
  const strange = koji('handle_edit_sidetag', [name], { ...none, macros: ['my_x'] });
  await expect(strange).rejects.toThrow('--rpm-macro my_x: write key=value');
});

test('remove-sidetag removes tags and says which it may not', async () => {
  const names = [await add(), await add()];
  await koji('handle_remove_sidetag', names);
  expect(await Promise.all(names.map(tagOf))).toEqual([null, null]);
  await expect(koji('handle_remove_sidetag', ['f44-build'])).rejects.toThrow('Not a sidetag');
  expect(await koji('handle_remove_sidetag', [])).toMatchObject({ code: 2 });
});
