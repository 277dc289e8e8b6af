import { ConfigError } from '../errors.js';
import { GenericError } from '../faults.js';
import { parseRules } from './rules.js';
import type { PolicyData, PolicyTests, Rule } from './rules.js';

/** The decision of a policy, with the rule that made it. */
export interface Decision {
  /** The action as written, such as `deny not now` or `use createrepo`. */
  readonly action: string;
  /** The rules on the path to it, in Koji's form: `tag f*-build:: ... user bob :: deny`. */
  readonly rule: string;
  /** The line of the deciding rule within its policy. */
  readonly line: number;
}

/** A rule that was tried. */
export interface TriedRule {
  /** The policy that contains it: the one that was evaluated, or one that a `policy` test evaluated. */
  readonly policy: string;
  readonly line: number;
  readonly text: string;
  /** Number of enclosing blocks. */
  readonly depth: number;
  /** The condition that was false; null if all were true. */
  readonly failed: string | null;
  /** Whether its action or block was reached. */
  readonly reached: boolean;
}

interface Run<C> {
  readonly data: PolicyData;
  readonly context: C;
  readonly watch?: (tried: TriedRule) => void;
  /** The policies that are being evaluated, outermost first. */
  readonly stack: readonly string[];
}

/** The policies of a hub. */
export class PolicySet<C> {
  private readonly rules = new Map<string, readonly Rule<C>[]>();

  /**
   * @param texts the rules by policy name
   * @throws ConfigError with every problem of every policy
   */
  constructor(texts: Iterable<readonly [string, string]>, tests: PolicyTests<C>) {
    const problems: string[] = [];
    for (const [name, text] of texts) {
      try {
        this.rules.set(name, parseRules(name, text, tests));
      } catch (error) {
        if (!(error instanceof ConfigError)) throw error;
        problems.push(error.message);
      }
    }
    if (problems.length > 0) throw new ConfigError(problems.join('\n'));
  }

  get names(): string[] {
    return [...this.rules.keys()];
  }

  has(name: string): boolean {
    return this.rules.has(name);
  }

  /**
   * Evaluates a policy. Rules are tried from top to bottom; the first action reached decides.
   *
   * @param watch called for each rule that is tried
   * @returns null if no rule decides
   * @throws GenericError for a policy that does not exist or refers to itself; otherwise the errors of tests
   */
  async apply(
    name: string,
    data: PolicyData,
    context: C,
    watch?: (tried: TriedRule) => void,
  ): Promise<Decision | null> {
    return this.decide(name, { data, context, stack: [], ...(watch ? { watch } : {}) });
  }

  private async decide(name: string, run: Run<C>): Promise<Decision | null> {
    const rules = this.rules.get(name);
    if (!rules) throw new GenericError(`no such policy: ${name}`);
    if (run.stack.includes(name)) throw new GenericError(`policy loop: ${[...run.stack, name].join(' -> ')}`);
    return this.first(rules, { ...run, stack: [...run.stack, name] }, []);
  }

  /** `before` has the conditions of the enclosing blocks, in Koji's form. */
  private async first(
    rules: readonly Rule<C>[],
    run: Run<C>,
    before: readonly string[],
  ): Promise<Decision | null> {
    for (const rule of rules) {
      const failed = await this.failing(rule, run);
      const reached = (failed === null) !== rule.negated;
      const { line, text } = rule;
      run.watch?.({ policy: run.stack.at(-1) ?? '', line, text, depth: before.length, failed, reached });
      if (!reached) continue;
      const own = `${rule.conditions.map((condition) => condition.text).join('&&')}${rule.negated ? '!! ' : ':: '}`;
      if (typeof rule.action === 'string')
        return { action: rule.action, rule: `${before.join('')}${own}${rule.action}`, line };
      const decision = await this.first(rule.action, run, [...before, `${own}... `]);
      if (decision) return decision;
    }
    return null;
  }

  /** The first condition that is false, or null if all are true. */
  private async failing({ conditions }: Rule<C>, run: Run<C>): Promise<string | null> {
    const apply = async (policy: string): Promise<string | null> =>
      (await this.decide(policy, run))?.action ?? null;
    for (const { test, args, text } of conditions) {
      if (!(await test.run(args, run.data, { context: run.context, apply }))) return text.trim();
    }
    return null;
  }
}
