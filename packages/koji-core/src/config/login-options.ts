/** Options of hub.conf for logins without passwords. Koji has none of these, because Apache handles them there. */
import { choice, text, words } from './options.js';

/** The options about reverse proxies. */
export const proxyOptions = {
  TrustedProxies: words(
    [],
    'Space list of addresses of reverse proxies whose ProxyAddressHeader names the client; each of them must set that header itself',
  ),
  ProxyAddressHeader: choice(
    'X-Forwarded-For',
    ['Forwarded'],
    'Header in which TrustedProxies name the client; Forwarded is that of RFC 7239',
  ),
};

/** Options for TLS, certificates and the headers in which proxies pass them on. */
export const loginOptions = {
  ...proxyOptions,
  TLSCertificate: text(
    null,
    'File with the certificate of the hub and those between it and its authority, as PEM: the hub then answers by TLS',
  ),
  TLSKey: text(null, 'File with the private key of TLSCertificate, as PEM and without a password'),
  TLSChain: text(
    null,
    'File with the certificates between TLSCertificate and its authority, where they are in a file of their own',
  ),
  TLSClientCA: text(
    null,
    'File with the authorities whose certificates log users in, as PEM; unset asks clients for no certificate',
  ),
  TLSClientCRL: text(
    null,
    'File with certificates that are revoked, as PEM: a list of each authority in TLSClientCA',
  ),
  ClientVerifyHeader: text(
    null,
    "Header in which TrustedProxies say whether they verified the client's certificate, such as X-Client-Verify: SUCCESS, NONE or FAILED:REASON",
  ),
  ClientDNHeader: text(
    null,
    'Header in which TrustedProxies name the subject of that certificate, such as X-Client-DN; in the form of RFC 2253, `CN=alice,O=Example`',
  ),
  GSSAPIKeytab: text(
    null,
    'File with the keys of the Kerberos service HTTP/HOST: the hub then logs in users by their tickets; needs the npm package kerberos',
  ),
  PrincipalHeader: text(
    null,
    'Header in which TrustedProxies name the Kerberos principal that they authenticated, such as X-Remote-User',
  ),
};
