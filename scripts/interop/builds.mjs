// The part of `npm run interop` that needs mock: packages from git repositories, built at a hub by a builder of the other side.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { machine } from 'node:os';
import path from 'node:path';
import { makeDistribution, startGit } from '../build-site.mjs';

const spec = (name, { head, build = 'true', install, files }) => `Name: ${name}
Version: 1.0
Release: 1%{?dist}
Summary: For a test
License: MIT
${head}
%description
For a test.
%prep
%setup -q -c -T
cp %{sources} .
%build
${build}
%install
${install}
%files
${files}
`;

/** A script, a library in C, and what needs both to build. */
const packages = {
  words: {
    'words.spec': spec('words', {
      head: 'BuildArch: noarch\nSource0: words',
      install: 'install -D -m 755 words %{buildroot}%{_bindir}/words',
      files: '%{_bindir}/words',
    }),
    words: '#!/bin/bash\necho "${1:-hello} world"\n',
  },
  greet: {
    'greet.spec': spec('greet', {
      head: 'BuildRequires: gcc\nSource0: greet.c\nSource1: greet.h',
      build: 'gcc %{optflags} -shared -fPIC -Wl,-soname,libgreet.so -o libgreet.so greet.c',
      install:
        'install -D -m 755 libgreet.so %{buildroot}%{_libdir}/libgreet.so\ninstall -D -m 644 greet.h %{buildroot}%{_includedir}/greet.h',
      files: '%{_libdir}/libgreet.so\n%{_includedir}/greet.h',
    }),
    'greet.c':
      '#include <stdio.h>\n#include "greet.h"\nvoid greet(const char *text) { printf("%s!\\n", text); }\n',
    'greet.h': 'void greet(const char *text);\n',
  },
  hello: {
    'hello.spec': spec('hello', {
      head: 'BuildRequires: gcc\nBuildRequires: words\nBuildRequires: greet\nSource0: hello.c',
      build: 'gcc %{optflags} -DWORDS="\\"$(words hello)\\"" -o hello hello.c -lgreet',
      install: 'install -D -m 755 hello %{buildroot}%{_bindir}/hello',
      files: '%{_bindir}/hello',
    }),
    'hello.c': '#include <greet.h>\nint main(void) { greet(WORDS); return 0; }\n',
  },
  broken: {
    'broken.spec': spec('broken', {
      head: 'BuildArch: noarch\nSource0: words',
      build: 'echo before it fails; exit 3',
      install: 'true',
      files: '/nowhere',
    }),
    words: 'words\n',
  },
};

/** Settings of kojid.conf, of either side, for these builds. */
export const kojidSettings = { mockdir: '/var/lib/mock', allowed_scms: '127.0.0.1*:/*:no:' };

/** Makes the packages that buildroots are made of, in a folder that stays for all hubs. */
export function prepareBuilds(folder) {
  const distribution = path.join(folder, 'distribution');
  makeDistribution(['--compiler'], distribution);
  return distribution;
}

/** Runs the builds; `koji` runs the command and compares what it prints. */
export async function runBuilds({ koji, folder, distribution, user }) {
  const git = await startGit(path.join(folder, 'git'));
  try {
    const urls = {};
    for (const [name, files] of Object.entries(packages)) {
      const from = path.join(folder, 'source', name);
      mkdirSync(from, { recursive: true });
      for (const [file, text] of Object.entries(files)) writeFileSync(path.join(from, file), text);
      urls[name] = git.commit(name, from);
    }
    const fine = /^(?!.*rror)/s;
    koji(['add-tag', 'f44', '--arches', machine()], fine);
    koji(['add-tag', 'f44-build', '--parent', 'f44', '--arches', machine()], fine);
    koji(['edit-tag', 'f44-build', '--extra', 'rpm.macro.dist=.f44'], fine);
    koji(['add-target', 'f44', 'f44-build', 'f44'], fine);
    koji(
      ['add-external-repo', '-t', 'f44-build', '-p', '10', 'machine', `file://${distribution}/$arch/`],
      fine,
    );
    const groups = JSON.parse(readFileSync(path.join(distribution, 'groups.json'), 'utf8'));
    for (const [group, names] of Object.entries(groups)) {
      koji(['add-group', 'f44-build', group], fine);
      koji(['add-group-pkg', 'f44-build', group, ...names], fine);
    }
    koji(['add-pkg', '--owner', user, 'f44', ...Object.keys(packages)], /Adding 4 packages/);
    koji(['add-host-to-channel', 'builder', 'createrepo'], fine);
    const chain = ['chain-build', '--wait', 'f44', urls.words, urls.greet, ':', urls.hello];
    koji(chain, /chainbuild \(f44\) completed successfully/);
    koji(['list-tagged', 'f44'], /greet-1\.0-1\.f44.*hello-1\.0-1\.f44.*words-1\.0-1\.f44/s);
    koji(['buildinfo', 'hello-1.0-1.f44'], /hello-debuginfo-1\.0-1\.f44\.x86_64\.rpm/);
    koji(
      ['build', '--wait', 'f44', urls.broken],
      /error building package \(arch noarch\), mock exited with status \d+; see build\.log/,
      1,
    );
  } finally {
    git.stop();
  }
}
