import { clientAddress } from '@koji/core';

const proxies = ['10.0.0.1', '10.0.0.2'];

function from(peer: string, header: 'X-Forwarded-For' | 'Forwarded', value?: string): string {
  const headers = value === undefined ? {} : { [header.toLowerCase()]: value };
  // Only the address of the socket is read.
  const socket = { remoteAddress: peer } as unknown as Parameters<typeof clientAddress>[0]['socket'];
  return clientAddress({ socket, headers }, { TrustedProxies: proxies, ProxyAddressHeader: header });
}

test.each([
  ['10.0.0.1', '192.0.2.7', '192.0.2.7'],
  ['::ffff:10.0.0.1', '192.0.2.7', '192.0.2.7'],
  ['10.0.0.1', '6.6.6.6, 192.0.2.7, 10.0.0.2', '192.0.2.7'],
  ['192.0.2.9', '192.0.2.7', '192.0.2.9'],
  ['10.0.0.1', 'nobody', '10.0.0.1'],
  ['10.0.0.1', undefined, '10.0.0.1'],
])('X-Forwarded-For: from %s, "%s" is %s', (peer, value, expected) => {
  expect(from(peer, 'X-Forwarded-For', value)).toBe(expected);
});

test.each([
  ['10.0.0.1', 'for=192.0.2.7;proto=https', '192.0.2.7'],
  ['10.0.0.1', 'For="[2001:db8::7]:4711"; by=_hub', '2001:db8::7'],
  ['10.0.0.1', 'for=6.6.6.6, for="192.0.2.7:80";host="a\\"b", for=10.0.0.2', '192.0.2.7'],
  ['192.0.2.9', 'for=192.0.2.7', '192.0.2.9'],
  ['10.0.0.1', 'for=192.0.2.7, for=unknown', '10.0.0.1'],
  ['10.0.0.1', 'for=192.0.2.7, proto=https', '10.0.0.1'],
  // A client that opens a quoted text before the proxy adds its element hides that; no part of it counts then.
  ['10.0.0.1', 'for="6.6.6.6, for=192.0.2.7', '10.0.0.1'],
  ['10.0.0.1', 'for=6.6.6.6;x=", for="[2001:db8::7]"', '10.0.0.1'],
  ['10.0.0.1', 'for=6.6.6.6;for=192.0.2.7', '10.0.0.1'],
  ['10.0.0.1', 'for=6.6.6.6 for=192.0.2.7', '10.0.0.1'],
  ['10.0.0.1', '', '10.0.0.1'],
])('Forwarded: from %s, "%s" is %s', (peer, value, expected) => {
  expect(from(peer, 'Forwarded', value)).toBe(expected);
});

test('the other header is the client’s own', () => {
  const socket = { remoteAddress: '10.0.0.1' } as unknown as Parameters<typeof clientAddress>[0]['socket'];
  const headers = { forwarded: 'for=6.6.6.6', 'x-forwarded-for': '192.0.2.7' };
  const trusted = { TrustedProxies: proxies };
  expect(clientAddress({ socket, headers }, { ...trusted, ProxyAddressHeader: 'X-Forwarded-For' })).toBe(
    '192.0.2.7',
  );
  expect(clientAddress({ socket, headers }, { ...trusted, ProxyAddressHeader: 'Forwarded' })).toBe('6.6.6.6');
});
