// koji-web alone before a hub: every link of every page is followed, and a person logs in, cancels a task and edits a tag.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { freePort } from '../ports.mjs';
import { root } from '../setup.mjs';

const program = path.join(root, 'packages/koji-web/dist/bundle/main.js');
/** Addresses of a page that differ in the values of parameters only, of which this many are followed. */
const mostAlike = 8;

/** Starts koji-web with these settings besides the address of the hub; `stop` ends it. */
export async function startWeb(here, hubUrl, settings) {
  const file = path.join(here, 'web.conf');
  const values = {
    KojiHubURL: hubUrl,
    Listen: `127.0.0.1:${await freePort()}`,
    LogFile: path.join(here, 'web.log'),
    HeavyPages: 0,
    ...settings,
  };
  const lines = Object.entries(values).map(([name, value]) => `${name} = ${value}\n`);
  writeFileSync(file, `[web]\n${lines.join('')}`);
  const child = spawn(process.execPath, [program, '--config', file], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [line] = await once(child.stdout, 'data');
  const base = /http:\S+/.exec(String(line))[0];
  const stop = async () => {
    child.kill();
    await once(child, 'exit');
  };
  return { base, stop };
}

/** A browser that keeps cookies and sends forms. */
export class Browser {
  cookies = new Map();

  constructor(base, headers = {}) {
    this.base = base;
    this.headers = headers;
  }

  async get(address, more = {}) {
    const cookie = [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    const { headers, ...rest } = more;
    const answer = await fetch(new URL(address, this.base), {
      redirect: 'manual',
      headers: { ...this.headers, ...(cookie ? { Cookie: cookie } : {}), ...headers },
      ...rest,
    });
    for (const line of answer.headers.getSetCookie()) {
      const [, name, value] = /^([^=]+)=([^;]*)/.exec(line);
      if (value === '') this.cookies.delete(name);
      else this.cookies.set(name, value);
    }
    return { status: answer.status, to: answer.headers.get('location'), text: await answer.text() };
  }

  /** Opens a form, fills in these fields, keeps the others as they are, and sends it. */
  async submit(address, fields) {
    const { text } = await this.get(address);
    const form = new URLSearchParams({ ...fieldsOf(text), ...fields });
    return this.get(address, { method: 'POST', body: form, headers: { Origin: new URL(this.base).origin } });
  }
}

/** The fields of a form as a browser would send them back. */
function fieldsOf(html) {
  const [, form = ''] = /<form class="form[^>]*>(.*?)<\/form>/s.exec(html) ?? [];
  const fields = {};
  for (const [tag] of form.matchAll(/<input[^>]*>/g)) {
    const attribute = (name) => new RegExp(` ${name}="([^"]*)"`).exec(tag)?.[1] ?? '';
    if (attribute('type') === 'checkbox' && !/ checked/.test(tag)) continue;
    fields[attribute('name')] = plain(attribute('value'));
  }
  return fields;
}

const plain = (text) =>
  text.replaceAll('&quot;', '"').replaceAll('&#39;', "'").replaceAll('&lt;', '<').replaceAll('&amp;', '&');

/**
 * Follows the links of every page; of those that differ in the values of parameters only, some.
 *
 * @returns how many pages there were, and a line for each address that answers with anything but a page
 */
export async function crawl(browser) {
  const seen = new Set([browser.base]);
  const waiting = [browser.base];
  const wrong = [];
  const alike = new Map();
  let pages = 0;
  while (waiting.length > 0) {
    const address = waiting.shift();
    pages += 1;
    const { status, text, to } = await browser.get(address);
    if (![200, 302, 303].includes(status))
      wrong.push(
        `${address}: ${status} ${
          /<h1>.*?<\/main>/s
            .exec(text)?.[0]
            .replace(/<[^>]*>/g, ' ')
            .trim() ?? ''
        }`,
      );
    const links =
      to === null ? [...text.matchAll(/ (?:href|src)="([^"#]*)/g)].map(([, link]) => plain(link)) : [to];
    for (const link of links) {
      const next = new URL(link, address).href;
      if (!next.startsWith(browser.base) || seen.has(next)) continue;
      seen.add(next);
      const { pathname, searchParams } = new URL(next);
      const kind = `${pathname} ${[...searchParams.keys()].join(' ')}`;
      alike.set(kind, (alike.get(kind) ?? 0) + 1);
      if (alike.get(kind) <= mostAlike) waiting.push(next);
    }
  }
  return { pages, wrong };
}

/** A user's actions on the page; `session` is one of the same hub, for checking the results. */
export async function visit({ base, admin, session, check }) {
  const browser = new Browser(base);
  const wrong = await browser.submit('login', { user: admin.user, password: 'wrong' });
  check('a wrong password is refused', wrong.status === 403 && wrong.text.includes('role="alert"'));
  const { status } = await browser.submit('login', admin);
  check('a login with a password', status === 303);
  check('the page knows who is logged in', await isLoggedIn(browser));

  const task = await session.makeTask('sleep', [600]);
  await browser.submit(`canceltask?taskID=${task}`, {});
  check('a task is canceled', (await session.getTaskInfo(task)).state === 3);

  await browser.submit('tagedit?tagID=mytag', { arches: 'x86_64 i686', locked: '1' });
  const tag = await session.getTag('mytag');
  check('a tag is edited', tag.arches === 'x86_64 i686' && tag.locked === true);
  await browser.submit('tagedit?tagID=mytag', { arches: 'x86_64', locked: '' });

  const { pages, wrong: dead } = await crawl(browser);
  check(
    `no dead link and no failure on ${pages} pages${dead.map((line) => `\n       ${line}`).join('')}`,
    dead.length === 0,
  );
  await browser.submit('logout', {});
  check('a logout', !(await isLoggedIn(browser)));
}

const isLoggedIn = async (browser) => (await browser.get('activesession')).status === 200;

/** The actions of a user named by a proxy: the page logs in at the hub with a certificate. */
export async function visitByProxy({ base, admin, session, check }) {
  const browser = new Browser(base, { 'X-Remote-User': admin.user });
  check('a login by the header of a proxy', (await browser.get('login')).status === 303);
  await browser.submit('tagedit?tagID=mytag', { arches: 'x86_64 aarch64' });
  check(
    'a tag is edited by the user of the header',
    (await session.getTag('mytag')).arches === 'x86_64 aarch64',
  );
  await browser.submit('tagedit?tagID=mytag', { arches: 'x86_64' });
  await browser.submit('logout', {});
}

/** Makes an authority and certificates of a hub and of koji-web. */
export function makeCertificates(folder, clients = { web: 'koji-web' }) {
  mkdirSync(folder);
  const openssl = (name, subject, ...more) => {
    const files = ['-keyout', `${name}.key`, '-out', `${name}.crt`, '-subj', `/CN=${subject}`, '-days', '2'];
    const args = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', ...files, ...more];
    const { status, stderr } = spawnSync('openssl', args, { cwd: folder, encoding: 'utf8' });
    if (status !== 0) throw new Error(stderr);
  };
  openssl('ca', 'ca');
  const signed = ['-CA', 'ca.crt', '-CAkey', 'ca.key', '-addext', 'basicConstraints=CA:FALSE'];
  openssl('server', '127.0.0.1', ...signed, '-addext', 'subjectAltName=IP:127.0.0.1');
  for (const [name, subject] of Object.entries(clients)) openssl(name, subject, ...signed);
  for (const name of ['server', ...Object.keys(clients)]) {
    const parts = ['crt', 'key'].map((kind) => readFileSync(path.join(folder, `${name}.${kind}`), 'utf8'));
    writeFileSync(path.join(folder, `${name}.pem`), parts.join(''));
  }
}
