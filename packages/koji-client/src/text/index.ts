/** Koji's formats of builds, tasks, times and changelogs for people. */
export { buildLabel, formatChangelog, longTime, taskLabel } from '@koji/core/text';
export type { ChangelogEntry, LabelledTask } from '@koji/core/text';
