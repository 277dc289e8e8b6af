import { realpath, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { BuildError, GenericError, readBounded, sortTexts } from '@koji/core';
import { elementsOf, isElement, newElement, readXml, textNode, textOf, writeXml } from './xml.js';
import type { Document, Element } from './xml.js';

/** Properties of an image from its description. */
export interface Described {
  readonly name: string;
  readonly version: string;
  /** The profile that images are built with by default, if there is one. */
  readonly profile: string | null;
}

/** Koji's additions to a description. */
export interface Changes {
  readonly name: string;
  readonly version: string;
  readonly arch: string;
  /** The urls of the repos that packages may come from, and no others. */
  readonly repos: readonly string[];
  readonly releasever: string;
}

const largest = 16 * 1024 * 1024;

/**
 * Where a file of a checkout really is.
 *
 * @param checkout as `realpath` gave it when nothing but source control had been there
 * @throws GenericError if it does not exist, or a link or `..` leads out of the checkout
 */
export async function fileIn(checkout: string, file: string): Promise<string> {
  const shown = path.relative(checkout, file);
  const real = await realpath(file).catch((cause: unknown) => {
    throw new GenericError(`${shown} is not in the checkout`, { cause });
  });
  if (!real.startsWith(`${checkout}/`)) throw new GenericError(`${shown} leads out of the checkout`);
  const found = await stat(real);
  if (!found.isFile()) throw new GenericError(`${shown} is no file`);
  if (found.size > largest) throw new GenericError(`${shown} is too large for a kiwi description`);
  return real;
}

/**
 * Reads the properties of an image from its description.
 *
 * @throws GenericError if it is not a description; BuildError if it has no version
 */
export async function readDescription(file: string): Promise<Described> {
  const { image } = await imageIn(file);
  const [profiles] = elementsOf(image, 'profiles');
  const byDefault =
    profiles && elementsOf(profiles, 'profile').filter((one) => one.attributes.get('image') === 'true');
  const versions = elementsOf(image, 'preferences').flatMap((preferences) =>
    versionsOf(preferences).map(textOf),
  );
  const version = versions.filter((text) => text !== '').at(-1);
  if (version === undefined) throw noVersion();
  return {
    name: image.attributes.get('name') ?? '',
    version,
    profile: byDefault?.at(-1)?.attributes.get('name') ?? null,
  };
}

const noVersion = (): BuildError => new BuildError("Description file doesn't contain preferences/version");

/** The first of each preferences counts. */
const versionsOf = (preferences: Element): Element[] => elementsOf(preferences, 'version').slice(0, 1);

/** Bytes that a description may have. */
const longest = 16 * 1024 * 1024;
const utf8 = new TextDecoder('utf-8', { fatal: true });

async function imageIn(file: string): Promise<{ document: Document; image: Element }> {
  const name = path.basename(file);
  let document;
  try {
    document = readXml(utf8.decode(await readBounded(file, longest)));
  } catch (cause) {
    throw new GenericError(`Kiwi description ${name} can't be parsed as XML.`, { cause });
  }
  const { root } = document;
  const image = root.name === 'image' ? root : elementsOf(root, 'image')[0];
  if (!image) throw new GenericError(`Kiwi description ${name} doesn't contain <image> tag.`);
  return { document, image };
}

/**
 * Rewrites a description for one arch: with its included files, with Koji's repos instead of its own, and with the name and
 * version of the build. Deletes the original file, because kiwi uses any description that it finds.
 *
 * @returns the new file, beside the old one: `NAME.ARCH.kiwi`
 * @throws GenericError when it includes something else than files of the checkout
 */
export async function prepareDescription(checkout: string, file: string, changes: Changes): Promise<string> {
  const { document, image } = await imageIn(file);
  await flatten(image, checkout, path.dirname(file));
  removeAll(image, 'repository');
  for (const url of sortTexts(new Set(changes.repos))) {
    const repository = newElement('repository', { type: 'rpm-md' });
    repository.children.push(newElement('source', { path: url }));
    image.children.push(repository);
  }
  image.attributes.set('name', changes.name);
  const all = elementsOf(image, 'preferences');
  const [preferences] = all;
  const versions = all.flatMap(versionsOf);
  if (!preferences || versions.length === 0) throw noVersion();
  for (const version of versions) version.children = [textNode(changes.version)];
  let [releasever] = elementsOf(preferences, 'release-version');
  if (!releasever) {
    releasever = newElement('release-version');
    preferences.children.push(releasever);
  }
  releasever.children = [textNode(changes.releasever)];
  const written = file.slice(0, file.length - path.extname(file).length) + `.${changes.arch}.kiwi`;
  await rm(file);
  // Whatever the checkout has of that name, maybe a link.
  await rm(written, { recursive: true, force: true });
  await writeFile(written, writeXml(document), { flag: 'wx' });
  return written;
}

const scheme = 'this://';

/** Puts the content of included files where kiwi would: only the outermost level can include. */
async function flatten(image: Element, checkout: string, folder: string): Promise<void> {
  for (const include of elementsOf(image, 'include')) {
    if (!image.children.includes(include))
      throw new GenericError('Kiwi descriptions can only include directly below <image>.');
    const from = include.attributes.get('from') ?? '';
    if (!from.startsWith(scheme))
      throw new GenericError(`Unhandled include protocol in include path: ${from}.`);
    const file = await fileIn(checkout, path.join(folder, from.slice(scheme.length)));
    const { image: included } = await imageIn(file);
    if (elementsOf(included, 'include').length > 0)
      throw new GenericError(`Included file ${from} can't include others: include them in the description.`);
    const content = included.children.filter((node) => !isElement(node) || node.name !== 'repository');
    image.children = [...image.children.filter((node) => node !== include), ...content];
  }
}

function removeAll(element: Element, name: string): void {
  element.children = element.children.filter((node) => !isElement(node) || node.name !== name);
  for (const child of element.children) if (isElement(child)) removeAll(child, name);
}
