import type { ChangelogMethods } from '@koji/core/api';
import type { Handlers } from '../call.js';
import { readChangelog } from '../domain/rpms/changelogs.js';

/** Handlers of the methods about changelogs. */
export const changelogs: Handlers<ChangelogMethods> = {
  getChangelogEntries: (request, call) => readChangelog(call, request),
};
