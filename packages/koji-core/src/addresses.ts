/** The addresses that requests come from. */
import type { IncomingMessage } from 'node:http';
import { isIP, isIPv6 } from 'node:net';

/** The options that say whose word about a client's address counts. */
export interface ProxyOptions {
  /** Addresses of reverse proxies. */
  readonly TrustedProxies: readonly string[];
  /** The header in which they name the client; another one may be the client's own. */
  readonly ProxyAddressHeader: 'X-Forwarded-For' | 'Forwarded';
}

type Received = Pick<IncomingMessage, 'socket' | 'headers'>;

/**
 * Returns the address that a request came from. A trusted proxy adds the address it got the request from to its header;
 * what is written before that may be made up.
 */
export function clientAddress(
  request: Received,
  { TrustedProxies: trusted, ProxyAddressHeader: header }: ProxyOptions,
): string {
  let address = peerAddress(request);
  if (!trusted.includes(address)) return address;
  const text = [request.headers[header.toLowerCase()] ?? []].flat().join(',');
  const named = header === 'Forwarded' ? forwardedFor(text) : text.split(',').map((one) => one.trim());
  while (trusted.includes(address)) {
    const before = plainAddress(named.pop() ?? '');
    if (!isIP(before)) break;
    address = before;
  }
  return address;
}

const token = "[\\w!#$%&'*+.^`|~-]+";
const pairPattern = new RegExp(`[ \\t]*(${token})=(?:(${token})|"((?:[^"\\\\]|\\\\.)*)")[ \\t]*`, 'sy');

/**
 * Returns the addresses of a header `Forwarded` (RFC 7239), one for each proxy; an element without one is an empty text.
 * A header that is malformed anywhere has none: a client could open a quoted text that swallows what a proxy adds.
 */
function forwardedFor(text: string): string[] {
  const found: string[] = [];
  let seen = 0;
  let address = '';
  for (let at = 0; ;) {
    pairPattern.lastIndex = at;
    const match = pairPattern.exec(text);
    if (!match) return [];
    const [whole, name = '', plain, quoted = ''] = match;
    at += whole.length;
    if (name.toLowerCase() === 'for') {
      seen += 1;
      address = nodeAddress(plain ?? quoted);
    }
    const separator = text[at];
    if (separator !== undefined && separator !== ',' && separator !== ';') return [];
    at += 1;
    if (separator === ';') continue;
    found.push(seen === 1 ? address : '');
    if (separator === undefined) return found;
    seen = 0;
    address = '';
  }
}

/** Returns the address of a node that may have a port: `192.0.2.1:80`, `[2001:db8::1]:80`; others are names of no use. */
function nodeAddress(node: string): string {
  return /^\[([^\]]+)\](?::\d+)?$/.exec(node)?.[1] ?? /^([\d.]+)(?::\d+)?$/.exec(node)?.[1] ?? '';
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
