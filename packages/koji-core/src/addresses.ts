/** The addresses that requests come from. */
import type { IncomingMessage } from 'node:http';
import { isIP, isIPv6 } from 'node:net';

/**
 * Returns the address that a request came from. A proxy of `trusted` adds the address it got the request from to
 * `X-Forwarded-For`; what is written before that may be made up.
 */
export function clientAddress(
  request: Pick<IncomingMessage, 'socket' | 'headers'>,
  trusted: readonly string[],
): string {
  let address = peerAddress(request);
  const forwarded = [request.headers['x-forwarded-for'] ?? []].flat().join(',').split(',');
  while (trusted.includes(address)) {
    const before = plainAddress(forwarded.pop()?.trim() ?? '');
    if (!isIP(before)) break;
    address = before;
  }
  return address;
}

/** Returns the address of the machine that a request's connection is from, a proxy's included. */
export function peerAddress({ socket }: Pick<IncomingMessage, 'socket'>): string {
  return plainAddress(socket.remoteAddress ?? '');
}

function plainAddress(address: string): string {
  return address.replace(/^::ffff:(?=[\d.]+$)/, '');
}

/** Returns the address that a limit counts by: a client has all addresses of its IPv6 network, so that they count as one. */
export function networkOf(address: string): string {
  if (!isIPv6(address)) return address;
  const [head = '', tail] = (address.split('%')[0] ?? '').split('::');
  const groups = (text: string): string[] => (text === '' ? [] : text.split(':'));
  const last = groups(tail ?? '');
  // A dotted tail stands for two groups.
  const missing = 8 - groups(head).length - last.length - (last.at(-1)?.includes('.') ? 1 : 0);
  const all = [...groups(head), ...Array<string>(tail === undefined ? 0 : missing).fill('0'), ...last];
  return `${all
    .slice(0, 4)
    .map((group) => parseInt(group, 16).toString(16))
    .join(':')}::/64`;
}
