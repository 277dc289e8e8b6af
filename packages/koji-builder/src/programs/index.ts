import { fileURLToPath } from 'node:url';

/** The file of a Python program that this package brings. */
export function programFile(name: 'imagefactory' | 'kickstart'): string {
  return fileURLToPath(new URL(`../../programs/${name}.py`, import.meta.url));
}
