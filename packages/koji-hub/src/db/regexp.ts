/** A pattern is wrong, or takes too long to match; callers get it as a ParameterError. */
export class PatternError extends Error {
  override name = 'PatternError';
  /** By which it is known after it came from another thread. */
  readonly code = 'KOJI_PATTERN';
}

/** A part of a pattern, as it was read. */
type Part =
  | {
      readonly kind: 'char';
      readonly test: (char: string) => boolean;
      /** The character, if it is but one, whatever its case. */
      readonly letter?: string;
    }
  | { readonly kind: 'place'; readonly test: (chars: readonly string[], at: number) => boolean }
  | { readonly kind: 'sequence' | 'choice'; readonly parts: readonly Part[] }
  | { readonly kind: 'repeat'; readonly part: Part; readonly least: number; readonly most: number };

/** A state of the machine and where it goes from there. */
interface State {
  readonly test?: (char: string) => boolean;
  readonly place?: (chars: readonly string[], at: number) => boolean;
  next: number[];
}

const mostStates = 1000;
const mostRepeats = 255;
const longestPattern = 1000;
/** The state that says the text matches; it has no way out. */
const matched = 0;

const word = /^[\p{L}\p{N}_]$/u;
const isWord = (char: string | undefined): boolean => char !== undefined && word.test(char);

const classes: Readonly<Record<string, RegExp>> = {
  alnum: /^[\p{L}\p{N}]$/u,
  alpha: /^\p{L}$/u,
  blank: /^[ \t]$/,
  cntrl: /^\p{Cc}$/u,
  digit: /^\d$/,
  graph: /^[^\s\p{C}]$/u,
  lower: /^\p{Ll}$/u,
  print: /^[^\p{C}]$/u,
  punct: /^[\p{P}\p{S}]$/u,
  space: /^\s$/,
  upper: /^\p{Lu}$/u,
  xdigit: /^[0-9a-fA-F]$/,
};
const shorthands: Readonly<Record<string, RegExp>> = {
  d: /^\d$/,
  D: /^\D$/u,
  s: /^\s$/,
  S: /^\S$/u,
  w: word,
  W: /^[^\p{L}\p{N}_]$/u,
};
const controls: Readonly<Record<string, string>> = {
  a: '\u0007',
  b: '\b',
  B: '\\',
  e: '\u001b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
};
const places: Readonly<Record<string, (chars: readonly string[], at: number) => boolean>> = {
  A: (_chars, at) => at === 0,
  Z: (chars, at) => at === chars.length,
  m: (chars, at) => !isWord(chars[at - 1]) && isWord(chars[at]),
  M: (chars, at) => isWord(chars[at - 1]) && !isWord(chars[at]),
  y: (chars, at) => isWord(chars[at - 1]) !== isWord(chars[at]),
  Y: (chars, at) => isWord(chars[at - 1]) === isWord(chars[at]),
};

/**
 * A regular expression as PostgreSQL reads it, for SQLite. Its time grows with the text times the pattern and no faster,
 * whatever the pattern: a stranger's may not hold the hub. References back and looks ahead, which would take that away, are
 * refused.
 *
 * @throws PatternError when the pattern is wrong or too large
 */
export class LinearRegExp {
  private readonly states: State[] = [{ next: [] }];
  private readonly start: number;
  private readonly seen: Uint32Array;
  private round = 0;

  constructor(pattern: string, { ignoreCase = false } = {}) {
    const part = new Reader(pattern, ignoreCase).read();
    this.start = this.build(part, matched, pattern);
    this.seen = new Uint32Array(this.states.length);
  }

  /** Whether it matches anywhere in the text. */
  test(text: string): boolean {
    const chars = Array.from(text);
    let current: number[] = [];
    for (let at = 0; ; at++) {
      this.round += 1;
      const reached: number[] = [];
      for (const state of [...current, this.start]) if (this.enter(state, chars, at, reached)) return true;
      const char = chars[at];
      if (char === undefined) return false;
      current = reached.flatMap((state) => {
        const { test, next } = this.states[state] as State;
        return test?.(char) ? next : [];
      });
    }
  }

  /** Goes on to all states that take a character; true when the text has matched by then. */
  private enter(from: number, chars: readonly string[], at: number, reached: number[]): boolean {
    const waiting = [from];
    for (let state = waiting.pop(); state !== undefined; state = waiting.pop()) {
      if (state === matched) return true;
      if (this.seen[state] === this.round) continue;
      this.seen[state] = this.round;
      const { test, place, next } = this.states[state] as State;
      if (test) reached.push(state);
      else if (!place || place(chars, at)) waiting.push(...next);
    }
    return false;
  }

