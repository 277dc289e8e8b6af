/** Origin of a form, as reported by the browser. */

/** Returns whether a name of a host is this machine itself. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '[::1]' || /^127(\.\d{1,3}){3}$/.test(host);
}

/**
 * Returns why a form can't come from a page of this site; null if it may. Browsers have sent the site since
 * 2023 over secure connections, and all browsers send the origin.
 */
export function originProblem(headers: Headers): string | null {
  const site = headers.get('Sec-Fetch-Site');
  const origin = headers.get('Origin');
  if (site !== null && site !== 'same-origin' && site !== 'none')
    return 'The form was sent from another site.';
  if (origin === null) return site === null ? 'The browser did not say where the form was sent from.' : null;
  // A proxy may have changed the name of the host; a browser that names the site has compared them.
  if (site === 'same-origin' && origin !== 'null') return null;
  const url = URL.canParse(origin) ? new URL(origin) : null;
  if (url === null || url.host !== (headers.get('Host') ?? '').toLowerCase())
    return 'The form was sent from another site.';
  return null;
}

/** Returns whether a browser would send what is in a form in clear text over a network. */
export function isUnsafe(headers: Headers): boolean {
  const origin = headers.get('Origin') ?? '';
  const url = URL.canParse(origin) ? new URL(origin) : null;
  return url?.protocol === 'http:' && !isLoopback(url.hostname);
}
