import { ParameterError } from '@koji/core';
import type { TagInfo } from '@koji/core/api';
import { globToRegExp } from '@koji/core/policy';
import type { Call } from '../../call.js';
import { isStruct, truthy } from '../values/convert.js';

/** Contents of a build tag's repo besides binary rpms. */
const names = ['src', 'debuginfo', 'separate_src', 'maven'] as const;

export type RepoOption = (typeof names)[number];

/** Some options of a repo; those left out are as the tag says. */
export type SomeRepoOptions = Partial<Record<RepoOption, boolean>>;

/** All options of a repo. */
export type RepoOptions = Readonly<Record<RepoOption, boolean>>;

const isOption = (name: string): name is RepoOption => (names as readonly string[]).includes(name);

/**
 * Parses options from a received value; null gives none, and an option that is null counts as missing.
 *
 * @throws ParameterError if it is not a struct or has another key
 */
export function readRepoOptions(value: unknown): SomeRepoOptions {
  if (value !== null && !isStruct(value)) throw new ParameterError('Repo opts must be a dictionary');
  const unknown = Object.keys(value ?? {}).find((name) => !isOption(name));
  if (unknown !== undefined) throw new ParameterError(`Invalid repo option: ${unknown}`);
  return knownOptions(value);
}

/** As {@link readRepoOptions}, but what makes no sense is left out. */
function knownOptions(value: unknown): SomeRepoOptions {
  const options: SomeRepoOptions = {};
  for (const [name, given] of Object.entries(isStruct(value) ? value : {}))
    if (isOption(name) && given !== null) options[name] = truthy(given);
  return options;
}

/**
 * The options of a tag's repo: what the hub's configuration and the tag say, then what is asked for.
 *
 * @param wanted off the wire, null for nothing in particular; unknown options are ignored
 * @returns all options, and those of `wanted` that differ from what the tag says
 */
export function repoOptionsFor(
  call: Call,
  tag: TagInfo,
  wanted: unknown,
): { opts: RepoOptions; custom: SomeRepoOptions } {
  const usual = tagOptions(call, tag);
  const given = knownOptions(wanted);
  const custom = Object.fromEntries(
    Object.entries(given).filter(([name, value]) => value !== usual[name as RepoOption]),
  );
  if (given.maven && !call.hub.options.EnableMaven)
    call.log.warn(`a repo of ${tag.name} with maven is asked for, but EnableMaven is off`);
  return { opts: { ...usual, ...custom }, custom };
}

function tagOptions(call: Call, tag: TagInfo): RepoOptions {
  const { DebuginfoTags, SourceTags, SeparateSourceTags, EnableMaven } = call.hub.options;
  const isOneOf = (globs: string): boolean =>
    globs.split(/\s+/).some((glob) => glob !== '' && globToRegExp(glob).test(tag.name));
  const { extra } = tag;
  // The tag's own option came before there were repo.opts.
  const own = Object.hasOwn(extra, 'repo.opts')
    ? knownOptions(extra['repo.opts'])
    : Object.hasOwn(extra, 'with_debuginfo')
      ? { debuginfo: truthy(extra.with_debuginfo) }
      : {};
  const options = {
    src: isOneOf(SourceTags),
    debuginfo: isOneOf(DebuginfoTags),
    separate_src: isOneOf(SeparateSourceTags),
    maven: false,
    ...own,
  };
  if (!EnableMaven) return { ...options, maven: false };
  return tag.maven_support ? { ...options, maven: true } : options;
}
