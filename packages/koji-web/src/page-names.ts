import { actionRoutes } from './actions/routes.js';
import { routes } from './routes.js';

/** The names in addresses that no plugin's page may have. */
export const pageNames: readonly string[] = [
  ...Object.keys(routes),
  ...Object.keys(actionRoutes),
  'assets',
  'events',
  'login',
  'logout',
  'oidclogin',
  'oidccallback',
];
