/** Files of tasks' outputs: raw, as pages with line numbers, and while they grow. */
import path from 'node:path';
import type { FC } from 'hono/jsx';
import type { Calls } from '../calls.js';
import { PageError, found } from '../errors.js';
import { findTask } from '../lists.js';
import { findSize, outputOf, pieceLength, readPart } from '../logs/task-files.js';
import type { TaskFile } from '../logs/task-files.js';
import { findText, readWindow, windowLines } from '../logs/windows.js';
import { Raw, page, rawPage } from '../page.js';
import { LogLine } from '../parts/log-line.js';
import { isActive } from '../parts/states.js';
import { Empty } from '../parts/table.js';
import { Size } from '../parts/values.js';
import { link } from '../routes.js';

async function sizeOf(calls: Calls, file: TaskFile): Promise<number> {
  const size = await findSize(calls, file);
  if (size !== null) return size;
  // Scripts know a missing file by this text.
  throw new PageError(404, `There is no file '${file.name.slice(0, 200)}' output by task ${file.task}.`);
}

/** The state of a task and its output files as lines. */
export const taskstatus = rawPage('taskstatus', async ({ calls, params: { taskID } }) => {
  const task = await findTask(calls, taskID);
  const lines = task ? [`${taskID}:${task.state}`] : [];
  if (task)
    for (const [name, volumes] of Object.entries(await outputOf(calls, taskID)))
      for (const [volume, { st_size: size }] of Object.entries(volumes))
        lines.push(`${volume}:${name}:${size}`);
  return new Raw({
    headers: { 'Content-Type': 'text/plain; charset=utf-8', 'Cache-Control': 'no-store' },
    body: lines.length > 0 ? `${lines.join('\n')}\n` : '',
  });
});

const types: Readonly<Record<string, string>> = {
  '.log': 'text/plain; charset=utf-8',
  '.ks': 'text/plain; charset=utf-8',
  '.txt': 'text/plain; charset=utf-8',
  '.cfg': 'text/plain; charset=utf-8',
};

/** A file of a task's output, whole or a part of it. */
export const getfile = rawPage('getfile', async ({ calls, params, range }) => {
  const { taskID, name, volume, offset, size } = params;
  const file = { task: taskID, name, volume };
  const whole = await sizeOf(calls, file);
  const asked = range === undefined ? null : readRange(range, whole);
  if (asked === 'outside')
    return new Raw({ status: 416, headers: { 'Content-Range': `bytes */${whole}` }, body: '' });
  const from = asked?.from ?? (offset < 0 ? Math.max(whole + offset, 0) : Math.min(offset, whole));
  const to = asked?.to ?? (size < 0 ? whole : Math.min(from + size, whole));
  const type = types[path.extname(name)] ?? 'application/octet-stream';
  const isText = type.startsWith('text/plain');
  const saved = path
    .basename(name)
    .replace(/[^\w.+~-]/g, '_')
    .slice(-200);
  return new Raw({
    status: asked ? 206 : 200,
    headers: {
      'Content-Type': type,
      'Content-Length': String(to - from),
      'Accept-Ranges': 'bytes',
      ...(asked ? { 'Content-Range': `bytes ${from}-${to - 1}/${whole}` } : {}),
      // Uploaded files must never run on this origin.
      'Content-Security-Policy': "sandbox; default-src 'none'",
      'Cache-Control': 'no-store',
      ...(isText ? {} : { 'Content-Disposition': `attachment; filename="${saved}"` }),
    },
    stream: async (again) => {
      let at = from;
      return new ReadableStream<Uint8Array>({
        async pull(controller) {
          if (at >= to) {
            controller.close();
            return;
          }
          const length = Math.min(pieceLength, to - at);
          const bytes = await again((own) => readPart(own, file, { from: at, length }));
          if (bytes.length === 0) throw new Error(`file ${name} of task ${taskID} got shorter`);
          at += bytes.length;
          controller.enqueue(bytes);
        },
      });
    },
    body: null,
  });
});

/** Reads a header Range of one range; null for what servers may ignore, such as several ranges. */
function readRange(range: string, whole: number): { from: number; to: number } | 'outside' | null {
  const [, first = '', last = ''] = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(range.trim()) ?? [];
  if (first === '' && last === '') return null;
  const from = first === '' ? Math.max(whole - Number(last), 0) : Number(first);
  const to = first === '' || last === '' ? whole : Math.min(Number(last) + 1, whole);
  if (from >= whole) return 'outside';
  return to > from ? { from, to } : null;
}

interface LogData {
  readonly task: number;
  readonly name: string;
  readonly volume: string;
  /** Bytes. */
  readonly size: number;
  readonly active: boolean;
  /** Lines of the whole log. */
  readonly total: number;
  /** The number of the first line that is shown. */
  readonly first: number;
  readonly lines: readonly string[];
  /** The line that was found. */
  readonly hit: number | null;
  readonly find: string;
  readonly problem: string | null;
  /** The line from which an incomplete search of the log continues; null if it is complete. */
  readonly next: number | null;
}

/** Lines shown before the one that was asked for. */
const before = 20;

