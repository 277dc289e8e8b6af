/** Values that no log, fault or page may show: passwords and tokens from configuration files. */

/** Shorter values also occur in ordinary texts. */
const shortest = 6;

interface Hidden {
  readonly values: Set<string>;
  pattern: RegExp | null;
}

// All copies of this package hide the values that any of them knows.
const key = Symbol.for('koji.secrets');
const holder = globalThis as { [key]?: Hidden | undefined };
const hidden = (holder[key] ??= { values: new Set(), pattern: null });

/**
 * Makes {@link withoutSecrets} replace a value from now on, also in its URL-encoded form. Values under 6 characters are
 * ignored.
 */
export function hideSecret(value: string): void {
  for (const text of [value, encodeURIComponent(value), encodeURI(value)]) {
    if (text.length < shortest || hidden.values.has(text)) continue;
    hidden.values.add(text);
    hidden.pattern = null;
  }
}

/** Returns a text with every hidden value replaced by `(secret)`. */
export function withoutSecrets(text: string): string {
  if (hidden.values.size === 0) return text;
  // The longest first, because otherwise the rest of a value that begins with another one would remain.
  hidden.pattern ??= new RegExp(
    [...hidden.values]
      .sort((a, b) => b.length - a.length)
      .map((value) => value.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&'))
      .join('|'),
    'g',
  );
  return text.replace(hidden.pattern, '(secret)');
}
