import { declareTask } from '@koji/plugin-sdk';
import { z } from 'zod';

const text = z.string().optional();

/** How an image is built. */
export const options = z.strictObject({
  scratch: z.boolean().optional(),
  repos: z.array(z.string()).optional(),
  release: text,
  distro: text,
  skip_tag: z.boolean().optional(),
  ostree: z.strictObject({ parent: text, ref: text, url: text }).optional(),
  bootc: z
    .strictObject({ ref: text, 'build-ref': text, 'installer-payload-ref': text, 'default-fs': text })
    .optional(),
  blueprint: z.record(z.string(), z.unknown()).optional(),
  seed: z.int().optional(),
  preview: z.boolean().optional(),
  failable_arches: z.array(z.string()).optional(),
});
export type Options = z.output<typeof options>;

/** The arguments of method and task. */
export const buildArgs = declareTask('imageBuilderBuild', [
  ['target', z.string()],
  ['arches', z.array(z.string())],
  ['types', z.array(z.string()).length(1)],
  ['name', z.string()],
  ['version', z.string()],
  ['opts', options.default({})],
]);
