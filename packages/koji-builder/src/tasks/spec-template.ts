import { open, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { BuildError, messageOf } from '@koji/core';
import type { KojidOptions } from '@koji/core/config';
import { outputOf } from '@koji/plugin-sdk/host';
import { withoutRights } from '../buildroot/account.js';

/** Values for a template, in types that its engine supports: texts, numbers, lists and structs. */
export type TemplateValues = Readonly<Record<string, unknown>>;

/** How a template is filled. */
export interface Filling {
  /** The Python that has the engine. */
  readonly python: string;
  readonly values: TemplateValues;
  /** The folder whose files the template can include. */
  readonly cwd: string;
  /** A folder that nobody but kojid writes to. */
  readonly folder: string;
}

/** Seconds that a template may take, and bytes that it may come to. */
const timeout = 60;
const most = 1 << 24;

// Isolated, so that neither the environment nor the working folder decides about what is imported.
const isolated = ['-I', '-c'] as const;
const engine = 'from Cheetah.Template import Template';
const program = `import json, sys
${engine}
given = json.load(sys.stdin.buffer)
filled = str(Template(source=given["template"], searchList=[given["values"]]))
sys.stdout.buffer.write(filled.encode("utf-8"))
`;

/** Missing requirements of this host for filling templates of spec files; null for none. */
export async function lacksTemplates({ template_python: python }: KojidOptions): Promise<string | null> {
  const found = await outputOf([python, ...isolated, engine], { timeout }).catch(() => null);
  if (found?.status.success === true) return null;
  return (
    `the template engine Cheetah (Debian and Fedora: python3-cheetah), which ${python} (template_python in kojid.conf) ` +
    'does not find'
  );
}

/**
 * Fills the template of a spec file. A template is a program, so it runs without rights: it gets its text and the values, and
 * what it prints is all that is taken.
 *
 * @throws BuildError with what the engine says about the template
 */
export async function fillTemplate(
  template: string,
  { python, values, cwd, folder }: Filling,
): Promise<string> {
  const file = path.join(folder, 'template.json');
  await writeFile(file, JSON.stringify({ template, values }), { flag: 'wx' });
  const input = await open(file);
  try {
    const command = [...withoutRights(), python, ...isolated, program];
    const { status, stdout, stderr } = await outputOf(command, { input: input.fd, timeout, most, cwd });
    if (!status.success) throw new Error(stderr.trim().split('\n').slice(-6).join('\n'));
    return stdout;
  } catch (cause) {
    throw new BuildError(`could not fill the template of the spec file: ${messageOf(cause)}`, { cause });
  } finally {
    await input.close();
  }
}
