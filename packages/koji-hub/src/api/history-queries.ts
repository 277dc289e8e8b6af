import type { HistoryQueryMethods } from '@koji/core/api';
import type { Handlers } from '../call.js';
import { queryHistory } from '../domain/tagging/history-queries.js';

/** Handlers of the methods that look into history. */
export const historyQueries: Handlers<HistoryQueryMethods> = {
  queryHistory: ({ tables, keywords }, call) => queryHistory(call, tables, keywords),
};
