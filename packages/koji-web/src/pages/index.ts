import type { AnyPage } from '../page.js';
import type { RouteName } from '../routes.js';
import { buildinfo, builds } from './builds.js';
import { home } from './home.js';
import { taskinfo, tasks } from './tasks.js';

/** The page of every route. */
export const pages = {
  index: home,
  builds,
  buildinfo,
  tasks,
  taskinfo,
} as unknown as Readonly<Record<RouteName, AnyPage>>;
