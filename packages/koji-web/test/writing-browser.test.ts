import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { startTestHub } from '@koji/plugin-sdk/testing';
import type { TestHub } from '@koji/plugin-sdk/testing';
import { chromium as browsers } from 'playwright-core';
import type { Browser, Page } from 'playwright-core';
import { root } from '../../../test/support/system.js';

const chromium = '/usr/bin/chromium';
/** Screenshots of the last run, to look at. */
const shots = path.join(root, 'coverage', 'web');
const inBrowser = existsSync(chromium) ? test : test.skip;

let hub: TestHub;
let base: string;
let browser: Browser | null = null;

beforeAll(async () => {
  hub = await startTestHub({ tags: ['f44', 'f44-build', 'f44-updates'] });
  base = `${hub.url.replace('kojihub', 'koji')}/`;
  mkdirSync(shots, { recursive: true });
  if (existsSync(chromium))
    browser = await browsers.launch({ executablePath: chromium, args: ['--no-sandbox'] });
});

afterAll(async () => {
  await browser?.close();
  await hub.stop();
});

async function logIn(page: Page, user: string): Promise<void> {
  await page.getByLabel('User', { exact: true }).fill(user);
  await page.getByLabel('Password').fill('test');
  await page.getByRole('button', { name: 'Log in' }).click();
}

inBrowser(
  'a person logs in, cancels a task and edits the inheritance of a tag, without scripts',
  async () => {
    const task = await hub.admin.makeTask('sleep', [1]);
    const parents = ['f44', 'f44-updates'].map(async (name, priority) => ({
      parent_id: (await hub.admin.getTag(name, true)).id,
      ...{ priority, maxdepth: null, intransitive: false, noconfig: false, pkg_filter: null },
    }));
    await hub.admin.setInheritanceData('f44-build', await Promise.all(parents));
    const context = await browser!.newContext({ javaScriptEnabled: false });
    try {
      const page = await context.newPage();
      await page.goto(`${base}taskinfo?taskID=${task}`);
      await page.getByRole('link', { name: 'Log in' }).click();
      await logIn(page, 'kojiadmin');
      await page.waitForURL(`${base}taskinfo?taskID=${task}`);
      const [cookie] = await context.cookies();
      expect(cookie).toMatchObject({ name: 'koji-web', httpOnly: true, sameSite: 'Lax', path: '/koji' });
      await page.getByRole('link', { name: 'Cancel', exact: true }).click();
      await page.getByRole('button', { name: 'Cancel the task' }).click();
      await page.waitForURL(`${base}taskinfo?taskID=${task}`);
      expect(await page.locator('header.thing .state').textContent()).toBe('canceled');

      await page.getByRole('navigation', { name: 'Main' }).getByRole('link', { name: 'Tags' }).click();
      await page.getByRole('link', { name: 'f44-build' }).click();
      await page.getByRole('link', { name: 'Inheritance …' }).click();
      await page.getByRole('link', { name: 'edit the parent f44', exact: true }).click();
      await page.getByLabel('Priority').fill('1');
      await page.getByLabel('Intransitive').check();
      await page.getByLabel('Package filter').fill('^kernel');
      await page.getByRole('button', { name: 'Save' }).click();
      // The hub refuses a priority that another parent has; what was typed is still there.
      expect(await page.getByRole('alert').textContent()).toMatch(/priorit/i);
      expect(await page.getByLabel('Intransitive').isChecked()).toBe(true);
      await page.getByLabel('Priority').fill('20');
      await page.getByRole('button', { name: 'Save' }).click();
      await page.waitForURL(/taginfo/);
      expect(await hub.admin.getInheritanceData('f44-build')).toMatchObject([
        { name: 'f44-updates', priority: 1 },
        { name: 'f44', priority: 20, intransitive: true, pkg_filter: '^kernel' },
      ]);
      await page.getByRole('button', { name: 'Log out' }).click();
      await page.getByRole('link', { name: 'Log in' }).waitFor();
      expect(await context.cookies()).toEqual([]);
    } finally {
      await context.close();
    }
  },
);

inBrowser('forms fit a phone, and axe finds no violation in them, in light and dark', async () => {
  const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
  const task = await hub.admin.makeTask('sleep', [2]);
  const host = await hub.admin.addHost('builder1', ['x86_64']);
  const build = await hub.addBuild('hello-1-1', { tags: ['f44'] });
  await hub.admin.createBuildTarget('f44', 'f44-build', 'f44');
  await hub.admin.createNotification('kojiadmin', 'hello', 'f44', true);
  const problems: unknown[] = [];
  for (const [colorScheme, width] of [
    ['light', 1280],
    ['dark', 360],
  ] as const) {
    // axe is no script of the page's own.
    const context = await browser!.newContext({
      bypassCSP: true,
      colorScheme,
      viewport: { width, height: 900 },
    });
    const page = await context.newPage();
    page.on('pageerror', (error) => problems.push({ at: page.url(), error: error.message }));
    const look = async (name: string): Promise<void> => {
      await page.evaluate(axe);
      const found = await page.evaluate<{ violations: string[]; isWide: boolean }>(`(async () => ({
        violations: (await axe.run()).violations.map(({ id, nodes }) => id + ' ' + nodes[0].html),
        isWide: document.documentElement.scrollWidth > innerWidth,
      }))()`);
      if (found.violations.length > 0 || found.isWide) problems.push({ name, width, ...found });
      await page.screenshot({ path: path.join(shots, `${name}-${colorScheme}.png`), fullPage: true });
    };
    await page.goto(`${base}login`);
    await page.getByLabel('User', { exact: true }).fill('kojiadmin');
    await page.getByLabel('Password').fill('wrong');
    await page.getByRole('button', { name: 'Log in' }).click();
    await page.getByRole('alert').waitFor();
    await look('login-refused');
    await logIn(page, 'kojiadmin');
    await page.waitForURL(base);
    const addresses = [
      '',
      `canceltask?taskID=${task}`,
      `tagbuild?buildID=${build.id}`,
      'tagedit?tagID=f44',
      'tagparent?tagID=f44-build&action=add',
      'taginfo?tagID=f44',
      'buildtargetedit?targetID=f44',
      `hostedit?hostID=${host}`,
      'grantpermission?userID=kojiadmin',
      'activesession',
      'logout',
    ];
    for (const address of addresses) {
      // The narrow pages are the same parts: some of them show all.
      if (width < 700 && !/^$|^(tagparent|hostedit|tagbuild|activesession)/.test(address)) continue;
      await page.goto(base + address);
      await look(`my-${address.split('?')[0] || 'index'}`);
    }
    await context.close();
  }
  expect(problems).toEqual([]);
});
