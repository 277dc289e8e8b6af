import { context } from '@koji/plugin-sdk';
import { startTestHub } from '@koji/plugin-sdk/testing';
import type { TestHub } from '@koji/plugin-sdk/testing';
import {
  code,
  facts,
  heading,
  link,
  list,
  state,
  table,
  text,
  webPage,
  webPanel,
} from '@koji/plugin-sdk/web';
import type { WebBlock } from '@koji/plugin-sdk/web';

const hostile = `<script>document.title='HACKED'</script>"'><img src=x>`;

const checks = {
  page: webPage({ name: 'checks', title: 'Checks', menu: true })(async ({ calls, params }) => [
    heading(hostile),
    text('Koji ', await calls.getKojiVersion(), ' says ', params['word'] ?? null),
    facts({ [hostile]: link('tags', hostile), bad: link("javascript:document.title='HACKED'", hostile) }),
    table(['What', 'State'], [[hostile, state('good', 'passed')]]),
    list([link('https://example.com/', 'elsewhere'), 5, true, null]),
    code(hostile),
  ]),
  panel: webPanel({ on: 'build', title: 'Owner' })((build) => [
    text(`${build.nvr} is of ${build.owner_name}`),
  ]),
  none: webPanel({ on: 'build', title: 'Nothing' })(() => null),
  sometimes: webPanel({ on: 'package', title: 'Sometimes' })((pkg, { params }) => {
    if (params['fail'] === '1') throw new Error('not today');
    return [text(`${pkg.name} today`)];
  }),
  outside: webPanel({ on: 'package', title: 'Outside' })(() => [text(context.session.userId ?? 'nobody')]),
  onTag: webPanel({ on: 'tag', title: 'Tag' })((tag) => [text(tag.name)]),
};
const broken = {
  throws: webPanel({ on: 'build', title: 'Throws' })(() => {
    throw new Error(`no answer ${hostile}`);
  }),
  hangs: webPanel({ on: 'build', title: 'Hangs' })(() => new Promise<WebBlock[]>(() => undefined)),
  odd: webPanel({ on: 'build', title: 'Odd' })(() => [{ kind: 'html', html: hostile }] as never),
};

let hub: TestHub;
let build: number;

beforeAll(async () => {
  hub = await startTestHub({
    webPlugins: { checks, broken },
    tags: ['f44'],
    options: { CallbackFailureLimit: '2' },
  });
  build = (await hub.addBuild('hello-1-1', { tags: ['f44'] })).id;
});

afterAll(() => hub.stop());

async function get(address: string): Promise<{ status: number; text: string }> {
  const answer = await fetch(hub.url.replace('kojihub', `koji/${address}`));
  return { status: answer.status, text: await answer.text() };
}

test('a page of a plugin is in the menu, reads from the hub and shows texts as they are', async () => {
  const { text: page } = await get('checks?word=hello');
  expect(page).toContain('<a href="checks" aria-current="page"><bdi>Checks</bdi></a>');
  expect(page).toMatch(/Koji <\/bdi><bdi>[\d.]+<\/bdi><bdi> says <\/bdi><bdi>hello/);
  expect(page).toContain('<a href="https://example.com/" rel="noopener noreferrer nofollow">');
  expect(page).toContain('passed</span>');
  expect(page).not.toMatch(/<script>|<img src=x|href="javascript/);
  const json = JSON.parse((await get('checks.json')).text) as object;
  expect(json).toMatchObject({ plugin: 'checks', title: 'Checks', problem: null });
  expect((await get('')).text).toContain('<a href="checks">');
});

test('panels are on pages of their things, and one that fails, hangs or answers rubbish is a box that names the plugin', async () => {
  const { status, text: page } = await get(`buildinfo?buildID=${build}`);
  expect(status).toBe(200);
  expect(page).toContain('hello-1-1 is of kojiadmin');
  expect(page).not.toContain('Nothing<small>');
  const boxes = [
    ...page.matchAll(/<div class="fault">Plugin <bdi>(\w+)<\/bdi> could not show this: <bdi>(.*?)<\/bdi>/g),
  ];
  expect(boxes.map(([, plugin, why]) => `${plugin}: ${why}`)).toEqual([
    expect.stringMatching(/^broken: no answer &lt;script&gt;/),
    'broken: did not end within 2 s',
    'broken: its block 1 is none that can be shown',
  ]);
  expect((await get('taginfo?tagID=f44')).text).toContain('<bdi>f44</bdi>');
  expect(hub.log.some((line) => line.includes('plugin broken: Throws could not be shown'))).toBe(true);
});

test('panels are in the JSON of pages, as they are shown', async () => {
  const { panels } = JSON.parse((await get('taginfo.json?tagID=f44')).text) as { panels: unknown };
  expect(panels).toEqual([
    { plugin: 'checks', title: 'Tag', problem: null, blocks: [{ kind: 'text', parts: ['f44'] }] },
  ]);
  expect(JSON.parse((await get(`userinfo.json?userID=kojiadmin`)).text)).toMatchObject({ panels: [] });
  expect(JSON.parse((await get('tags.json')).text)).not.toHaveProperty('panels');
});

test('a panel that keeps failing is switched off by itself, and has no context of a call', async () => {
  const show = async (fail: string): Promise<string> =>
    (await get(`packageinfo?packageID=hello&fail=${fail}`)).text;
  const first = await show('0');
  expect(first).toContain('hello today');
  expect(first).toContain('context is only there while the hub runs a method');
  expect(await show('1')).toContain('not today');
  // Once it works, it starts from the beginning.
  expect(await show('0')).toContain('hello today');
  for (let i = 0; i < 2; i++) expect(await show('1')).toContain('not today');
  const last = await show('0');
  expect(last).not.toContain('hello today');
  expect(last).toMatch(
    /Plugin <bdi>checks<\/bdi> could not show this: <bdi>it kept failing and is switched off/,
  );
  expect(hub.log.join('\n')).toContain('the panel Sometimes on package of plugin checks is switched off');
});

test('a plugin can not take the address of a page of Koji', async () => {
  const page = webPage({ name: 'builds', title: 'Builds' })(() => []);
  await expect(startTestHub({ webPlugins: { thief: { page } } })).rejects.toThrow(
    "brings the web page builds, which is also brought by Koji's own",
  );
});
