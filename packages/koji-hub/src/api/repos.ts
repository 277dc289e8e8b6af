import { ActionNotAllowed, REPO_STATES } from '@koji/core';
import type { ActiveRepo, RepoMethods } from '@koji/core/api';
import { encodeArgs } from '@koji/core/wire';
import type { Call, Handlers } from '../call.js';
import type { Row } from '../db/connection.js';
import { lookupName } from '../domain/values/lookup.js';
import { stream } from '../db/rows.js';
import { anyOf, sql } from '../db/sql.js';
import { toInt, truthy } from '../domain/values/convert.js';
import { makeTask } from '../domain/tasks/make-task.js';
import { makeReposFolder, serveRequests } from '../domain/repos/queue.js';
import { dueRequests, fileDueRequest } from '../domain/repos/auto-requests.js';
import { checkRequest, requestRepo, requestView, setRequestPriority } from '../domain/repos/requests.js';
import {
  deleteRepo,
  findRepo,
  getRepo,
  newestRepoOfTag,
  noteEndEvents,
  outdatedRepos,
  readyRepo,
  repoReferences,
  repoView,
  setRepoState,
  toIntOrNull,
} from '../domain/repos/repos.js';
import { getTag } from '../domain/tags/tags.js';
import { requestChannel } from '../domain/task-records/news.js';
import { asQuery, look } from '../domain/history/views.js';
import { untilNews } from './long-polls.js';

const activeFields = [
  'id',
  'tag_id',
  'create_event',
  'create_ts',
  'state',
  'dist',
  'task_id',
  'tag_name',
  'creation_ts',
  'state_ts',
  'end_event',
  'opts',
];

/** All but that of deleted repos, which are nearly all that there ever were. */
const activeStates = Object.values(REPO_STATES).filter((state) => state !== REPO_STATES.DELETED);

/** Handlers of the methods about repositories. */
export const repos: Handlers<RepoMethods> = {
  repoInfo: ({ repo_id: repoId, strict }, call) => (strict ? getRepo : findRepo)(call, toIntOrNull(repoId)),

  async getRepo({ tag, ...filter }, call) {
    const { id } = await lookupName(call, 'tag', tag, { strict: true });
    return newestRepoOfTag(call, id, filter);
  },

  getActiveRepos(_, call) {
    const where = [anyOf(sql`repo.state`, activeStates)];
    const question = { clauses: [], fields: activeFields, opts: { order: 'id' }, where };
    return stream(call.db, asQuery<ActiveRepo>(repoView, question));
  },

  async newRepo({ tag, event, ...flags }, call) {
    if (!call.hub.options.AllowNewRepo) throw new ActionNotAllowed('newRepo api call is disabled');
    if (!call.session.hasPerm('repo')) call.session.assertPerm('regen-repo');
    await getTag(call, tag, { event });
    await makeReposFolder(call);
    const named: Record<string, unknown> = event === null ? {} : { event };
    for (const [name, value] of Object.entries(flags))
      if (flagNames.has(name) && truthy(value)) named[name] = true;
    return makeTask(call, 'newRepo', encodeArgs([tag], named), { priority: 15, channel: 'createrepo' });
  },

  repoExpire: ({ repo_id: repoId }, call) => setState(call, repoId, REPO_STATES.EXPIRED),
  repoProblem: ({ repo_id: repoId }, call) => setState(call, repoId, REPO_STATES.PROBLEM),
  repoDelete: ({ repo_id: repoId }, call) => deleteRepo(call, toInt(repoId)),

  'repo.get': async ({ tag, min_event: minEvent, at_event: atEvent, opts }, call) => {
    const { id } = await lookupName(call, 'tag', tag, { strict: true });
    return readyRepo(call, id, { minEvent, atEvent, opts });
  },

  'repo.query': (question, call) => stream(call.db, asQuery<Row>(repoView, question)),
  'repo.references': ({ repo_id: repoId }, call) =>
    repoId === null ? [] : repoReferences(call, toInt(repoId)),
  'repo.setState': ({ repo_id: repoId, state }, call) => setState(call, repoId, state),

  async 'repo.updateEndEvents'(_, call) {
    await noteEndEvents(call, await outdatedRepos(call));
    return null;
  },

  'repo.request': ({ tag, min_event: minEvent, at_event: atEvent, ...wanted }, call) =>
    requestRepo(call, tag, { minEvent, atEvent, ...wanted }),
  'repo.checkRequest': ({ req_id: requestId }, call) => checkRequest(call, toInt(requestId)),
  'repo.waitForRequest': ({ req_id: requestId, timeout }, call) =>
    untilNews(call, {
      channel: requestChannel(requestId),
      timeout,
      look: () => call.read((reading) => checkRequest(reading, requestId)),
      isNews: ({ request }) => !request.active,
    }),
  'repo.queryQueue': (question, call) => look<Row>(call, requestView, question),

  async 'repo.setRequestPriority'({ req_id: requestId, priority }, call) {
    await setRequestPriority(call, toInt(requestId), toInt(priority));
    return null;
  },

  async 'repo.autoRequests'(_, call) {
    for (const due of await dueRequests(call)) await fileDueRequest(call, due);
    return null;
  },

  async 'repo.checkQueue'(_, call) {
    await serveRequests(call);
    return null;
  },
};

const flagNames = new Set(['src', 'debuginfo', 'separate_src']);

async function setState(call: Call, repoId: unknown, state: unknown): Promise<null> {
  await setRepoState(call, toInt(repoId), state as number);
  return null;
}
