import { ActionNotAllowed, PRIO_DEFAULT, ParameterError, parseArches, plain, typeName } from '@koji/core';
import { truthy } from '@koji/core/api';
import { Double } from '@koji/core/wire';
import type { NameOrId } from '@koji/core/api';
import { context, exported } from '@koji/plugin-sdk';
import type {} from './index.js';

/** How an image is to be built, as the caller says; null is left to the description or the target. */
interface ImageOptions {
  /** Architectures that may fail. */
  readonly optional_arches?: unknown;
  readonly profile?: unknown;
  readonly scratch?: unknown;
  readonly priority?: unknown;
  /** Runs `make prep` in the checked out sources first. */
  readonly make_prep?: unknown;
  readonly repos?: unknown;
  readonly release?: unknown;
  readonly type?: unknown;
  readonly type_attr?: unknown;
  readonly result_bundle_name_format?: unknown;
  readonly use_buildroot_repo?: unknown;
  readonly version?: unknown;
  readonly repo_releasever?: unknown;
}

/** Makes a task that builds an image from a kiwi description in source control; for holders of `image`. */
export const kiwiBuild = exported({ doc: 'Build an image from a kiwi description; for holders of `image`.' })(
  async (
    target: NameOrId,
    arches: unknown,
    desc_url: string,
    {
      desc_path,
      optional_arches = null,
      profile = null,
      scratch = false,
      priority = null,
      make_prep = false,
      repos = null,
      release = null,
      type = null,
      type_attr = null,
      result_bundle_name_format = null,
      use_buildroot_repo = true,
      version = null,
      repo_releasever = null,
    }: ImageOptions & { readonly desc_path: string },
  ): Promise<number> => {
    context.session.assertPerm('image');
    for (const text of [desc_url, desc_path, profile, version, release, repo_releasever])
      if (text !== null) checkText(text);
    for (const list of [repos, type_attr]) if (truthy(list)) checkList(list);
    if (truthy(result_bundle_name_format)) checkText(result_bundle_name_format);
    await context.call('getBuildTarget', [target], { strict: true });
    const wanted = archList(arches);
    const options = {
      scratch: truthy(scratch),
      profile,
      version,
      release,
      optional_arches: optional_arches === null ? [] : archList(optional_arches),
      repos,
      repo_releasever,
      make_prep: truthy(make_prep),
      type,
      use_buildroot_repo: truthy(use_buildroot_repo),
      type_attr,
      result_bundle_name_format,
    };
    const given = Object.fromEntries(Object.entries(options).filter(([, value]) => truthy(value)));
    return context.makeTask('kiwiBuild', [target, wanted, desc_url, desc_path, given], {
      channel: 'image',
      ...(truthy(priority) ? { priority: PRIO_DEFAULT + readPriority(priority) } : {}),
    });
  },
);

function archList(given: unknown): string[] {
  const text: unknown = isTexts(given) ? given.join(' ') : given;
  if (typeof text !== 'string') throw wrongType(given, Array.isArray(given) ? 'str' : 'list');
  return parseArches(text, { strict: true }).split(' ').filter(Boolean);
}

function isTexts(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string');
}

function readPriority(given: unknown): number {
  const isNumber = typeof given === 'number' || typeof given === 'boolean' || given instanceof Double;
  const isDigits = typeof given === 'string' && /^\s*[+-]?\d{1,9}\s*$/.test(given);
  if (!isNumber && !isDigits) throw wrongType(given, 'int');
  const priority = Math.trunc(Number(given));
  if (!Number.isFinite(priority)) throw wrongType(given, 'int');
  if (priority < 0 && !context.session.hasPerm('admin'))
    throw new ActionNotAllowed('only admins may create high-priority tasks');
  return priority;
}

function checkText(value: unknown): void {
  if (typeof value !== 'string') throw wrongType(value, 'str');
}

function checkList(value: unknown): void {
  if (!Array.isArray(value)) throw wrongType(value, 'list');
}

function wrongType(value: unknown, wanted: string): ParameterError {
  if (value === null) return new ParameterError(`Invalid type, expected type <class '${wanted}'>`);
  return new ParameterError(
    `Invalid type for value '${plain(value)}': ${typeName(value)}, expected type <class '${wanted}'>`,
  );
}
