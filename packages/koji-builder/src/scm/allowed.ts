import { BuildError } from '@koji/core';
import type { Logger } from '@koji/core';
import { globToRegExp } from '@koji/core/policy';
import type { BaseTaskHandler } from '@koji/plugin-sdk';
import { settingsOf } from '../settings.js';
import type { ScmInfo } from './url.js';

/** How an SCM that is allowed is to be used. */
export interface ScmRules {
  /** Whether the folder `common` beside the sources is checked out too. */
  readonly useCommon: boolean;
  /** The command that fetches what is not in source control; null for none. */
  readonly sourceCommand: readonly string[] | null;
}

/** Data for the policy `build_from_scm` besides the SCM: `scratch`, and other fields that a site's rules use. */
export type ScmPolicyData = Readonly<Record<string, unknown>>;

const byDefault: ScmRules = { useCommon: true, sourceCommand: ['make', 'sources'] };

/**
 * Asks the rules of this builder (`allowed_scms`), then those of the hub (policy `build_from_scm`), each if enabled in
 * kojid.conf. The hub's settings take precedence.
 *
 * @throws BuildError when it is not allowed
 */
export async function rulesFor(task: BaseTaskHandler, scm: ScmInfo, data: ScmPolicyData): Promise<ScmRules> {
  const options = settingsOf(task);
  const rules = options.allowed_scms_use_config
    ? configured(options.allowed_scms, scm, task.logger)
    : byDefault;
  return options.allowed_scms_use_policy ? decided(task, scm, { data, rules }) : rules;
}

/** The settings of the first matching entry of `HOST:REPOSITORY[:USE_COMMON[:SOURCE_COMMAND]]` or `!HOST:REPOSITORY`. */
function configured(allowed: string, { host, repository }: ScmInfo, logger: Logger): ScmRules {
  for (const entry of allowed.split(/\s+/).filter(Boolean)) {
    const [pattern = '', repositories, useCommon = '', command] = entry.split(':');
    if (repositories === undefined) {
      logger.warn(`Ignoring incorrectly formatted SCM host:repository: ${entry}`);
      continue;
    }
    const denied = pattern.startsWith('!');
    const hosts = globToRegExp(pattern.slice(denied ? 1 : 0).toLowerCase());
    if (!hosts.test(host) || !globToRegExp(repositories).test(repository)) continue;
    if (denied) break;
    return {
      useCommon: !['no', 'off', 'false', '0'].includes(useCommon.toLowerCase()),
      // Nothing after the last colon: no command at all.
      sourceCommand:
        command === undefined ? byDefault.sourceCommand : command === '' ? null : command.split(','),
    };
  }
  throw new BuildError(`${host}:${repository} is not in the list of allowed SCMs`);
}

async function decided(
  task: BaseTaskHandler,
  scm: ScmInfo,
  { data, rules }: { readonly data: ScmPolicyData; readonly rules: ScmRules },
): Promise<ScmRules> {
  const answer = await task.session.evalPolicy('build_from_scm', {
    ...policyFields(scm),
    ...(await aboutTask(task)),
    ...data,
  });
  const [access = '', ...rest] = (answer ?? '').split(/\s+/).filter(Boolean);
  if (!['yes', 'true', 'allow', 'allowed'].includes(access.toLowerCase()))
    throw new BuildError(
      `SCM: ${scm.host}:${scm.repository} is not allowed, reason: ${rest.join(' ') || 'None'}`,
    );
  const useCommon = rest[0]?.toLowerCase() === 'use_common';
  const command = rest.slice(useCommon ? 1 : 0);
  if (command.length === 0) return { ...rules, useCommon };
  return { useCommon, sourceCommand: command[0]?.toLowerCase() === 'none' ? null : command };
}

/** The fields as policies know them: `scm_host`, and `scm_type` for `scmtype`. */
export function policyFields(scm: object): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(scm).map(([key, value]) => [key.replace(/^(?:scm_?)?/, 'scm_'), value as unknown]),
  );
}

async function aboutTask(task: BaseTaskHandler): Promise<Record<string, unknown>> {
  const { owner, channel_id: channelId } = await task.taskInfo();
  const channel = await task.session.getChannel(channelId, true);
  return { user_id: owner, channel: channel.name };
}
