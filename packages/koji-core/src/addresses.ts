/** Client addresses of requests. */
import type { IncomingMessage } from 'node:http';
import { isIP, isIPv6 } from 'node:net';

/** Options that decide which addresses of clients are trusted. */
export interface ProxyOptions {
  /** Addresses of reverse proxies. */
  readonly TrustedProxies: readonly string[];
  /** Header in which the proxies pass the client's address. Any other header may come from the client. */
  readonly ProxyAddressHeader: 'X-Forwarded-For' | 'Forwarded';
}

type Received = Pick<IncomingMessage, 'socket' | 'headers'>;

/**
 * Returns the address that a request came from. A trusted proxy appends the address of its own client to its header; everything
 * before that may be forged.
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
 * Returns the addresses of a `Forwarded` header (RFC 7239), one for each proxy. An element without an address is an empty
 * string. A malformed header has no addresses, because a client could open a quoted string that swallows the part that the
 * proxy adds.
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

/** Returns the address of a node that may have a port: `192.0.2.1:80`, `[2001:db8::1]:80`. Other names are useless. */
function nodeAddress(node: string): string {
  return /^\[([^\]]+)\](?::\d+)?$/.exec(node)?.[1] ?? /^([\d.]+)(?::\d+)?$/.exec(node)?.[1] ?? '';
}

/** Returns the address of the machine at the other end of a request's connection, which may be a proxy. */
export function peerAddress({ socket }: Pick<IncomingMessage, 'socket'>): string {
  return plainAddress(socket.remoteAddress ?? '');
}

function plainAddress(address: string): string {
  return address.replace(/^::ffff:(?=[\d.]+$)/, '');
}

/** Returns the address that limits count by. A client owns all addresses of its IPv6 network, so they count as one. */
export function networkOf(address: string): string {
  // Without a colon it is none, which most need no long pattern to tell.
  if (!address.includes(':') || !isIPv6(address)) return address;
  const [head = '', tail] = (address.split('%')[0] ?? '').split('::');
  const groups = (text: string): string[] => (text === '' ? [] : text.split(':'));
  const last = groups(tail ?? '');
  // A dotted tail counts as two groups.
  const missing = 8 - groups(head).length - last.length - (last.at(-1)?.includes('.') ? 1 : 0);
  const all = [...groups(head), ...Array<string>(tail === undefined ? 0 : missing).fill('0'), ...last];
  return `${all
    .slice(0, 4)
    .map((group) => parseInt(group, 16).toString(16))
    .join(':')}::/64`;
}
