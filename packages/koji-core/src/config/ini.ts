import { ConfigError } from '../errors.js';

/** A text to parse, with its name for messages. */
export interface Source {
  readonly file: string;
  readonly text: string;
}

/** Parser options. */
export interface IniOptions {
  /** Replace `%(name)s` and `%%`, like Python's ConfigParser (koji.conf) and unlike RawConfigParser (hub.conf). */
  readonly interpolation?: boolean;
  /** Returns whether an option's value is secret and must not appear in messages. Names of options are in lower case. */
  readonly isSecret?: (section: string, option: string) => boolean;
}

/** A raw value from a file. */
interface Value {
  readonly text: string;
  readonly file: string;
  readonly line: number;
}

type Options = Map<string, Value>;

/**
 * Parses INI texts in the dialect of Python's configparser; later texts take precedence. The separator between name and value
 * is `=` or `:`, indented lines continue a value, `#` and `;` start a comment only at the beginning of a line, and a section or
 * option must not occur twice in one text.
 *
 * @throws ConfigError with the file and line of each syntax error
 */
export function parseIni(sources: readonly Source[], options: IniOptions = {}): Sections {
  const merged = new Map<string, Options>();
  const problems: string[] = [];
  for (const source of sources) {
    const reader = new Reader(source);
    for (const [name, options] of reader.read())
      merged.set(name, new Map([...(merged.get(name) ?? []), ...options]));
    problems.push(...reader.problems);
  }
  if (problems.length > 0) throw new ConfigError(problems.join('\n'));
  return new Sections(merged, options);
}

/** Sections by name, options by lower-case name. The options of `DEFAULT` apply to every other section. */
export class Sections {
  private readonly defaults: Options;
  private readonly sections: ReadonlyMap<string, Options>;

  /** @internal */
  constructor(
    sections: ReadonlyMap<string, Options>,
    private readonly how: IniOptions,
  ) {
    this.defaults = sections.get('DEFAULT') ?? new Map<string, Value>();
    this.sections = new Map([...sections].filter(([name]) => name !== 'DEFAULT'));
  }

  /** The names of the sections, without `DEFAULT`. */
  keys(): string[] {
    return [...this.sections.keys()];
  }

  has(section: string): boolean {
    return this.sections.has(section);
  }

  /**
   * Returns a section's options by lower-case name, including those of `DEFAULT`, or undefined if the section does not exist.
   * `DEFAULT` itself always exists.
   *
   * @throws ConfigError for an invalid `%` in any of them, if references are replaced
   */
  get(section: string): Map<string, string> | undefined {
    const own = section === 'DEFAULT' ? this.defaults : this.sections.get(section);
    if (!own) return undefined;
    const options: Options = new Map([...this.defaults, ...own]);
    return new Map(
      [...options.keys()].map((key) => {
        const value = options.get(key)?.text ?? '';
        return [key, this.how.interpolation ? this.interpolated(options, section, key) : value];
      }),
    );
  }

  /** Returns the lower-case names of the options that a section itself sets, without those of `DEFAULT`. */
  own(section: string): string[] {
    const options = section === 'DEFAULT' ? this.defaults : this.sections.get(section);
    return [...(options?.keys() ?? [])];
  }

  /** Returns whether any value refers to an option of its section. */
  refersTo(option: string): boolean {
    const reference = `%(${option})s`;
    const all = [this.defaults, ...this.sections.values()];
    return all.some((options) =>
      [...options.values()].some(({ text }) => text.toLowerCase().includes(reference)),
    );
  }

  private interpolated(options: Options, section: string, option: string): string {
    const secret = this.how.isSecret?.(section, option) ?? false;
    return interpolate(options, { section, option, secret });
  }

  /** Returns the file that sets an option. */
  fileOf(section: string, option: string): string | undefined {
    const key = option.toLowerCase();
    return (this.sections.get(section)?.get(key) ?? this.defaults.get(key))?.file;
  }
}

/** Reads one text, line by line. */
class Reader {
  readonly problems: string[] = [];
  private readonly sections = new Map<string, Map<string, { lines: string[]; line: number }>>();
  private section: Map<string, { lines: string[]; line: number }> | null = null;
  private value: string[] | null = null;
  private indent = 0;

  constructor(private readonly source: Source) {}

  read(): Map<string, Options> {
    const text = this.source.text.replace(/^\uFEFF/, '');
    text.split(/\r\n|\n|\r/).forEach((line, i) => this.line(line, i + 1));
    const { file } = this.source;
    return new Map(
      [...this.sections].map(([name, options]) => [
        name,
        new Map(
          [...options].map(([key, { lines, line }]) => [
            key,
            { text: lines.join('\n').trimEnd(), file, line },
          ]),
        ),
      ]),
    );
  }

  private line(line: string, number: number): void {
    const text = line.trim();
    if (text.startsWith('#') || text.startsWith(';')) return;
    if (text === '') {
      this.value?.push('');
      return;
    }
    const indent = line.length - line.trimStart().length;
    if (this.value && indent > this.indent) {
      this.value.push(text);
      return;
    }
    this.indent = indent;
    this.value = null;
    const header = /^\[(.+)\]/s.exec(text);
    if (header) this.open(header[1] ?? '', number);
    else this.option(text, number);
  }

  private open(name: string, number: number): void {
    const known = this.sections.get(name);
    if (known && name !== 'DEFAULT') this.problem(number, `duplicate section [${name}]`);
    this.section = known ?? new Map<string, { lines: string[]; line: number }>();
    this.sections.set(name, this.section);
  }

  private option(text: string, number: number): void {
    if (!this.section) {
      this.problem(number, `'${text}' is before the first [section]`);
      return;
    }
    const at = text.search(/[=:]/);
    const key = text.slice(0, Math.max(at, 0)).trimEnd().toLowerCase();
    if (key === '') {
      this.problem(number, `'${text}' is neither a [section] nor name = value`);
      return;
    }
    const before = this.section.get(key);
    if (before) this.problem(number, `duplicate option '${key}', first set in line ${before.line}`);
    this.value = [text.slice(at + 1).trimStart()];
    this.section.set(key, { lines: this.value, line: number });
  }

  private problem(number: number, problem: string): void {
    this.problems.push(`${this.source.file} line ${number}: ${problem}`);
  }
}

const deepest = 10;

/** Returns a value with its references replaced. */
function interpolate(
  options: Options,
  {
    section,
    option,
    secret,
  }: { readonly section: string; readonly option: string; readonly secret: boolean },
): string {
  const { text: whole, file, line } = options.get(option) ?? { text: '', file: '', line: 0 };
  const fail = (problem: string): never => {
    throw new ConfigError(
      `${file} line ${line}: [${section}] ${option} = ${secret ? '(secret)' : `'${whole}'`}: ${problem}`,
    );
  };
  const expand = (text: string, depth: number): string => {
    if (depth > deepest) return fail('names refer to each other in a loop');
    return text.replace(/%(%|\(([^)]+)\)s)?/g, (_all, what: string | undefined, name: string | undefined) => {
      if (what === '%') return '%';
      if (name === undefined) return fail("a '%' that does not start '%(name)s' must be written '%%'");
      const value = options.get(name.toLowerCase());
      return value === undefined ? fail(`there is no option '${name}'`) : nested(value.text, depth);
    });
  };
  const nested = (text: string, depth: number): string =>
    text.includes('%') ? expand(text, depth + 1) : text;
  return expand(whole, 1);
}
