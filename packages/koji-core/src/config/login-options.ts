/** Options of hub.conf for logins without passwords. Koji has none of these, because Apache handles them there. */
import { choice, text, words } from './options.js';

/** The options about reverse proxies. */
export const proxyOptions = {
  TrustedProxies: words(
    [],
    'Space list of addresses of reverse proxies whose ProxyAddressHeader names the client; each proxy must set this header itself',
  ),
  ProxyAddressHeader: choice(
    'X-Forwarded-For',
    ['Forwarded'],
    'Header in which TrustedProxies name the client; Forwarded is defined in RFC 7239',
  ),
};

/** Options for TLS, certificates and the headers in which proxies pass them on. */
export const loginOptions = {
  ...proxyOptions,
  TLSCertificate: text(
    null,
    'PEM file with the certificate of the hub and its intermediate certificates; turns on TLS',
  ),
  TLSKey: text(null, 'PEM file with the private key of TLSCertificate, without a password'),
  TLSChain: text(
    null,
    'PEM file with the intermediate certificates, if TLSCertificate does not contain them',
  ),
  TLSClientCA: text(
    null,
    'PEM file with the authorities whose certificates log users in; unset requests no client certificates',
  ),
  TLSClientCRL: text(null, 'PEM file with revocation lists, one from each authority in TLSClientCA'),
  ClientVerifyHeader: text(
    null,
    "Header in which TrustedProxies report whether they verified the client's certificate, such as X-Client-Verify: SUCCESS, NONE or FAILED:REASON",
  ),
  ClientDNHeader: text(
    null,
    'Header in which TrustedProxies pass the subject of the client certificate, such as X-Client-DN; in the format of RFC 2253, `CN=alice,O=Example`',
  ),
  GSSAPIKeytab: text(
    null,
    'Keytab of the Kerberos service HTTP/HOST; lets users log in with their tickets; needs the npm package kerberos',
  ),
  PrincipalHeader: text(
    null,
    'Header in which TrustedProxies pass the Kerberos principal that they authenticated, such as X-Remote-User',
  ),
};
