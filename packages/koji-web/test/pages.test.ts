import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { chromium as browsers } from 'playwright-core';
import { root } from '../../../test/support/system.js';
import { hostile } from './support/demo.js';
import type { Demo } from './support/demo.js';
import { startDemoHub } from './support/demo-hub.js';
import type { DemoHub } from './support/demo-hub.js';

let hub: DemoHub;
let base: string;
let demo: Demo;
const get: DemoHub['get'] = (...args) => hub.get(...args);

beforeAll(async () => {
  hub = await startDemoHub({ HeavyPages: '0' });
  ({ base, demo } = hub);
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

test('a crawl finds no dead link, no unescaped text and no large page', async () => {
  const seen = new Set(['']);
  const perPage = new Map<string, number>();
  const problems: unknown[] = [];
  const queue = [''];
  for (let at = queue.shift(); at !== undefined; at = queue.shift()) {
    const { status, headers, text } = await get(at);
    if (status >= 400) problems.push({ at, status });
    if (!headers.get('content-type')?.includes('html')) continue;
    if (text.length > 100_000) problems.push({ at, length: text.length });
    if (/<script>|<img src=x|href="javascript/i.test(text)) problems.push({ at, unescaped: true });
    for (const [, link = ''] of text.matchAll(/(?:href|src)="([^"]*)"/g)) {
      const url = new URL(link.replaceAll('&amp;', '&').replaceAll('&#39;', "'"), base + at);
      url.hash = '';
      if (!url.href.startsWith(base)) continue;
      const address = url.href.slice(base.length);
      const name = address.split('?')[0] ?? '';
      const count = (perPage.get(name) ?? 0) + 1;
      if (seen.has(address) || count > 8) continue;
      perPage.set(name, count);
      seen.add(address);
      queue.push(address);
    }
  }
  expect(problems).toEqual([]);
  expect(seen.size).toBeGreaterThan(150);
});

const chromium = '/usr/bin/chromium';
/** Screenshots of the last run, to look at. */
const shots = path.join(root, 'coverage', 'web');

const inBrowser = existsSync(chromium) ? test : test.skip;

inBrowser(
  'in Chromium nothing hostile runs, no page is wider than a phone, and axe finds no violation',
  async () => {
    const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
    const problems: unknown[] = [];
    mkdirSync(shots, { recursive: true });
    const browser = await browsers.launch({ executablePath: chromium, args: ['--no-sandbox'] });
    try {
      for (const [colorScheme, width] of [
        ['light', 1280],
        ['dark', 360],
      ] as const) {
        const context = await browser.newContext({
          // axe is no script of the page's own.
          bypassCSP: true,
          colorScheme,
          viewport: { width, height: 900 },
        });
        const page = await context.newPage();
        page.on('pageerror', (error) => problems.push({ at: page.url(), error: error.message }));
        const all = ['', 'tasks?state=all', 'hosts', 'search?terms=lib*', 'buildsbyuser', ...addresses()];
        const shown = new Set<string>();
        for (const address of all) {
          const name = address.split('?')[0] ?? '';
          if (shown.has(name) || /^(getfile|recentbuilds|taskstatus)/.test(name)) continue;
          // The narrow pages are the same parts: some of them show all.
          if (width < 700 && !/^$|^(tasks|hosts|buildinfo|taskinfo|taginfo)$/.test(name)) continue;
          shown.add(name);
          await page.goto(base + address);
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
          if (found.violations.length > 0 || found.isWide || /HACKED$/.test(found.title))
            problems.push({ address, width, ...found });
          await page.screenshot({ path: path.join(shots, `${name || 'index'}-${colorScheme}.png`) });
        }
        await context.close();
      }
      const page = await browser.newPage();
      await page.goto(base);
      await page.keyboard.press('/');
      await page.keyboard.type('hello');
      await page.getByRole('option', { name: 'hello package' }).click();
      await page.waitForURL(/packageinfo/);
      await page.getByRole('link', { name: 'hello-2.12-3' }).click();
      await page.waitForURL(/buildinfo/);
      expect(await page.title()).toBe('hello-2.12-3 | Koji');
    } finally {
      await browser.close();
    }
    expect(problems).toEqual([]);
  },
);
