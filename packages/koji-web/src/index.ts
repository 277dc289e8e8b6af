/** Koji's web page, based on the methods of a hub: mounted in the hub or standalone. */
export { callsBy } from './calls.js';
export type { Calls, Send } from './calls.js';
export { makeChanges, planAdmission } from './login/admission.js';
export type { Admission } from './login/admission.js';
export type { Credentials, Login, LoginOptions, Logins, Visitor } from './login/logins.js';
export type { PluginRules } from './plugins/run.js';
export type { Site } from './site.js';
export { createWeb } from './server.js';
export type { Web } from './server.js';
export type { WebOptions } from './web-options.js';
export { pageNames } from './page-names.js';
export { routes } from './routes.js';
export type { MenuEntry, Route, RouteName, Routes } from './routes.js';
export type { Kind, Params } from './params.js';
