import { ConfigError } from '../errors.js';

/**
 * The data that a policy is evaluated for: fields by name, such as `tag`, `build`, `user_id`. Tests may add fields that begin
 * with `_`.
 */
export type PolicyData = Record<string, unknown>;

/** Further arguments of a test. */
export interface Evaluation<C> {
  /** Value that the caller of `apply` passed, such as the call of the hub. */
  readonly context: C;
  /** The action of another policy for the same data; null if none of its rules decides. */
  readonly apply: (policy: string) => Promise<string | null>;
}

/** A test that rules can use. */
export interface PolicyTest<C> {
  readonly name: string;
  /** The only policies that may use it; absent means all. */
  readonly policies?: readonly string[];
  /** Checks the arguments when the rule is parsed; returns the problem. */
  readonly check?: (args: readonly string[]) => string | null;
  readonly run: (
    args: readonly string[],
    data: PolicyData,
    evaluation: Evaluation<C>,
  ) => boolean | Promise<boolean>;
}

/** Tests by name. */
export type PolicyTests<C> = ReadonlyMap<string, PolicyTest<C>>;

interface Condition<C> {
  readonly test: PolicyTest<C>;
  readonly args: readonly string[];
  readonly text: string;
}

/** A rule: if all its conditions are true (or, negated, not all), its action or nested rules decide. */
export interface Rule<C> {
  readonly line: number;
  /** The rule as written, without comment and indentation. */
  readonly text: string;
  readonly conditions: readonly Condition<C>[];
  readonly negated: boolean;
  readonly action: string | readonly Rule<C>[];
}

/**
 * Parses the rules of a policy.
 *
 * @throws ConfigError naming policy and line
 */
export function parseRules<C>(policy: string, text: string, tests: PolicyTests<C>): readonly Rule<C>[] {
  const top: Rule<C>[] = [];
  const open: Rule<C>[][] = [top];
  text.split('\n').forEach((raw, i) => {
    const at = `policy ${policy} line ${i + 1}`;
    const line = (raw.split('#', 1)[0] ?? '').trim();
    if (line === '') return;
    if (line === '}') {
      open.pop();
      if (open.length === 0) throw new ConfigError(`${at}: '}' closes nothing`);
      return;
    }
    const { conditions, negated, action } = parseLine(line, { at, policy, tests });
    const nested: Rule<C>[] = [];
    open
      .at(-1)
      ?.push({ line: i + 1, text: line, conditions, negated, action: action === '{' ? nested : action });
    if (action === '{') open.push(nested);
  });
  if (open.length > 1) throw new ConfigError(`policy ${policy}: a '{' is not closed`);
  return top;
}

interface Place<C> {
  readonly at: string;
  readonly policy: string;
  readonly tests: PolicyTests<C>;
}

function parseLine<C>(
  line: string,
  place: Place<C>,
): { conditions: Condition<C>[]; negated: boolean; action: string } {
  const then = line.lastIndexOf('::');
  const end = then === -1 ? line.lastIndexOf('!!') : then;
  if (end === -1) throw new ConfigError(`${place.at}: '${line}' has neither '::' nor '!!'`);
  const action = line.slice(end + 2).trim();
  if (action === '') throw new ConfigError(`${place.at}: '${line}' has no action`);
  const conditions = line
    .slice(0, end)
    .split('&&')
    .map((text) => condition(text, place));
  return { conditions, negated: then === -1, action };
}

function condition<C>(text: string, { at, policy, tests }: Place<C>): Condition<C> {
  const [name = '', ...args] = text.split(/\s+/).filter(Boolean);
  const test = tests.get(name);
  if (!test) throw new ConfigError(`${at}: missing test handler: '${name}'`);
  if (test.policies && !test.policies.includes(policy))
    throw new ConfigError(`${at}: the test '${name}' is for the policies ${test.policies.join(', ')} only`);
  const problem = test.check?.(args);
  if (problem) throw new ConfigError(`${at}: '${text.trim()}': ${problem}`);
  return { test, args, text };
}
