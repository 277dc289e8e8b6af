import { link, state, table, text, webPage, webPanel } from '@koji/plugin-sdk/web';
import type { WebBlock, WebRequest } from '@koji/plugin-sdk/web';

/** The newest checks of files whose paths have a text, as a table. */
async function checksOf({ calls }: WebRequest, part: string): Promise<WebBlock | null> {
  const tasks = await calls.listTasks({ method: 'rpmcheck', decode: true }, { order: '-id', limit: 200 });
  const rows = tasks
    .map(({ id, state: now, request }) => ({
      id,
      now,
      path: Array.isArray(request) ? String(request[0]) : '',
    }))
    .filter(({ path }) => path.includes(part))
    .map(({ id, now, path }) => [
      link(`taskinfo?taskID=${id}`, path.slice(path.lastIndexOf('/') + 1)),
      now === 2
        ? state('good', 'checked')
        : now === 5
          ? state('bad', 'failed')
          : state('busy', 'waits or runs'),
    ]);
  return rows.length > 0 ? table(['File', 'Check'], rows) : null;
}

/** The checks of a build's rpms, on its page. */
export const ofBuild = webPanel({ on: 'build', title: 'RPM checks' })(async (build, request) => {
  const checks = await checksOf(request, `/${build.name}/${build.version}/${build.release}/`);
  return checks && [checks];
});

/** The newest checks, on a page of their own. */
export const newest = webPage({ name: 'rpmchecks', title: 'RPM checks', menu: true })(async (request) => [
  (await checksOf(request, '')) ?? text('Nothing was checked yet: koji rpm-check FILE checks an rpm.'),
]);
