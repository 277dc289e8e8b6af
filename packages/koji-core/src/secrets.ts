/** Values that no log, fault or page may show: passwords and tokens out of configuration files. */

/** Shorter values are words of ordinary texts, too. */
const shortest = 6;

interface Hidden {
  readonly values: Set<string>;
  pattern: RegExp | null;
}

// All copies of this package hide what any of them was told.
const key = Symbol.for('koji.secrets');
const holder = globalThis as { [key]?: Hidden | undefined };
const hidden = (holder[key] ??= { values: new Set(), pattern: null });

/** Has {@link withoutSecrets} replace a value from now on, also as it stands in a URL. Values under 6 characters are left. */
export function hideSecret(value: string): void {
  for (const text of [value, encodeURIComponent(value), encodeURI(value)]) {
    if (text.length < shortest || hidden.values.has(text)) continue;
    hidden.values.add(text);
    hidden.pattern = null;
  }
}

/** Returns a text with `(secret)` in the place of every hidden value. */
export function withoutSecrets(text: string): string {
  if (hidden.values.size === 0) return text;
  // The longest first, or the rest of one that begins with another would stay.
  hidden.pattern ??= new RegExp(
    [...hidden.values]
      .sort((a, b) => b.length - a.length)
      .map((value) => value.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&'))
      .join('|'),
    'g',
  );
  return text.replace(hidden.pattern, '(secret)');
}
