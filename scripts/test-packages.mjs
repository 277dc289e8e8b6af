// The Debian packages that the tests need.
import { existsSync } from 'node:fs';
import { installSystem } from './setup.mjs';

const at = (file) => () => existsSync(file);
const needed = {
  python3: 'python3',
  rpm: 'rpm',
  cpio: 'cpio',
  'xz-utils': 'xz',
  'createrepo-c': 'createrepo_c',
  openssl: 'openssl',
  postgresql: at('/usr/lib/postgresql'),
  // A proxy in front of two hubs.
  'nginx-light': at('/usr/sbin/nginx'),
  // Brokers for the message bus plugin; the tests start their own.
  mosquitto: at('/usr/sbin/mosquitto'),
  'nats-server': at('/usr/sbin/nats-server'),
  'rabbitmq-server': at('/usr/lib/rabbitmq/bin/rabbitmq-server'),
};
const sandbox = {
  dnf: 'dnf',
  bubblewrap: 'bwrap',
  gcc: 'gcc',
  'libc6-dev': at('/usr/include/stdio.h'),
  make: 'make',
  debugedit: 'debugedit',
  elfutils: 'eu-strip',
  dwz: 'dwz',
  patch: 'patch',
  unzip: 'unzip',
  bzip2: 'bzip2',
  zstd: 'zstd',
  file: 'file',
  gnupg: 'gpg',
  procps: 'ps',
};
const wanted = [
  // Whole builds in sandboxes take root.
  ...(process.getuid?.() === 0
    ? [{ packages: sandbox, tests: 'tests that build packages in sandboxes' }]
    : []),
  { packages: { chromium: 'chromium' }, tests: 'tests of the web page in a browser' },
  // kojid fills templates of spec files by it.
  {
    packages: { 'python3-cheetah': at('/usr/lib/python3/dist-packages/Cheetah') },
    tests: 'tests of wrapper rpms',
  },
  { packages: { systemd: 'systemd-analyze' }, tests: 'tests of services of systemd' },
  { packages: { haproxy: at('/usr/sbin/haproxy') }, tests: 'tests of the configuration of HAProxy' },
  {
    packages: { 'python3-yaml': at('/usr/lib/python3/dist-packages/yaml') },
    tests: 'tests of the files for containers',
  },
  {
    packages: {
      'krb5-kdc': at('/usr/sbin/krb5kdc'),
      'krb5-admin-server': at('/usr/sbin/kadmin.local'),
      'krb5-user': 'kinit',
      'libkrb5-dev': at('/usr/include/gssapi.h'),
    },
    tests: 'tests of logins by Kerberos',
  },
  {
    packages: {
      apache2: at('/usr/sbin/apache2'),
      'libapache2-mod-auth-gssapi': at('/usr/lib/apache2/modules/mod_auth_gssapi.so'),
    },
    tests: 'tests of logins at proxies',
  },
  { packages: { zsh: 'zsh', fish: 'fish' }, tests: 'tests of completion in these shells' },
];

/** Installs the Debian packages that the tests need, where they are missing. */
export const installForTests = () => installSystem(needed, wanted);
