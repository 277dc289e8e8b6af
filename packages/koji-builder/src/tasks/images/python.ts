import { stat } from 'node:fs/promises';
import type { KojidOptions } from '@koji/core/config';
import { outputOf } from '@koji/plugin-sdk/host';

/** Modules of Python by the names that people know them by. */
const modules = {
  ImageFactory: ['imgfac.BuildDispatcher', 'imgfac.FactoryUtils'],
  oz: ['oz.TDL'],
  pykickstart: ['pykickstart.parser'],
} as const;

/** Something that images are made with. */
export type ImageTool = keyof typeof modules;

const lookFor = `import importlib, json, sys
lacking = {}
for name in sys.argv[1:]:
    try:
        importlib.import_module(name)
    except Exception as error:
        lacking[name] = str(error)
print()
print(json.dumps(lacking))
`;

/** Returns what this builder lacks of some tools, as people read it; null for nothing. */
export async function lacksTools(
  { image_python: python, imagefactory_plugins: plugins }: KojidOptions,
  tools: readonly ImageTool[],
): Promise<string | null> {
  const lacking = await failedImports(
    python,
    tools.flatMap((tool) => modules[tool]),
  );
  const missing = tools.filter((tool) => modules[tool].some((name) => lacking.has(name)));
  const [why] = missing.flatMap((tool) => modules[tool].map((name) => lacking.get(name) ?? []).flat());
  if (missing.length > 0)
    return `${listOf(missing)}, which ${python} (image_python in kojid.conf) can't import: ${why}`;
  if (!tools.includes('ImageFactory') || (await stat(plugins).catch(() => null))?.isDirectory()) return null;
  return `plugins of ImageFactory: there is no folder ${plugins} (imagefactory_plugins in kojid.conf)`;
}

/** Returns why modules can't be imported, by their names. */
async function failedImports(python: string, names: readonly string[]): Promise<ReadonlyMap<string, string>> {
  const found = await outputOf([python, '-IB', '-c', lookFor, ...names], { timeout: 60 }).catch(() => null);
  if (!found) return new Map(names.map((name) => [name, `could not run ${python}`]));
  const line = found.stdout.trimEnd().split('\n').at(-1) ?? '';
  if (!found.status.success) return new Map(names.map((name) => [name, found.status.describe(python)]));
  return new Map(Object.entries(JSON.parse(line) as Record<string, string>));
}

function listOf(names: readonly string[]): string {
  const last = names.at(-1) ?? '';
  return names.length < 2 ? last : `${names.slice(0, -1).join(', ')} and ${last}`;
}
