/** The newest builds as feeds. */
import { named } from '@koji/core/wire';
import { found } from '../errors.js';
import { findTasks, findUser, taggedPart } from '../lists.js';
import { Raw, rawPage } from '../page.js';
import { buildStateWord } from '../parts/states.js';
import { numberOf, secondsOf } from '../parts/values.js';
import { link } from '../routes.js';
import { findPackage } from './builds.js';

const length = 20;

function xml(text: string): string {
  const clean = text.replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, '');
  return clean.replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);
}

/** The newest builds, as RSS or Atom. */
export const recentbuilds = rawPage('recentbuilds', async ({ calls, params, site, now }) => {
  const { user: userId, tag: tagId, package: packageId, format } = params;
  const user = userId === null ? null : found(await findUser(calls, userId), 'user', userId);
  const tag = tagId === null ? null : found(await calls.getTag(tagId), 'tag', tagId);
  const pkg = packageId === null ? null : await findPackage(calls, packageId);
  const builds = tag
    ? (
        await taggedPart(
          calls,
          tag.id,
          { inherit: true, owner: user?.name ?? null, package: pkg?.name ?? null },
          { start: 0, order: '-completion_time', length },
        )
      ).rows.map((build) => ({ ...build, at: secondsOf(build.completion_time) }))
    : (
        await calls.listBuilds(
          named({
            userID: user?.id ?? null,
            packageID: pkg?.id ?? null,
            queryOpts: { order: '-completion_time', limit: length },
          }),
        )
      ).map((build) => ({ ...build, at: numberOf(build.completion_ts) }));
  const tasks = await findTasks(
    calls,
    builds.flatMap(({ task_id: id }) => (id === null ? [] : [id])),
  );
  const items = builds.map((build) => {
    const target = tasks.get(build.task_id ?? 0)?.request?.[1];
    return {
      title: `${buildStateWord(build.state)}: ${build.nvr}${typeof target === 'string' ? `, target: ${target}` : ''}`,
      href: link('buildinfo', { buildID: build.build_id }),
      date: new Date((build.at ?? now) * 1000),
    };
  });
  const title = xml(`${site.name}: recent builds`);
  const body =
    format === 'atom'
      ? `<?xml version="1.0" encoding="UTF-8"?>\n<feed xmlns="http://www.w3.org/2005/Atom"><title>${title}</title><id>urn:koji:recentbuilds</id><updated>${new Date(now * 1000).toISOString()}</updated><author><name>${xml(site.name)}</name></author>\n${items.map((one) => `<entry><title>${xml(one.title)}</title><id>urn:koji:${xml(one.href)}</id><link href="${xml(one.href)}"/><updated>${one.date.toISOString()}</updated></entry>`).join('\n')}\n</feed>\n`
      : `<?xml version="1.0" encoding="UTF-8"?>\n<rss version="2.0"><channel><title>${title}</title><link>./</link><description>${title}</description><pubDate>${new Date(now * 1000).toUTCString()}</pubDate>\n${items.map((one) => `<item><title>${xml(one.title)}</title><link>${xml(one.href)}</link><guid isPermaLink="false">${xml(one.href)}</guid><pubDate>${one.date.toUTCString()}</pubDate></item>`).join('\n')}\n</channel></rss>\n`;
  return new Raw({
    headers: {
      'Content-Type': format === 'atom' ? 'application/atom+xml; charset=utf-8' : 'text/xml; charset=utf-8',
    },
    body,
  });
});
