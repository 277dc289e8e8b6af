import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { root, until } from '../../../test/support/system.js';
import { startDemoHub } from './support/demo-hub.js';
import type { DemoHub } from './support/demo-hub.js';

let hub: DemoHub;

beforeAll(async () => {
  hub = await startDemoHub({ HeavyPages: '5', TrustedProxies: '127.0.0.1' }, { rows: 4 });
});

afterAll(() => hub.stop());

test('a page that has not changed is answered without its text, and texts are compressed', async () => {
  const address = `buildinfo.json?buildID=${hub.demo.build}`;
  const first = await hub.get(address, { 'Accept-Encoding': 'identity' });
  const tag = first.headers.get('etag') ?? '';
  expect(tag).toMatch(/^W\/"/);
  const second = await hub.get(address, { 'If-None-Match': tag });
  expect([second.status, second.text]).toEqual([304, '']);
  const packed = await hub.get(address, { 'Accept-Encoding': 'gzip' });
  expect([packed.headers.get('content-encoding'), packed.text]).toEqual(['gzip', first.text]);
  expect(packed.headers.get('etag')).toBe(tag);
  expect(packed.headers.get('vary')).toContain('Accept-Encoding');
});

test('crawlers find robots.txt at the root of the server', async () => {
  const { status, text } = await hub.get('/robots.txt');
  expect(status).toBe(200);
  expect(text).toContain('User-agent: *\nDisallow: /kojihub\nDisallow: /koji/*order=\n');
  expect(text).toContain('Disallow: /koji/tasksbyuser\n');
});

test('an address that asks for too many heavy pages is told to wait; others and light pages are not', async () => {
  const from = { 'X-Forwarded-For': '2001:db8::1' };
  const statuses = [];
  for (let i = 0; i < 7; i++) statuses.push((await hub.get('tasksbyuser', from)).status);
  expect(statuses).toEqual([200, 200, 200, 200, 200, 429, 429]);
  const refused = await hub.get('buildsbyuser', { 'X-Forwarded-For': '2001:db8::ffff' });
  expect(refused.status).toBe(429);
  expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
  expect(refused.text).toContain('at most 5 a minute');
  expect((await hub.get('builds', from)).status).toBe(200);
  expect((await hub.get('tasksbyuser', { 'X-Forwarded-For': '192.0.2.7' })).status).toBe(200);
});

test('a range of a file is answered as such', async () => {
  const address = `getfile?taskID=${hub.demo.running}&name=root.log`;
  const whole = await hub.get(address);
  const part = await hub.get(address, { Range: 'bytes=3-8' });
  expect([part.status, part.text, part.headers.get('content-range')]).toEqual([
    206,
    whole.text.slice(3, 9),
    `bytes 3-8/${whole.headers.get('content-length')}`,
  ]);
  const last = await hub.get(address, { Range: 'bytes=-4' });
  expect(last.text).toBe(whole.text.slice(-4));
  const outside = await hub.get(address, { Range: 'bytes=100000-' });
  expect([outside.status, outside.headers.get('content-range')]).toEqual([
    416,
    `bytes */${whole.headers.get('content-length')}`,
  ]);
});

/** A log of more than 80 MB in the output of a task, with one odd line. */
function writeLog(): { file: string; lines: number } {
  const { running } = hub.demo;
  const file = path.join(hub.folder, 'store/work', `tasks/${running % 10000}/${running}`, 'huge.log');
  const block = `${'x'.repeat(98)}\n`.repeat(10_000);
  writeFileSync(file, block.repeat(60));
  appendFileSync(file, '\u001b[31mThe Needle\u001b[0m <script>\n');
  appendFileSync(file, block.repeat(22));
  appendFileSync(file, 'the end');
  return { file, lines: 820_002 };
}

test('a log of 80 MB is shown a few lines at a time, by number, from its end and by a search', async () => {
  const { file, lines } = writeLog();
  const address = `viewlog.json?taskID=${hub.demo.running}&name=huge.log`;
  // Each search is of another address, since an address may search few times a minute.
  let asked = 0;
  const json = async (more = ''): Promise<Record<string, unknown>> => {
    const headers = { 'X-Forwarded-For': `192.0.2.${100 + ++asked}` };
    return JSON.parse((await hub.get(address + more, headers)).text) as Record<string, unknown>;
  };
  const end = (await json()) as { first: number; lines: string[]; total: number };
  expect(end.total).toBe(lines);
  expect(end.lines.at(-1)).toBe('the end');
  expect(end.first + end.lines.length - 1).toBe(lines);
  const needle = (await json('&line=600001')) as { first: number; lines: string[] };
  expect(needle.lines[600_001 - needle.first]).toContain('The Needle');
  /** Searches on from page to page, as the browser does. */
  const search = async (text: string, line = 1): Promise<Record<string, unknown>> => {
    const found = await json(`&find=${text}&line=${line}`);
    expect(found).toHaveProperty('next');
    return found.next === null ? found : search(text, Number(found.next));
  };
  expect(await search('the+NEEDLE')).toMatchObject({ hit: 600_001, problem: null });
  const { next, problem } = await json('&find=nothing');
  expect(problem).toBe(`Lines 1 to ${Number(next) - 1} do not have 'nothing'.`);
  expect(await search('nothing', 700_000)).toMatchObject({
    hit: null,
    problem: expect.stringMatching(/^No line from \d+ on has 'nothing'\.$/) as unknown,
  });
  appendFileSync(file, ' of all\nmore\n');
  expect(await json()).toMatchObject({ total: lines + 1 });
  const page = await hub.get(address.replace('.json', '') + '&line=600001');
  expect(page.text.length).toBeLessThan(100_000);
  expect(page.text).toContain(
    'id="L600001"><a href="#L600001">600001</a><span class="tone-bad">The Needle</span> &lt;script&gt;',
  );
});

test('koji-web answers alone in front of a hub, within the same limits', async () => {
  const config = path.join(hub.folder, 'web.conf');
  writeFileSync(
    config,
    `[web]\nKojiHubURL = ${hub.api}\nListen = 127.0.0.1:0\nSiteName = Alone\nHeavyPages = 1\nTasks = sign, scan\nParentTasks = scan\n`,
  );
  const program = path.join(root, 'packages/koji-web/dist/bundle/main.js');
  const web = spawn(process.execPath, [program, '--config', config], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  try {
    const [line] = (await once(web.stdout, 'data')) as [Buffer];
    const url = /http:\S+/.exec(line.toString())?.[0] ?? '';
    const answer = await fetch(`${url}buildinfo?buildID=${hub.demo.build}`);
    expect(answer.status).toBe(200);
    const text = await answer.text();
    expect(text).toContain('hello-2.12-3 | Alone');
    expect(text).toContain(`${hub.api.replace('kojihub', 'kojifiles')}/packages/hello/2.12/3/`);
    expect((await fetch(`${url}buildinfo?buildID=99999`)).status).toBe(404);
    expect((await fetch(`${url}tasksbyhost`)).status).toBe(200);
    expect((await fetch(`${url}tasksbyhost`)).status).toBe(429);
    const list = await (await fetch(`${url}tasks?view=tree&method=scan`)).text();
    expect(list).toMatch(/<option value="scan" selected[^>]*>scan/);
    expect(list).toMatch(/<option value="sign">sign/);
    expect(list).toMatch(/<option value="tree" selected/);
    const flat = await (await fetch(`${url}tasks?view=tree&method=sign`)).text();
    expect(flat).toMatch(/<option value="flat" selected/);
    expect(await (await fetch(new URL('/robots.txt', url))).text()).toContain('Disallow: /koji/');
  } finally {
    web.kill();
    await once(web, 'exit');
  }
});

test('open pages are notified of changes, up to a limit, and the end of the hub ends them', async () => {
  const { running } = hub.demo;
  expect((await hub.get('events?of=anything')).status).toBe(400);
  const from = { 'X-Forwarded-For': '192.0.2.9' };
  const open = () => fetch(`${hub.base}events?of=log:${running}:DEFAULT:root.log`, { headers: from });
  const answers = await Promise.all(Array.from({ length: 30 }, open));
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
  expect((await open()).status).toBe(503);
  const [first] = answers;
  if (!first?.body) throw new Error('no stream');
  expect(first.headers.get('content-type')).toContain('text/event-stream');
  const reader = first.body.pipeThrough(new TextDecoderStream()).getReader();
  let heard = '';
  const hear = async (event: string): Promise<void> => {
    while (!heard.includes(event)) heard += (await reader.read()).value ?? '';
  };
  await hear('event: ready\ndata: ready\n\n');
  expect(heard).toBe('retry: 5000\n\nevent: ready\ndata: ready\n\n');
  const file = path.join(hub.folder, 'store/work', `tasks/${running % 10000}/${running}`, 'root.log');
  appendFileSync(file, 'more\n');
  await hear('event: change\ndata: change\n\n');
  for (const { body } of answers.slice(1)) await body?.cancel();
  await until('connections that are gone make room', async () => {
    const { status, body } = await open();
    await body?.cancel();
    return status === 200;
  });
  const ended = (async () => {
    while (!(await reader.read()).done);
  })();
  await hub.restart(() => undefined);
  await ended;
});