  /** Adds the states of a part that continues with `next`; returns the first of them. */
  private build(part: Part, next: number, pattern: string): number {
    switch (part.kind) {
      case 'char':
        return this.add({ test: part.test, next: [next] }, pattern);
      case 'place':
        return this.add({ place: part.test, next: [next] }, pattern);
      case 'sequence':
        return part.parts.reduceRight((after, one) => this.build(one, after, pattern), next);
      case 'choice':
        return this.add({ next: part.parts.map((one) => this.build(one, next, pattern)) }, pattern);
      case 'repeat': {
        let first = next;
        if (part.most === Infinity) {
          const loop: State = { next: [next] };
          first = this.add(loop, pattern);
          loop.next = [this.build(part.part, first, pattern), next];
        } else
          for (let i = part.least; i < part.most; i++)
            first = this.add({ next: [this.build(part.part, first, pattern), next] }, pattern);
        for (let i = 0; i < part.least; i++) first = this.build(part.part, first, pattern);
        return first;
      }
    }
  }

  private add(state: State, pattern: string): number {
    if (this.states.length >= mostStates) throw wrong(pattern, 'regular expression is too complex');
    return this.states.push(state) - 1;
  }
}

/** Returns the texts that every text has which a pattern matches, in the pattern's case; none for a wrong pattern. */
export function requiredTexts(pattern: string): string[] {
  const texts = [''];
  const add = (part: Part): void => {
    switch (part.kind) {
      case 'char':
        if (part.letter === undefined) texts.push('');
        else texts.push(`${texts.pop() ?? ''}${part.letter}`);
        break;
      case 'place':
        break;
      case 'sequence':
        part.parts.forEach(add);
        break;
      case 'choice':
        texts.push('');
        break;
      case 'repeat':
        texts.push('');
        if (part.least > 0) add(part.part);
        texts.push('');
        break;
    }
  };
  try {
    add(new Reader(pattern, true).read());
  } catch (error) {
    if (error instanceof PatternError) return [];
    throw error;
  }
  return texts.filter((text) => text !== '');
}

function wrong(pattern: string, why: string): PatternError {
  return new PatternError(`invalid regular expression: ${pattern.slice(0, longestPattern)}: ${why}`);
}

/** Reads a pattern from its start to its end. */
class Reader {
  private at = 0;
  private readonly chars: readonly string[];

  constructor(
    private readonly pattern: string,
    private readonly ignoreCase: boolean,
  ) {
    // A character is two units at most: a longer text is not taken apart first.
    if (pattern.length > 2 * longestPattern) throw wrong(pattern, 'regular expression is too complex');
    this.chars = Array.from(pattern);
    if (this.chars.length > longestPattern) throw wrong(pattern, 'regular expression is too complex');
  }

  read(): Part {
    const part = this.choice();
    if (this.at < this.chars.length) throw this.wrong('parentheses () not balanced');
    return part;
  }

  private wrong(why: string): PatternError {
    return wrong(this.pattern, why);
  }

  private take(expected: string): boolean {
    const found = this.chars.slice(this.at, this.at + expected.length).join('') === expected;
    if (found) this.at += expected.length;
    return found;
  }

  private choice(): Part {
    const parts = [this.sequence()];
    while (this.take('|')) parts.push(this.sequence());
    return parts.length === 1 ? (parts[0] as Part) : { kind: 'choice', parts };
  }

  private sequence(): Part {
    const parts: Part[] = [];
    for (let char = this.chars[this.at]; char !== undefined && char !== '|' && char !== ')';) {
      parts.push(this.repeated());
      char = this.chars[this.at];
    }
    return { kind: 'sequence', parts };
  }

  private repeated(): Part {
    const part = this.atom();
    const bounds = this.bounds();
    if (!bounds) return part;
    if (part.kind === 'place') throw this.wrong('quantifier operand invalid');
    // A short match is as good as a long one, where only whether there is one is asked.
    this.take('?');
    if (this.bounds()) throw this.wrong('quantifier operand invalid');
    return { kind: 'repeat', part, ...bounds };
  }

