/** The files of a build. */
export interface WantedBuild {
  readonly url: string;
  /** The build that a wrapper wraps; missing for a build with Maven. */
  readonly wraps?: string | number | undefined;
  readonly options: Readonly<Record<string, unknown>>;
}

/** Options of mvn that change nothing but what it prints. */
const onlyWords: ReadonlySet<string> = new Set([
  ...['-e', '--errors', '-q', '--quiet', '-V', '--show-version', '-X', '--debug'],
]);

/** Whether the task of an earlier build was asked for the same as is wanted now. */
export function sameBuild(request: readonly unknown[], { url, wraps, options }: WantedBuild): boolean {
  const [earlierUrl, , third] = request;
  if (earlierUrl !== url) return false;
  // Nothing else matters to a wrapper.
  if (wraps !== undefined) return (third as { readonly nvr?: unknown } | null)?.nvr === wraps;
  return fingerprint((third ?? {}) as WantedBuild['options']) === fingerprint(options);
}

/** The options that matter, as a text: the order of lists does not count. */
function fingerprint({ maven_options: given, ...others }: WantedBuild['options']): string {
  const counted = without(others, ['jvm_options', 'skip_tag', 'scratch']);
  const words = (Array.isArray(given) ? given : []).filter((word) => !onlyWords.has(String(word)));
  return JSON.stringify(sorted({ ...counted, ...(words.length > 0 ? { maven_options: words } : {}) }));
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map((item) => JSON.stringify(sorted(item))).sort();
  if (typeof value !== 'object' || value === null) return value;
  return Object.entries(value)
    .map(([key, item]) => [key, sorted(item)] as const)
    .sort(([a], [b]) => (a < b ? -1 : 1));
}

/** Returns a struct without some of its fields. */
export function without(
  struct: Readonly<Record<string, unknown>>,
  fields: readonly string[],
): Record<string, unknown> {
  return Object.fromEntries(Object.entries(struct).filter(([key]) => !fields.includes(key)));
}
