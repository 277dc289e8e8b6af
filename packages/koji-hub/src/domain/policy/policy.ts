import { ActionNotAllowed } from '@koji/core';
import type { HubOptions } from '@koji/core/config';
import { PolicySet, libraryTests, testsByName } from '@koji/core/policy';
import type { PolicyTest, TriedRule } from '@koji/core/policy';
import type { Call, Explanation, Policies, PolicyData, PolicyOptions } from '../../call.js';
import { actingUser, hubTests } from './tests.js';
import type { HubTest } from './tests.js';
import { permsInCall } from '../users/users.js';

/** A test for policies that a plugin brings. */
export interface PluginTest {
  readonly name: string;
  readonly run: HubTest;
}

/** Koji's default rules of policies that hub.conf does not define. */
export const defaultPolicies: Readonly<Record<string, string>> = {
  build_rpm: 'all :: allow',
  build_from_srpm: 'has_perm admin :: allow\nall :: deny Only admin can do this via default policy',
  build_from_repo_id: 'has_perm admin :: allow\nall :: deny Only admin can do this via default policy',
  build_from_scm: 'has_perm admin :: allow\nall :: deny Only admin can do this via default policy',
  package_list: `has_perm admin :: allow
    has_perm tag :: allow
    all :: deny Only admin/tag can do this via default policy`,
  channel: 'has req_channel :: req\nis_child_task :: parent\nall :: use default',
  vm: 'has_perm admin win-admin :: allow\nall :: deny Only admin/win-admin can do this via default policy',
  cg_import: 'all :: allow',
  volume: 'all :: DEFAULT',
  priority: 'all :: stay',
  draft_promotion: `has_perm draft-promoter :: allow
    is_build_owner :: allow
    all :: deny Only draft-promoter and build owner can do this via default policy`,
};

/** Arguments for creating a hub's policies. */
export interface PolicySources {
  /** Section `[policy]` of hub.conf. */
  readonly texts: ReadonlyMap<string, string>;
  readonly options: Pick<HubOptions, 'MissingPolicyOk' | 'VerbosePolicy' | 'KojiDebug'>;
  /** In the order of their plugins; one with the name of a built-in test replaces it. */
  readonly pluginTests?: readonly PluginTest[];
}

/**
 * Reads the policies of a hub.
 *
 * @throws ConfigError with everything that is wrong in any of them
 */
export function readPolicies({ texts, options, pluginTests = [] }: PolicySources): Policies {
  const tests: PolicyTest<Call>[] = [
    ...libraryTests,
    ...Object.entries(hubTests).map(([name, test]): PolicyTest<Call> => ({
      name,
      run: (words, data, { context }) => test(context, data, words),
    })),
    ...pluginTests.map(({ name, run }): PolicyTest<Call> => ({
      name,
      run: (words, data, { context }) => run(context, data, words),
    })),
  ];
  const rules = new Map([...Object.entries(defaultPolicies), ...texts]);
  return new HubPolicies(new PolicySet(rules, testsByName(tests)), texts, options);
}

interface Verdict {
  readonly allowed: boolean;
  readonly reason: string;
  readonly rule: string;
}

class HubPolicies implements Policies {
  constructor(
    private readonly policies: PolicySet<Call>,
    private readonly own: ReadonlyMap<string, string>,
    private readonly options: PolicySources['options'],
  ) {}

  async assert(call: Call, name: string, data: PolicyData, options: PolicyOptions = {}): Promise<void> {
    const { allowed, reason, rule } = await this.judge(call, name, data, options);
    if (allowed) return;
    const because = reason ? `: ${reason}` : '';
    const verbose = this.options.KojiDebug || this.options.VerbosePolicy;
    throw new ActionNotAllowed(`policy violation (${name})${because}${verbose ? ` [rule: ${rule}]` : ''}`);
  }

  async check(
    call: Call,
    name: string,
    data: PolicyData,
    options: PolicyOptions = {},
  ): Promise<{ allowed: boolean; reason: string }> {
    const { allowed, reason } = await this.judge(call, name, data, options);
    return { allowed, reason };
  }

  async eval(call: Call, name: string, data: PolicyData): Promise<string | null> {
    return (await this.policies.apply(name, { ...data }, call))?.action ?? null;
  }

  async explain(call: Call, name: string, data: PolicyData): Promise<Explanation> {
    const tried: TriedRule[] = [];
    if (!this.policies.has(name)) return { source: null, tried, decision: null };
    const decision = await this.policies.apply(name, { ...data }, call, (rule) => tried.push(rule));
    return { source: this.own.has(name) ? 'hub.conf' : 'default', tried, decision };
  }

  private async judge(call: Call, name: string, data: PolicyData, options: PolicyOptions): Promise<Verdict> {
    const verdict = await this.ask(call, name, data, options.default ?? 'deny');
    if (verdict.allowed || !options.force) return verdict;
    const user = await actingUser(call, data);
    if (!user || !(await permsInCall(call, user.id)).includes('admin')) return verdict;
    call.log.info(
      `Policy ${name} overriden by force: ${user.name}${verdict.reason ? `: ${verdict.reason}` : ''}`,
    );
    return { ...verdict, allowed: true, reason: 'overriden by force' };
  }

  private async ask(call: Call, name: string, data: PolicyData, fallback: string): Promise<Verdict> {
    if (!this.policies.has(name))
      return { allowed: this.options.MissingPolicyOk, reason: 'missing policy', rule: '' };
    const decision = await this.policies.apply(name, { ...data }, call);
    const [, word = fallback, said = ''] = /^(\S+)\s*(.*)$/s.exec(decision?.action ?? '') ?? [];
    const action = decision ? word.toLowerCase() : fallback;
    const reason = decision ? said : 'not covered by policy';
    const rule = decision?.rule ?? '';
    if (action === 'allow') return { allowed: true, reason, rule };
    if (action === 'deny') return { allowed: false, reason, rule };
    call.log.error(`Invalid action in policy ${name}, rule: ${rule}`);
    return { allowed: false, reason: 'error in policy', rule };
  }
}
