/** Koji's own plugins that are packages: `sidetag` is `@koji/plugin-sidetag`. */
export const officialPlugins = [
  'dud',
  'echo',
  'kiwi',
  'messagebus',
  'rpm2maven',
  'runroot',
  'save-failed-tree',
  'scmpolicy',
  'sidetag',
  'tag2distrepo',
  'webhooks',
] as const;

/** Koji's configuration names of plugins whose package has another name; underscores count as hyphens. */
const otherNames: Readonly<Record<string, (typeof officialPlugins)[number]>> = {
  protonmsg: 'messagebus',
  'runroot-hub': 'runroot',
  'sidetag-hub': 'sidetag',
  'sidetag-cli': 'sidetag',
};

/** Returns the package that is Koji's plugin of a name, null when Koji has none of that name. */
export function officialPackage(name: string): string | null {
  const hyphened = name.replaceAll('_', '-');
  const own = Object.hasOwn(otherNames, hyphened) ? otherNames[hyphened] : hyphened;
  const found = officialPlugins.find((plugin) => plugin === own);
  return found === undefined ? null : `@koji/plugin-${found}`;
}
