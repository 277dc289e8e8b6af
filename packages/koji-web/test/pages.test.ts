import { appendFileSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { chromium as browsers } from 'playwright-core';
import type { Browser, Page, Response } from 'playwright-core';
import { ClientSession, named } from '@koji/client';
import { BR_STATES, TASK_STATES } from '@koji/core';
import { root } from '../../../test/support/system.js';
import { hostile } from './support/demo.js';
import type { Demo } from './support/demo.js';
import { startDemoHub } from './support/demo-hub.js';
import type { DemoHub } from './support/demo-hub.js';
import { Visitor } from './support/visitor.js';

let hub: DemoHub;
let base: string;
let demo: Demo;
/** An rpm with files, as the demo's own one is the source. */
let binaryRpm: number;
/** A token of the visitor. */
let token: number;
const get: DemoHub['get'] = (...args) => hub.get(...args);

beforeAll(async () => {
  hub = await startDemoHub({ HeavyPages: '0' });
  ({ base, demo } = hub);
  const { rpms } = JSON.parse((await get(`buildinfo.json?buildID=${demo.build}`)).text) as {
    rpms: { id: number; name: string; arch: string }[];
  };
  binaryRpm = rpms.find(({ name, arch }) => name === 'hello' && arch === 'noarch')?.id ?? 0;
  const session = new ClientSession(hub.api);
  await session.login('kojiadmin', 'secret');
  const limits = named({ methods: ['build', 'listTags'], permissions: [] });
  token = (await session.createToken('nightly', limits)).id;
  await session.logout();
  await session.close();
});

afterAll(() => hub.stop());

const addresses = (): readonly string[] => [
  `buildinfo?buildID=${demo.build}`,
  `taskinfo?taskID=${demo.task}`,
  `packageinfo?packageID=${demo.package}`,
  'packageinfo?packageID=hello',
  'search?terms=lib*&type=build&match=glob',
  'search?terms=%5Elib&type=package&match=regexp',
  'search?terms=lib1&type=package',
  `getfile?taskID=${demo.running}&name=root.log`,
  `getfile?taskID=${demo.running}&name=root.log&volume=DEFAULT&offset=-4000`,
  'builds?state=3&order=-build_id',
  `builds?tagID=${demo.tag}&inherited=0&prefix=l`,
  'tasks?state=all&view=tree&method=image&order=-id',
  'tasks?owner=builder1.example.com&state=all',
  'tasks?method=newRepo&state=all',
  `taginfo?tagID=${demo.tag}`,
  'taginfo?tagID=f44-build',
  `packages?tagID=${demo.tag}`,
  `userinfo?userID=${demo.user}`,
  `rpminfo?rpmID=${demo.rpm}`,
  `buildrootinfo?buildrootID=${demo.buildroot}`,
  `rpmlist?buildrootID=${demo.buildroot}&start=50&order=nvr&type=component`,
  `repoinfo?repoID=${demo.repo}`,
  `hostinfo?hostID=${demo.host}`,
  `buildtargetinfo?targetID=${demo.target}`,
  `externalrepoinfo?extrepoID=${demo.externalRepo}`,
  'recentbuilds',
  'recentbuilds?user=kojiadmin',
  `watchlogs?taskID=${demo.running}`,
  `taskstatus?taskID=${demo.running}`,
  `viewlog?taskID=${demo.running}&name=root.log`,
  `comparebuilds?buildID=${demo.build}&otherID=${demo.nextBuild}`,
  'comparetags?tagID=f44&otherID=f44-build',
  'taghistory?tagID=f44',
  ...['packagesbyuser', 'rpmsbyhost', 'buildsbyday', 'buildtimes?by=host', 'hostuse'],
];

test('every address that the world uses answers', async () => {
  for (const address of addresses()) {
    const { status } = await get(address);
    expect({ address, status }).toEqual({ address, status: address.includes('lib1') ? 302 : 200 });
  }
});

test('a single result of a search leads to its page, and lists have links to buildinfo by id', async () => {
  const { status, headers } = await get('search?match=glob&type=build&terms=hello-2.12-3');
  expect([status, headers.get('location')]).toEqual([302, `buildinfo?buildID=${demo.build}`]);
  const { text } = await get('builds');
  expect(text).toContain(`<tr class="row-odd">`);
  expect(text).toContain(`href="buildinfo?buildID=${demo.build}"`);
  expect(text).toContain('<form class="pageJump"');
  expect(text).toContain('Builds 1 through 50 of 69');
});

test('an unknown thing is 404 and a wrong parameter 400, with the reason', async () => {
  const cases: [string, number, RegExp][] = [
    ['buildinfo?buildID=99999', 404, /There is no build 99999/],
    ['taginfo?tagID=nothing', 404, /There is no tag &#39;nothing&#39;/],
    ['buildinfo', 400, /buildinfo needs the parameter buildID/],
    ['buildinfo?buildID=one', 400, /buildID = &#39;one&#39; is not a number/],
    ['builds?order=evil', 400, /is no column to sort by/],
    ['nothing', 404, /There is no page/],
    [`getfile?taskID=${demo.running}&name=..%2F..%2Fhub.conf`, 404, /no file/],
  ];
  for (const [address, status, reason] of cases) {
    const found = await get(address);
    expect({ address, status: found.status }).toEqual({ address, status });
    expect(found.text).toMatch(reason);
  }
});

test('two builds are compared by packages, files, dependencies and sizes', async () => {
  const { build, nextBuild } = demo;
  const { text } = await get(`comparebuilds.json?buildID=${build}&otherID=hello-2.12-4`);
  const data = JSON.parse(text) as Record<'files' | 'dependencies' | 'packages', { rows: Row[] }>;
  type Row = { name: string; from: string | null; to: string | null };
  const names = ({ rows }: { rows: Row[] }): string[] => rows.map((row) => row.name);
  expect(data.files).toMatchObject({ added: 1, removed: 0, changed: 1 });
  expect(names(data.files)).toContain('/usr/share/hello/farewell');
  expect(data.dependencies.rows).toContainEqual({ name: 'hello requires zlib', from: null, to: 'zlib' });
  expect(data.dependencies.rows).toContainEqual({
    name: 'hello provides hello',
    from: 'hello = 2.12-3',
    to: 'hello = 2.12-4',
  });
  expect(names(data.packages)).toContain('hello.noarch');
  const page = await get(`buildinfo?buildID=${nextBuild}`);
  expect(page.text).toContain(`comparebuilds?buildID=${build}&amp;otherID=${nextBuild}`);
});

test('a build shows what became of it on each arch, with the buildroot', async () => {
  const { arches } = JSON.parse((await get(`buildinfo.json?buildID=${demo.build}`)).text) as {
    arches: { task: { id: number }; buildroots: { id: number }[] }[];
  };
  expect(arches).toEqual([
    {
      task: expect.objectContaining({
        method: 'buildArch',
        arch: 'noarch',
        state: TASK_STATES.CLOSED,
      }) as unknown,
      buildroots: [
        { id: expect.any(Number) as number, state: BR_STATES.EXPIRED, host_name: 'builder1.example.com' },
      ],
    },
  ]);
  const { text } = await get(`buildinfo?buildID=${demo.build}`);
  const [section = ''] = /<section id="arches".*?<\/section>/s.exec(text) ?? [];
  expect(section).toContain(`taskinfo?taskID=${arches[0]?.task.id}`);
  expect(section).toContain(`buildrootinfo?buildrootID=${arches[0]?.buildroots[0]?.id}`);
  expect(section).toContain('builder1.example.com');
});

test('a tag is compared with itself at a moment, and shows what it had then', async () => {
  const history = JSON.parse((await get('taghistory.json?tagID=f44')).text) as {
    changes: { event: number; kind: string; build: { nvr: string } }[];
  };
  const [newest] = history.changes;
  expect(newest).toMatchObject({ kind: 'tagged', build: { nvr: 'hello-2.12-4' } });
  const before = (newest?.event ?? 0) - 1;
  const compared = JSON.parse((await get(`comparetags.json?tagID=f44&event=${before}`)).text) as object;
  expect(compared).toMatchObject({
    builds: { rows: [{ name: 'hello', from: 'hello-2.12-3', to: 'hello-2.12-4' }], changed: 1 },
  });
  expect((await get(`builds?tagID=f44&event=${before}`)).text).not.toContain('hello-2.12-4');
  expect((await get('comparetags?tagID=f44&event=1999-12-31')).status).toBe(404);
  expect((await get('comparetags?tagID=f44&event=yesterday')).status).toBe(400);
});

test('a task that waits says why, and one that failed shows the first error of its log', async () => {
  expect((await get(`taskinfo?taskID=${demo.waiting}`)).text).toContain(
    'no enabled host in channel default has the arch ppc64le',
  );
  const failed = await get(`taskinfo.json?taskID=${demo.failed}`);
  expect(JSON.parse(failed.text)).toMatchObject({
    error: { file: { name: 'build.log' }, line: 301, first: 297 },
  });
  const { text } = await get(`taskinfo?taskID=${demo.failed}`);
  expect(text).toMatch(/viewlog\?taskID=\d+&amp;name=build.log&amp;line=301#L301/);
});

test('reports count everything in few queries', async () => {
  const json = async (address: string): Promise<unknown> => JSON.parse((await get(address)).text);
  expect(await json('packagesbyuser.json')).toMatchObject({
    list: {
      rows: [
        { name: 'ada', count: 60 },
        { name: 'kojiadmin', count: 8 },
      ],
    },
    most: 60,
  });
  expect(await json('rpmsbyhost.json?rpmArch=noarch')).toMatchObject({
    list: { rows: [{ name: 'builder1.example.com', count: 2 }] },
  });
  const { days } = (await json('buildsbyday.json?days=7')) as { days: { succeeded: number }[] };
  expect(days).toHaveLength(7);
  expect(days.reduce((sum, { succeeded }) => sum + succeeded, 0)).toBe(1);
  expect(await json('buildtimes.json?by=package')).toMatchObject({
    times: { rows: [{ name: 'hello', count: 1 }] },
  });
  expect(await json('buildtimes.json?by=host')).toMatchObject({
    times: { rows: [{ name: 'builder1.example.com', count: 2 }] },
  });
  expect(await json('hostuse.json')).toMatchObject({
    hosts: { rows: [{ name: 'builder1.example.com', slots: { length: 48 } }, { use: 0 }] },
  });
});

test('the inheritance of a tag is a picture with links, both ways', async () => {
  const { text } = await get('taginfo?tagID=f44');
  const picture = /<svg role="group".*?<\/svg>/s.exec(text)?.[0] ?? '';
  expect(picture).toMatch(/<a href="taginfo\?tagID=\d+" aria-label="f44-build" class="other">/);
  expect(picture.match(/<path class="whole"/g)).toHaveLength(3);
});

test('every page is also JSON', async () => {
  const byName = await get(`buildinfo.json?buildID=${demo.build}`);
  const byHeader = await get(`buildinfo?buildID=${demo.build}`, { Accept: 'application/json' });
  for (const { text } of [byName, byHeader])
    expect(JSON.parse(text)).toMatchObject({ build: { nvr: 'hello-2.12-3' }, rpms: { length: 3 } });
  expect((await get('buildinfo.json?buildID=99999')).text).toBe(
    '{"error":"There is no build 99999.","status":404}',
  );
});

test('headers allow no inline script, no frame and no guessing of types', async () => {
  const { headers } = await get('');
  expect(headers.get('content-security-policy')).toBe(
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
  );
  expect(headers.get('x-content-type-options')).toBe('nosniff');
  const log = await get(`getfile?taskID=${demo.running}&name=root.log`);
  expect(log.headers.get('content-security-policy')).toBe("sandbox; default-src 'none'");
  expect(log.text).toContain(hostile);
});

/** Follows links from the overview, so many to each page; answers what was seen and what is wrong. */
async function crawl(
  ask: (address: string) => Promise<{ status: number; type: string; text: string }>,
  most: number,
): Promise<{ seen: Set<string>; problems: unknown[] }> {
  const seen = new Set(['']);
  const perPage = new Map<string, number>();
  const problems: unknown[] = [];
  const queue = [''];
  for (let at = queue.shift(); at !== undefined; at = queue.shift()) {
    const { status, type, text } = await ask(at);
    if (status >= 400) problems.push({ at, status });
    if (!type.includes('html')) continue;
    if (text.length > 100_000) problems.push({ at, length: text.length });
    if (/<script>|<img src=x|href="javascript/i.test(text)) problems.push({ at, unescaped: true });
    for (const [, link = ''] of text.matchAll(/(?:href|src)="([^"]*)"/g)) {
      const url = new URL(link.replaceAll('&amp;', '&').replaceAll('&#39;', "'"), base + at);
      url.hash = '';
      if (!url.href.startsWith(base)) continue;
      const address = url.href.slice(base.length);
      const name = address.split('?')[0] ?? '';
      const count = (perPage.get(name) ?? 0) + 1;
      if (seen.has(address) || count > most) continue;
      perPage.set(name, count);
      seen.add(address);
      queue.push(address);
    }
  }
  return { seen, problems };
}

test('a crawl finds no dead link, no unescaped text and no large page', async () => {
  const { seen, problems } = await crawl(async (address) => {
    const { status, headers, text } = await get(address);
    return { status, type: headers.get('content-type') ?? '', text };
  }, 8);
  expect(problems).toEqual([]);
  expect(seen.size).toBeGreaterThan(150);
});

test('nor does a crawl by somebody who is logged in, forms included', async () => {
  const visitor = new Visitor(base);
  await visitor.logIn('kojiadmin', 'secret');
  const { seen, problems } = await crawl(async (address) => {
    const { status, headers, text } = await visitor.get(address);
    return { status, type: headers['content-type'] ?? '', text };
  }, 3);
  expect(problems).toEqual([]);
  const names = new Set([...seen].map((address) => address.split('?')[0]));
  for (const form of ['canceltask', 'tagedit', 'tagparent', 'hostedit', 'buildtargetedit', 'tagbuild'])
    expect(names).toContain(form);
});

const chromium = '/usr/bin/chromium';
/** Screenshots of the last run, to look at. */
const shots = path.join(root, 'coverage', 'web');
/** `KOJI_WEB_SHOTS=1` takes whole pages, every one of them in every width and both schemes. */
const everyShot = process.env.KOJI_WEB_SHOTS !== undefined;

const inBrowser = existsSync(chromium) ? test : test.skip;

let browser: Browser | null = null;
beforeAll(async () => {
  mkdirSync(shots, { recursive: true });
  if (existsSync(chromium))
    browser = await browsers.launch({ executablePath: chromium, args: ['--no-sandbox'] });
});
afterAll(() => browser?.close());

/** Pages viewed by a logged-in visitor. */
const ownAddresses = (): readonly string[] => [
  '',
  `buildinfo?buildID=${demo.build}`,
  `taskinfo?taskID=${demo.running}`,
  'taginfo?tagID=f44-build',
  'tags',
  `hostinfo?hostID=${demo.host}`,
  `buildtargetinfo?targetID=${demo.target}`,
  'userinfo?userID=kojiadmin',
  'activesession',
  'tokens?ended=1',
  `tokenrevoke?tokenID=${token}`,
  'tagcreate',
  'tagedit?tagID=f44',
  'tagdelete?tagID=f44-testing',
  'tagparent?tagID=f44-build&action=add',
  `buildtargetedit?targetID=${demo.target}`,
  'buildtargetcreate',
  `hostedit?hostID=${demo.host}`,
  `disablehost?hostID=${demo.host}`,
  'notificationcreate',
  'grantpermission?userID=kojiadmin',
  `tagbuild?buildID=${demo.build}`,
  `canceltask?taskID=${demo.running}`,
];

/** Every page of the table of routes that shows something, one address each, and some in a second form. */
const shownAddresses = (): readonly string[] => {
  const more = [
    '',
    'builds',
    'packages',
    'tags',
    'tasks?state=all',
    'users',
    'hosts',
    `channelinfo?channelID=1`,
    'buildtargets',
    'search?terms=lib*',
    'reports',
    'buildsbyuser',
    'tasksbyuser',
    'tasksbyhost',
    'buildsbystatus',
    'buildsbytarget',
    'clusterhealth',
    'reporequests?active=all',
    `buildroots?repoID=${demo.repo}`,
    `fileinfo?rpmID=${binaryRpm}&filename=/usr/share/hello/greeting`,
    'archivelist?type=built&buildrootID=' + String(demo.buildroot),
    'api',
    'login',
  ];
  const names = new Set<string>();
  return [...more, ...addresses()].filter((address) => {
    const name = address.split('?')[0] ?? '';
    if (names.has(name) || /^(getfile|recentbuilds|taskstatus)/.test(name)) return false;
    return names.add(name);
  });
};

/** Pages with parts that are narrow in their own way. */
const narrow =
  /^$|^(tasks|hosts|buildinfo|taskinfo|taginfo|viewlog|hostuse|tagparent|hostedit|activesession|tokens|tokenrevoke)$/;
const sizes = everyShot
  ? (['light', 'dark'] as const).flatMap((scheme) =>
      [360, 1280, 2560].map((width) => [scheme, width] as const),
    )
  : ([
      ['light', 1280],
      ['dark', 360],
    ] as const);

inBrowser(
  'in Chromium nothing hostile runs, no page is wider than a phone, and axe finds no violation, logged in or not',
  async () => {
    const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
    const problems: unknown[] = [];
    for (const [colorScheme, width] of sizes) {
      const context = await browser!.newContext({
        // axe is not one of the page's own scripts.
        bypassCSP: true,
        colorScheme,
        viewport: { width, height: 900 },
      });
      const page = await context.newPage();
      page.on('pageerror', (error) => problems.push({ at: page.url(), error: error.message }));
      const check = async (name: string, answer: Response | null): Promise<void> => {
        await page.evaluate(axe);
        const found = await page.evaluate<{
          title: string;
          violations: string[];
          isWide: boolean;
        }>(`(async () => ({
          title: document.title,
          violations: (await axe.run()).violations.map(({ id, nodes }) => id + ' ' + nodes[0].html),
          isWide: document.documentElement.scrollWidth > innerWidth,
        }))()`);
        const status = answer?.status() ?? 200;
        const length = (await answer?.text())?.length ?? 0;
        const isBad = found.isWide || status !== 200 || length > 100_000 || /HACKED$/.test(found.title);
        if (isBad || found.violations.length > 0) problems.push({ name, width, status, length, ...found });
        await page.screenshot({
          path: path.join(shots, `${name}-${colorScheme}${everyShot ? `-${width}` : ''}.png`),
          fullPage: everyShot,
        });
      };
      const look = async (address: string, prefix: string): Promise<void> => {
        const name = address.split('?')[0] ?? '';
        // The narrow pages are the same parts: some of them show all.
        if (!everyShot && width < 700 && !narrow.test(name)) return;
        await check(`${prefix}${name || 'index'}`, await page.goto(base + address));
      };
      for (const address of shownAddresses()) await look(address, '');
      await logIn(page, 'wrong');
      await page.getByRole('alert').waitFor();
      await check('login-refused', null);
      await logIn(page, 'secret');
      await page.getByRole('button', { name: 'Log out' }).waitFor();
      for (const address of ownAddresses()) await look(address, 'my-');
      await context.close();
    }
    expect(problems).toEqual([]);
  },
  everyShot ? 1_200_000 : 300_000,
);

async function logIn(page: Page, password: string): Promise<void> {
  await page.goto(`${base}login`);
  await page.getByLabel('User', { exact: true }).fill('kojiadmin');
  await page.getByLabel('Password').fill(password);
  await page.getByRole('button', { name: 'Log in' }).click();
}

/** Appends a line to the log of the task that runs, as its builder does. */
function writeLine(line: string): void {
  const folder = path.join(
    hub.folder,
    'store/work/tasks',
    String(demo.running % 10_000),
    String(demo.running),
  );
  appendFileSync(path.join(folder, 'root.log'), `${line}\n`);
}

inBrowser(
  'a person finds a build, follows a log that grows, logs in, cancels a task, edits inheritance and compares builds',
  async () => {
    const context = await browser!.newContext({ viewport: { width: 1280, height: 900 } });
    const page = await context.newPage();
    const problems: string[] = [];
    page.on('pageerror', (error) => problems.push(error.message));
    const shot = (name: string) => page.screenshot({ path: path.join(shots, `flow-${name}.png`) });
    await page.goto(base);
    await page.keyboard.press('/');
    await page.keyboard.type('hello');
    await page.getByRole('option', { name: 'hello package' }).waitFor();
    await shot('1-search');
    await page.getByRole('option', { name: 'hello package' }).click();
    await page.waitForURL(/packageinfo/);
    await page.getByRole('link', { name: 'hello-2.12-3' }).click();
    await page.waitForURL(/buildinfo/);
    expect(await page.title()).toBe('hello-2.12-3 | Koji');
    await shot('2-build');

    await page.goto(`${base}taskinfo?taskID=${demo.running}`);
    await page.getByRole('link', { name: 'root.log' }).first().click();
    await page.waitForURL(/viewlog/);
    const heard = page.waitForRequest(/\/events\?/);
    await page.reload();
    await heard;
    writeLine('This line came while somebody looked.');
    await page.getByText('This line came while somebody looked.').waitFor();
    await page.getByText('Lines 1 through 3 of 3').first().waitFor();
    await shot('3-log');

    await page.goto(`${base}taskinfo?taskID=${demo.waiting}`);
    await page.getByRole('link', { name: 'Log in' }).click();
    await page.getByLabel('User', { exact: true }).fill('kojiadmin');
    await page.getByLabel('Password').fill('secret');
    await page.getByRole('button', { name: 'Log in' }).click();
    await page.waitForURL(`${base}taskinfo?taskID=${demo.waiting}`);
    await page.getByRole('link', { name: 'Cancel', exact: true }).click();
    await shot('4-cancel');
    await page.getByRole('button', { name: 'Cancel the task' }).click();
    await page.waitForURL(`${base}taskinfo?taskID=${demo.waiting}`);
    expect(await page.locator('header.thing .state').textContent()).toBe('canceled');

    await page.getByRole('navigation', { name: 'Main' }).getByRole('link', { name: 'Tags' }).click();
    await page.getByRole('link', { name: 'f44-build' }).click();
    await page.getByRole('link', { name: 'Inheritance …' }).click();
    await page.getByRole('link', { name: 'edit the parent f44', exact: true }).click();
    await page.getByLabel('Priority').fill('7');
    await shot('5-inheritance');
    await page.getByRole('button', { name: 'Save' }).click();
    await page.waitForURL(/taginfo/);
    const tag = JSON.parse((await get('taginfo.json?tagID=f44-build')).text) as { parents: object[] };
    expect(tag.parents).toMatchObject([{ name: 'f44', priority: 7 }]);

    await page.goto(`${base}buildinfo?buildID=${demo.nextBuild}`);
    await page
      .getByRole('link', { name: /compare/i })
      .first()
      .click();
    await page.waitForURL(/comparebuilds/);
    await page.getByRole('heading', { name: 'Files' }).waitFor();
    expect(await page.getByText('/usr/share/hello/farewell').count()).toBeGreaterThan(0);
    await shot('6-compare');
    await context.close();
    expect(problems).toEqual([]);
  },
);

inBrowser('a person reads all of that without scripts, and a reload shows what a log has got', async () => {
  const context = await browser!.newContext({
    javaScriptEnabled: false,
    viewport: { width: 1280, height: 900 },
  });
  const page = await context.newPage();
  await page.goto(base);
  await page.getByRole('search').locator('input[name=terms]').first().fill('hello');
  await page.keyboard.press('Enter');
  await page.waitForURL(/search|packageinfo/);
  if (/search/.test(page.url())) await page.locator('main a[href^=packageinfo]').first().click();
  await page.waitForURL(/packageinfo/);
  await page.getByRole('link', { name: 'hello-2.12-3' }).click();
  await page.waitForURL(/buildinfo/);
  await page
    .getByRole('link', { name: /compare/i })
    .first()
    .click();
  await page.waitForURL(/comparebuilds/);
  await page.goto(`${base}taskinfo?taskID=${demo.running}`);
  await page.getByRole('link', { name: 'root.log' }).first().click();
  await page.waitForURL(/viewlog/);
  writeLine('This line came while nobody looked.');
  await page.reload();
  expect(await page.getByText('This line came while nobody looked.').count()).toBe(1);
  await page.screenshot({ path: path.join(shots, 'flow-without-scripts.png') });
  await context.close();
});
