import { PluginError } from '@koji/core';

/** Why a plugin can't be used, and what to do about it. */
export interface PluginProblem {
  /** The name from the configuration. */
  readonly plugin: string;
  /** The file or folder that is meant; null when none was found. */
  readonly file: string | null;
  readonly problem: string;
  readonly remedy: string;
  /** Where the documentation says more, as a heading of docs/plugins/failures.md. */
  readonly topic: ProblemTopic;
  readonly cause?: unknown;
}

/** The headings of docs/plugins/failures.md. */
export type ProblemTopic =
  | 'not-installed'
  | 'found-twice'
  | 'bad-package'
  | 'bad-config'
  | 'no-such-part'
  | 'wrong-sdk-version'
  | 'sdk-under-dependencies'
  | 'syntax-error'
  | 'missing-import'
  | 'module-format'
  | 'throws-at-load'
  | 'never-loads'
  | 'exports-nothing'
  | 'bad-export'
  | 'duplicate-name';

/** The documentation of plugins that fail. */
export const failuresPage = 'docs/plugins/failures.md';

/** A problem as the operator reads it. */
export function describeProblem({ plugin, file, problem, remedy, topic }: PluginProblem): string {
  const at = file === null ? '' : ` (${file})`;
  return `plugin ${plugin}${at}: ${problem}\n  remedy: ${remedy}\n  see ${failuresPage}#${topic}`;
}

/** Plugins did not load: every problem of every plugin, in one message. */
export class PluginLoadError extends PluginError {
  override name = 'PluginLoadError';

  constructor(readonly problems: readonly PluginProblem[]) {
    super(problems.map(describeProblem).join('\n'), {
      cause: problems.find((p) => p.cause !== undefined)?.cause,
    });
  }
}