  private bounds(): { least: number; most: number } | null {
    if (this.take('*')) return { least: 0, most: Infinity };
    if (this.take('+')) return { least: 1, most: Infinity };
    if (this.take('?')) return { least: 0, most: 1 };
    const rest = this.chars.slice(this.at, this.at + 12).join('');
    if (!/^\{\d/.test(rest)) return null;
    const [whole = '', low = '', comma, high] = /^\{(\d{1,3})(,)?(\d{1,3})?\}/.exec(rest) ?? [];
    const least = Number(low);
    const most = high === undefined ? (comma ? Infinity : least) : Number(high);
    if (whole === '' || (high !== undefined && !comma) || least > mostRepeats || most < least)
      throw this.wrong('invalid repetition count(s)');
    if (most !== Infinity && most > mostRepeats) throw this.wrong('invalid repetition count(s)');
    this.at += whole.length;
    return { least, most };
  }

  private atom(): Part {
    if (this.take('(')) return this.group();
    if (this.take('[')) return this.bracket();
    if (this.take('^')) return { kind: 'place', test: places.A as never };
    if (this.take('$')) return { kind: 'place', test: places.Z as never };
    if (this.take('.')) return { kind: 'char', test: () => true };
    if (this.take('\\')) return this.escape();
    if (this.bounds()) throw this.wrong('quantifier operand invalid');
    return this.literal(this.chars[this.at++] as string);
  }

  private group(): Part {
    if (this.take('?') && !this.take(':')) throw this.wrong('only (?:…) is supported of the groups with (?');
    const part = this.choice();
    if (!this.take(')')) throw this.wrong('parentheses () not balanced');
    // A group may be repeated, what is in it may not be told from it.
    return { kind: 'sequence', parts: [part] };
  }

  private escape(): Part {
    const char = this.chars[this.at];
    if (char === undefined) throw this.wrong('invalid escape \\ sequence');
    const place = places[char];
    if (place) {
      this.at += 1;
      return { kind: 'place', test: place };
    }
    const shorthand = shorthands[char];
    if (shorthand) {
      this.at += 1;
      return { kind: 'char', test: (given) => shorthand.test(given) };
    }
    return this.literal(this.escapedChar());
  }

  /** The character that an escape stands for, the backslash being read. */
  private escapedChar(): string {
    const char = this.chars[this.at++];
    if (char === undefined) throw this.wrong('invalid escape \\ sequence');
    if (char === 'x' || char === 'u') {
      const digits = /^[0-9a-fA-F]+/.exec(this.chars.slice(this.at, this.at + 4).join(''))?.[0] ?? '';
      if (digits === '' || (char === 'u' && digits.length < 4))
        throw this.wrong('invalid escape \\ sequence');
      this.at += digits.length;
      return String.fromCodePoint(parseInt(digits, 16));
    }
    if (/[1-9]/.test(char)) throw this.wrong('references back are not supported');
    const control = controls[char];
    if (control !== undefined) return control;
    if (/[\p{L}\p{N}]/u.test(char)) throw this.wrong('invalid escape \\ sequence');
    return char;
  }

  private literal(char: string): Part {
    if (!this.ignoreCase) return { kind: 'char', letter: char, test: (given) => given === char };
    const lower = char.toLowerCase();
    return { kind: 'char', letter: char, test: (given) => given.toLowerCase() === lower };
  }

  private bracket(): Part {
    const negated = this.take('^');
    const tests: ((char: string) => boolean)[] = [];
    for (let first = true; ; first = false) {
      if (this.at >= this.chars.length) throw this.wrong('brackets [] not balanced');
      if (!first && this.take(']')) break;
      tests.push(this.member());
    }
    const holds = (char: string): boolean => tests.some((test) => test(char));
    const folded = (char: string): boolean =>
      holds(char) || (this.ignoreCase && (holds(char.toLowerCase()) || holds(char.toUpperCase())));
    return { kind: 'char', test: (char) => folded(char) !== negated };
  }

  private member(): (char: string) => boolean {
    if (this.take('[:')) {
      const name = /^([a-z]+):\]/.exec(this.chars.slice(this.at, this.at + 10).join(''))?.[1] ?? '';
      const named = classes[name];
      if (!named) throw this.wrong('invalid character class');
      this.at += name.length + 2;
      return (char) => named.test(char);
    }
    if (this.chars[this.at] === '[' && /[.=]/.test(this.chars[this.at + 1] ?? ''))
      throw this.wrong('invalid collating element');
    const shorthand = this.chars[this.at] === '\\' ? shorthands[this.chars[this.at + 1] ?? ''] : undefined;
    if (shorthand) {
      this.at += 2;
      return (char) => shorthand.test(char);
    }
    const from = this.memberChar();
    if (this.chars[this.at] !== '-' || [']', undefined].includes(this.chars[this.at + 1]))
      return (char) => char === from;
    this.at += 1;
    const to = this.memberChar();
    const [low, high] = [from.codePointAt(0) ?? 0, to.codePointAt(0) ?? 0];
    if (low > high) throw this.wrong('invalid character range');
    return (char) => low <= (char.codePointAt(0) ?? 0) && (char.codePointAt(0) ?? 0) <= high;
  }

  private memberChar(): string {
    return this.take('\\') ? this.escapedChar() : (this.chars[this.at++] as string);
  }
}