/** A log, some lines at a time, with line numbers, colours and search. */
export const viewlog = page('viewlog', {
  async load({ calls, params, lineMarks }): Promise<LogData> {
    const { taskID, name, volume, line, find } = params;
    const task = found(await findTask(calls, taskID), 'task', taskID);
    const file = { task: taskID, name, volume };
    const size = await sizeOf(calls, file);
    const log = { file, size, lines: await lineMarks.find(calls, file, size) };
    const { total } = log.lines;
    const hit = find === '' ? null : await findText(calls, log, { text: find, from: Math.max(line ?? 1, 1) });
    const wanted = hit ? (hit.line ?? hit.next ?? total) : line;
    const first = Math.max(1, Math.min((wanted ?? total - windowLines + 1 + before) - before, total));
    return {
      task: taskID,
      name,
      volume,
      size,
      active: isActive(task.state),
      total,
      ...(await readWindow(calls, log, first)),
      hit: hit?.line ?? null,
      find,
      problem: hit?.line === null ? notFoundText(find, { from: line ?? 1, next: hit.next }) : null,
      next: hit?.line === null ? hit.next : null,
    };
  },
  title: ({ name, task }) => `${name} of task ${task}`,
  scripts: ['logs.js'],
  show: (data) => {
    const { task, name, volume, size, active, total } = data;
    return (
      <>
        <header class="thing">
          <p class="kind">
            Log of task <a href={link('taskinfo', { taskID: task })}>{task}</a>
          </p>
          <h1>
            <bdi>{name}</bdi>
          </h1>
          <a href={link('getfile', { taskID: task, name, volume })}>raw</a>
          <a href={link('getfile', { taskID: task, name, volume, offset: -4000 })}>tail</a>
          <span class="note">
            <Size bytes={size} />
            {active ? ', growing' : ''}
          </span>
        </header>
        <FindForm data={data} />
        {data.problem === null ? null : (
          <p class="note" role="status">
            {data.problem}{' '}
            {data.next === null ? null : (
              <a
                class="go-on"
                rel="nofollow"
                href={link('viewlog', { taskID: task, name, volume, line: data.next, find: data.find })}
              >
                Search on
              </a>
            )}
          </p>
        )}
        {total === 0 ? (
          <Empty>The log is empty{active ? ' so far' : ''}.</Empty>
        ) : (
          <div
            class="log"
            data-live={active ? `log:${task}:${volume}:${name}` : undefined}
            data-total={String(total)}
          >
            <Ways data={data} label="Lines" />
            <pre class="lines" tabindex={0}>
              {data.lines.map((line, i) => (
                <LogLine number={data.first + i} line={line} isMarked={data.first + i === data.hit} />
              ))}
            </pre>
            <Ways data={data} label="Lines (below)" />
          </div>
        )}
      </>
    );
  },
});

function notFoundText(
  find: string,
  { from, next }: { readonly from: number; readonly next: number | null },
): string {
  const shown = find.length > 60 ? `${find.slice(0, 60)}…` : find;
  return next === null
    ? `No line from ${from} on has '${shown}'.`
    : `Lines ${from} to ${next - 1} do not have '${shown}'.`;
}

/** A form that searches the whole log, from the line after the one that was found. */
const FindForm: FC<{ data: LogData }> = ({ data: { task, name, volume, find, hit } }) => (
  <form class="filters" method="get" action="viewlog" role="search" aria-label="Search this log">
    <input type="hidden" name="taskID" value={String(task)} />
    <input type="hidden" name="name" value={name} />
    {volume === 'DEFAULT' ? null : <input type="hidden" name="volume" value={volume} />}
    {hit === null ? null : <input type="hidden" name="line" value={String(hit + 1)} />}
    <label>
      <span>Find</span>
      <input name="find" type="search" value={find} maxlength={200} />
    </label>
    <button type="submit">{hit === null ? 'Find' : 'Find next'}</button>
  </form>
);

/** The ways to other lines of a log. */
const Ways: FC<{ data: LogData; label: string }> = ({ data, label }) => {
  const { task, name, volume, first, lines, total } = data;
  const at = (line: number | null): string => link('viewlog', { taskID: task, name, volume, line });
  const last = first + lines.length - 1;
  return (
    <nav class="pager" aria-label={label}>
      <span>
        Lines {first} through {last} of {total}
      </span>
      {first > 1 ? (
        <>
          <a href={at(1)} rel="nofollow">
            first
          </a>
          <a href={at(Math.max(first - windowLines + before, 1))} rel="prev nofollow">
            earlier
          </a>
        </>
      ) : null}
      {last < total ? (
        <>
          <a href={at(last + 1 + before)} rel="next nofollow">
            later
          </a>
          <a href={at(null)} rel="nofollow">
            last
          </a>
        </>
      ) : null}
      <a href={at(first + before)} rel="nofollow">
        link to these lines
      </a>
    </nav>
  );
};

/** The logs of tasks, growing. */
export const watchlogs = page('watchlogs', {
  async load({ calls, params: { taskID } }) {
    const tasks = [];
    for (const id of taskID.slice(0, 20)) {
      const task = found(await findTask(calls, id), 'task', id);
      const files = Object.entries(await outputOf(calls, id)).flatMap(([name, volumes]) =>
        name.endsWith('.log') ? Object.keys(volumes).map((volume) => ({ name, volume })) : [],
      );
      tasks.push({ id, active: isActive(task.state), files });
    }
    return { tasks };
  },
  title: (_, { taskID }) => `Logs of task ${taskID.join(', ')}`,
  live({ tasks }) {
    const active = tasks.find((task) => task.active);
    return active ? `task:${active.id}` : null;
  },
  show: ({ tasks }) => (
    <>
      <h1>Logs</h1>
      {tasks.map(({ id, files }) => (
        <section>
          <h2>
            Task <a href={link('taskinfo', { taskID: id })}>{id}</a>
          </h2>
          {files.length === 0 ? <p class="empty">No logs yet.</p> : null}
          <ul class="plain">
            {files.map(({ name, volume }) => (
              <li>
                <a href={link('viewlog', { taskID: id, name, volume })}>
                  <bdi>{name}</bdi>
                </a>{' '}
                <a href={link('getfile', { taskID: id, name, volume, offset: -4000 })}>tail</a>
              </li>
            ))}
          </ul>
        </section>
      ))}
    </>
  ),
});
