/** Shell-style matching of a whole text, case-sensitive: `*`, `?`, `[abc]`, `[!a-z]`; Python's fnmatchcase. */
export function globToRegExp(pattern: string): RegExp {
  const [first = '', ...behindStars] = segments(pattern);
  const last = behindStars.pop();
  if (last === undefined) return new RegExp(`^${first}$`, 'su');
  // The text between two stars stays at the first place that matches, because otherwise many stars could take forever to fail.
  const middle = behindStars.filter(Boolean).map((segment, i) => `(?=(.*?${segment}))\\${i + 1}`);
  return new RegExp(`^${first}${middle.join('')}.*${last}$`, 'su');
}

/** The parts of the pattern between its stars, as regular expressions. */
function segments(text: string): string[] {
  const pattern = Array.from(text);
  const parts = [''];
  const add = (text: string): void => {
    parts.push((parts.pop() ?? '') + text);
  };
  // No class can end after the last `]`, so a run of `[` is not searched to the end for each of them.
  const lastEnd = pattern.lastIndexOf(']');
  for (let i = 0; i < pattern.length; i++) {
    const char = pattern[i] ?? '';
    const end = char === '[' && i < lastEnd ? classEnd(pattern, i) : -1;
    if (char === '*') parts.push('');
    else if (char === '?') add('.');
    else if (end === -1) add(escape(char));
    else {
      add(classOf(pattern.slice(i + 1, end)));
      i = end;
    }
  }
  return parts;
}

/** Whether any of the patterns matches the text. */
export function matchesAny(text: string, patterns: readonly string[]): boolean {
  return patterns.some((pattern) => globToRegExp(pattern).test(text));
}

// A `]` directly after the opening bracket is a member.
function classEnd(pattern: readonly string[], start: number): number {
  const first = start + (pattern[start + 1] === '!' ? 2 : 1);
  return pattern.indexOf(']', first + 1);
}

function classOf(content: readonly string[]): string {
  const negated = content[0] === '!';
  const members = negated ? content.slice(1) : content;
  let out = '';
  for (let i = 0; i < members.length; i++) {
    const [from, dash, to] = [members[i] ?? '', members[i + 1], members[i + 2]];
    if (dash === '-' && to !== undefined) {
      // A range from high to low is empty, as in Python.
      if ((from.codePointAt(0) ?? 0) <= (to.codePointAt(0) ?? 0)) out += `${escape(from)}-${escape(to)}`;
      i += 2;
    } else out += escape(from);
  }
  if (out === '') return negated ? '.' : '(?!)';
  return `[${negated ? '^' : ''}${out}]`;
}

function escape(char: string): string {
  // By code point, because a regular expression with the `u` flag refuses unnecessary escapes.
  return /[\w\s]/.test(char) || char.charCodeAt(0) > 127 ? char : `\\x${char.charCodeAt(0).toString(16)}`;
}
