/** Files of tasks' outputs: raw, as pages with line numbers, and while they grow. */
import path from 'node:path';
import type { Calls } from '../calls.js';
import { PageError, found } from '../errors.js';
import { findTask } from '../lists.js';
import { Raw, page, rawPage } from '../page.js';
import { isActive } from '../parts/states.js';
import { link } from '../routes.js';

type Output = Readonly<Record<string, Readonly<Record<string, { readonly st_size: string }>>>>;

function outputOf(calls: Calls, taskId: number): Promise<Output> {
  return calls.listTaskOutput(taskId, true, true);
}

async function sizeOf(calls: Calls, taskId: number, name: string, volume: string): Promise<number> {
  const files = await outputOf(calls, taskId);
  const file = Object.hasOwn(files, name) ? files[name]?.[volume] : undefined;
  // Scripts know a missing file by this text.
  if (!file) throw new PageError(404, `There is no file '${name.slice(0, 200)}' output by task ${taskId}.`);
  return Number(file.st_size);
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

const piece = 1 << 20;
const types: Readonly<Record<string, string>> = {
  '.log': 'text/plain; charset=utf-8',
  '.ks': 'text/plain; charset=utf-8',
  '.txt': 'text/plain; charset=utf-8',
  '.cfg': 'text/plain; charset=utf-8',
};

/** A file of a task's output, whole or a part of it. */
export const getfile = rawPage('getfile', async ({ calls, params }) => {
  const { taskID, name, volume, offset, size } = params;
  const whole = await sizeOf(calls, taskID, name, volume);
  const from = offset < 0 ? Math.max(whole + offset, 0) : Math.min(offset, whole);
  const to = size < 0 ? whole : Math.min(from + size, whole);
  const type = types[path.extname(name)] ?? 'application/octet-stream';
  const isText = type.startsWith('text/plain');
  const file = path.basename(name).replace(/[^\w.+~-]/g, '_');
  return new Raw({
    headers: {
      'Content-Type': type,
      'Content-Length': String(to - from),
      // What users uploaded must never run on this origin.
      'Content-Security-Policy': "sandbox; default-src 'none'",
      'Cache-Control': 'no-store',
      ...(isText ? {} : { 'Content-Disposition': `attachment; filename="${file}"` }),
    },
    stream: async (again) => {
      let at = from;
      return new ReadableStream<Uint8Array>({
        async pull(controller) {
          if (at >= to) {
            controller.close();
            return;
          }
          const length = Math.min(piece, to - at);
          const text = await again((own) => own.downloadTaskOutput(taskID, name, at, length, volume));
          const bytes = Buffer.from(text, 'base64');
          if (bytes.length === 0) throw new Error(`file ${name} of task ${taskID} got shorter`);
          at += bytes.length;
          controller.enqueue(bytes);
        },
      });
    },
    body: null,
  });
});

/** A log with line numbers and search; a script reads only the lines that are on the screen. */
export const viewlog = page('viewlog', {
  async load({ calls, params: { taskID, name, volume } }) {
    const task = found(await findTask(calls, taskID), 'task', taskID);
    const size = await sizeOf(calls, taskID, name, volume);
    const from = Math.max(size - tailLength, 0);
    const tail = Buffer.from(
      await calls.downloadTaskOutput(taskID, name, from, size - from, volume),
      'base64',
    ).toString('utf8');
    return { task: taskID, name, volume, size, active: isActive(task.state), tail, isWhole: from === 0 };
  },
  title: ({ name, task }) => `${name} of task ${task}`,
  scripts: ['logs.js'],
  show: ({ task, name, volume, size, active, tail, isWhole }) => (
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
      </header>
      <div
        class="log"
        data-file={link('getfile', { taskID: task, name, volume })}
        data-status={link('taskstatus', { taskID: task })}
        data-name={name}
        data-volume={volume}
        data-size={String(size)}
        data-active={active ? 'yes' : undefined}
      >
        {isWhole ? null : (
          <p class="note">
            The end of the log. <a href={link('getfile', { taskID: task, name, volume })}>The whole log</a> is{' '}
            {size} bytes.
          </p>
        )}
        <pre tabindex={0}>{plain(tail)}</pre>
      </div>
    </>
  ),
});

const tailLength = 40_000;

/** Text without the marks that terminals make colours of. */
function plain(text: string): string {
  return text.replace(/\u001b\[[0-9;]*[A-Za-z]/g, '');
}

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
  live: ({ tasks }) => tasks.some(({ active }) => active),
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
