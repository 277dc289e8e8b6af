/** How Koji writes builds, tasks, times and changelogs for people to read. */
export { formatChangelog } from './changelog.js';
export type { ChangelogEntry } from './changelog.js';
export { buildLabel, taskLabel } from './task-label.js';
export type { LabelledTask } from './task-label.js';
export { longTime } from './times.js';
