import { routes } from '../routes.js';
import type { Route } from '../routes.js';

/** Excludes large, sorted and filtered pages from crawlers. */
export function robots(path: string): string {
  const below = [
    '*order=',
    '*Order=',
    '*start=',
    '*Start=',
    '*prefix=',
    'getfile',
    'viewlog',
    'search',
    'compare',
    'login',
    'oidc',
  ];
  const heavy = Object.entries(routes).flatMap(([name, { heavy: is }]: [string, Route]) =>
    is === true ? [name] : [],
  );
  const lines = [...new Set([...below, ...heavy])].map((one) => `Disallow: ${path}/${one}`);
  return `User-agent: *\nDisallow: /kojihub\n${lines.join('\n')}\nCrawl-delay: 5\n`;
}
