import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import type SqliteDatabase from 'better-sqlite3';
import { chromium as browsers } from 'playwright-core';
import { startDemoHub } from './support/demo-hub.js';
import type { DemoHub } from './support/demo-hub.js';
import { Visitor } from './support/visitor.js';

const nasty = [
  `<script>document.title='HACKED'</script>`,
  `"'><img src=x onerror="document.title='HACKED'">`,
  `</textarea></title></style><svg onload="document.title='HACKED'">`,
  `javascript:document.title='HACKED'`,
  `\u202Egnp.exe\u2066\u200f`,
  `line\r\nSet-Cookie: a=b\r\n\r\n{{7*7}} %00 ../../../../etc/passwd`,
].join(' ');
/** 4 kB of it. */
const hostile = nasty + 'long '.repeat(Math.ceil((4096 - Buffer.byteLength(nasty)) / 5));

/** Values that the hub itself reads: JSON, XML, times and checksums. */
const isOwn = (value: string): boolean => /^\s*[[{<"]|^\d{4}-\d\d-\d\d|^[0-9a-f]{32,}$|^$/.test(value);
/** Names that the hub looks things up by, and what no user can set. */
const left = new Set([
  'sessions',
  'migrations',
  'btype',
  'archivetypes',
  'permissions',
  'volume',
  'volume_name',
]);

/** Adds hostile text to every text of every row. */
function spoil(folder: string): number {
  const driver = Number(process.versions['napi']) >= 10 ? 'better-sqlite3-13' : 'better-sqlite3-12';
  const Driver = createRequire(import.meta.url)(driver) as typeof SqliteDatabase;
  const db = new Driver(path.join(folder, 'koji.db'));
  let count = 0;
  try {
    db.pragma('foreign_keys = off');
    db.pragma('ignore_check_constraints = on');
    db.function('spoiled', (value: unknown, most: number) => {
      if (typeof value !== 'string' || isOwn(value)) return value;
      count++;
      return (value + hostile).slice(0, most);
    });
    const tables = db
      .prepare(`SELECT name FROM sqlite_master WHERE type = 'table'`)
      .pluck()
      .all() as string[];
    for (const table of tables) {
      if (table.startsWith('sqlite_') || left.has(table)) continue;
      const columns = db.pragma(`table_xinfo(${table})`) as { name: string; type: string; hidden: number }[];
      const texts = columns.filter(({ type, hidden }) => /char|text/i.test(type) && hidden === 0);
      if (texts.length === 0) continue;
      const set = texts
        .map(({ name, type }) => `"${name}" = spoiled("${name}", ${/\((\d+)\)/.exec(type)?.[1] ?? 1e6})`)
        .join(', ');
      db.exec(`UPDATE "${table}" SET ${set}`);
    }
  } finally {
    db.close();
  }
  return count;
}

let hub: DemoHub;
/** An admin, whose login is from before everything was spoiled. */
let cookie: string;

beforeAll(async () => {
  hub = await startDemoHub({ HeavyPages: '0' }, { rows: 4 });
  const admin = new Visitor(hub.base);
  await admin.logIn('kojiadmin', 'secret');
  cookie = admin.cookie ?? '';
  await hub.restart((folder) => expect(spoil(folder)).toBeGreaterThan(140));
});

afterAll(() => hub.stop());

/** All pages that links lead an admin to, some of each kind: those that read, and the forms of those that change something. */
async function crawl(perKind: number): Promise<{ pages: string[]; problems: unknown[] }> {
  const seen = new Set(['']);
  const kinds = new Map<string, number>();
  const pages: string[] = [];
  const problems: unknown[] = [];
  const queue = [''];
  for (let at = queue.shift(); at !== undefined; at = queue.shift()) {
    const { status, headers, text } = await hub.get(at, { Cookie: cookie });
    if (status >= 400)
      problems.push({
        at: at.slice(0, 200),
        status,
        text: text.slice(text.indexOf('<h1>'), text.indexOf('<h1>') + 400),
      });
    if (headers.get('set-cookie') !== null) problems.push({ at, header: 'Set-Cookie' });
    if (!headers.get('content-type')?.includes('html')) continue;
    if (/<script>|<img src=x|<svg onload|href="javascript/i.test(text))
      problems.push({ at, unescaped: true });
    pages.push(at);
    for (const [, link = ''] of text.matchAll(/href="([^"]*)"/g)) {
      const url = new URL(link.replaceAll('&amp;', '&').replaceAll('&#39;', "'"), hub.base + at);
      url.hash = '';
      if (!url.href.startsWith(hub.base) || url.pathname.includes('/assets/')) continue;
      const address = url.href.slice(hub.base.length);
      const kind = `${address.split('?')[0] ?? ''} ${[...url.searchParams.keys()].join(' ')}`;
      const count = (kinds.get(kind) ?? 0) + 1;
      if (seen.has(address) || count > perKind) continue;
      kinds.set(kind, count);
      seen.add(address);
      queue.push(address);
    }
  }
  return { pages, problems };
}

/** Fills in the form of a page with hostile text in every field that takes any; false when there is no such field. */
const fillIn = `((text) => {
  const form = document.querySelector('form.form[method=post]');
  const fields = form?.querySelectorAll('input:not([type=hidden]):not([type=checkbox]), textarea, select') ?? [];
  for (const field of fields) {
    field.removeAttribute('maxlength');
    if (field.type === 'number') field.type = 'text';
    if (field.tagName === 'SELECT') field.add(new Option(text, text));
    field.value = text;
  }
  return fields.length > 0;
})(${JSON.stringify(nasty)})`;

/** Sends the form, whatever its fields would have to be. */
const send = `setTimeout(() => document.querySelector('form.form[method=post]').submit())`;

const chromium = '/usr/bin/chromium';
const inBrowser = existsSync(chromium) ? test : test.skip;

inBrowser(
  'with hostile text in every field of every thing and form no page fails, and nothing runs in Chromium',
  async () => {
    const { pages, problems } = await crawl(1);
    const browser = await browsers.launch({ executablePath: chromium, args: ['--no-sandbox'] });
    try {
      const context = await browser.newContext({ viewport: { width: 360, height: 700 } });
      const [name = '', value = ''] = cookie.split('=');
      await context.addCookies([{ name, value, url: hub.base }]);
      const page = await context.newPage();
      const forms: string[] = [];
      page.on('response', (response) => {
        if (response.status() >= 500) problems.push({ at: response.url(), status: response.status() });
        if (response.request().method() === 'POST') forms.push(new URL(response.url()).pathname);
      });
      page.on('pageerror', (error) => problems.push({ at: page.url(), error: error.message }));
      page.on('dialog', (dialog) => problems.push({ at: page.url(), dialog: dialog.message() }));
      // Its script and style come from the page's own folder alone; what the policy stops was not escaped.
      page.on('console', (message) => {
        if (/Content Security Policy/.test(message.text()))
          problems.push({ at: page.url(), text: message.text() });
      });
      const shown = new Set<string>();
      for (const address of pages) {
        const name = address.split('?')[0] ?? '';
        if (shown.has(name)) continue;
        shown.add(name);
        await page.goto(hub.base + address, { waitUntil: 'load' });
        const check = async (): Promise<void> => {
          const found = await page.evaluate<{ title: string; width: number }>(
            '({ title: document.title, width: document.documentElement.scrollWidth })',
          );
          if (/HACKED$/.test(found.title) || found.width > 360) problems.push({ name, width: found.width });
        };
        await check();
        if (!(await page.evaluate<boolean>(fillIn))) continue;
        await Promise.all([page.waitForEvent('load'), page.evaluate(send)]);
        await check();
      }
      expect(shown.size).toBeGreaterThan(45);
      expect(new Set(forms).size).toBeGreaterThan(8);
    } finally {
      await browser.close();
    }
    expect(problems).toEqual([]);
  },
);
