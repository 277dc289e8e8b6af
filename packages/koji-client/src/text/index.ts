/** How Koji writes builds, tasks, times and changelogs for people to read. */
export { buildLabel, formatChangelog, longTime, taskLabel } from '@koji/core/text';
export type { ChangelogEntry, LabelledTask } from '@koji/core/text';
