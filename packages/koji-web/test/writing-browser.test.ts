import { existsSync } from 'node:fs';
import { startTestHub } from '@koji/plugin-sdk/testing';
import type { TestHub } from '@koji/plugin-sdk/testing';
import { chromium as browsers } from 'playwright-core';
import type { Browser, Page } from 'playwright-core';

const chromium = '/usr/bin/chromium';
const inBrowser = existsSync(chromium) ? test : test.skip;

let hub: TestHub;
let base: string;
let browser: Browser | null = null;

beforeAll(async () => {
  hub = await startTestHub({ tags: ['f44', 'f44-build', 'f44-updates'] });
  base = `${hub.url.replace('kojihub', 'koji')}/`;
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
