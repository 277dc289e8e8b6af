import type { Files } from './git.js';

interface Package {
  readonly head?: string;
  readonly sources: Readonly<Record<string, string>>;
  readonly prep?: string;
  readonly build?: string;
  readonly install?: string;
  readonly more?: string;
  readonly files?: string;
}

/** A spec file and its sources, as they are in git. */
function filesOf(name: string, { head = '', sources, prep, build, install, more, files }: Package): Files {
  const names = Object.keys(sources);
  const spec = `Name: ${name}
Version: 1.0
Release: 1%{?dist}
Summary: For a test
License: MIT
${names.map((source, i) => `Source${i}: ${source}`).join('\n')}
${head}
%description
For a test.
${more ?? ''}
%prep
%setup -q -c -T
${names.map((_, i) => `cp %{SOURCE${i}} .`).join('\n')}
${prep ?? ''}
%build
${build ?? ''}
%install
${install ?? ''}
${files ?? ''}
`;
  return { [`${name}.spec`]: spec, ...sources };
}

/** Packages that need each other, in git: a script, a library in C, and what needs both to build. */
export const packages: Readonly<Record<string, Files>> = {
  words: filesOf('words', {
    head: 'BuildArch: noarch\nRequires: bash',
    sources: { words: '#!/bin/bash\necho "${1:-hello} world"\n' },
    install: 'install -D -m 755 words %{buildroot}%{_bindir}/words',
    files: '%files\n%{_bindir}/words',
  }),
  greet: filesOf('greet', {
    head: 'BuildRequires: gcc make',
    sources: {
      'greet.c':
        '#include <stdio.h>\n#include "greet.h"\nvoid greet(const char *text) { printf("%s!\\n", text); }\n',
      'greet.h': 'void greet(const char *text);\n',
      Makefile:
        'libgreet.so.1: greet.c greet.h\n\t$(CC) $(CFLAGS) -shared -fPIC -Wl,-soname,$@ -o $@ greet.c\n',
    },
    more: '%package devel\nSummary: To build with it\nRequires: %{name} = %{version}-%{release}\n%description devel\nA header.',
    build: '%make_build CFLAGS="%{optflags}"',
    install: `install -D -m 755 libgreet.so.1 %{buildroot}%{_libdir}/libgreet.so.1
ln -s libgreet.so.1 %{buildroot}%{_libdir}/libgreet.so
install -D -m 644 greet.h %{buildroot}%{_includedir}/greet.h`,
    files:
      '%post -p /sbin/ldconfig\n%files\n%{_libdir}/libgreet.so.1\n%files devel\n%{_libdir}/libgreet.so\n%{_includedir}/greet.h',
  }),
  // Runs the script of one package while it is built, and is linked with the library of the other.
  hello: filesOf('hello', {
    head: 'BuildRequires: gcc\nBuildRequires: words\nBuildRequires: greet-devel',
    sources: { 'hello.c': '#include <greet.h>\nint main(void) { greet(WORDS); return 0; }\n' },
    build: 'gcc %{optflags} -DWORDS="\\"$(words hello)\\"" -o hello hello.c -lgreet',
    install: 'install -D -m 755 hello %{buildroot}%{_bindir}/hello',
    files: '%files\n%{_bindir}/hello',
  }),
  // Finds out in %prep what it needs.
  dynamic: filesOf('dynamic', {
    head: 'BuildArch: noarch',
    sources: { requirements: 'words\n' },
    more: '%generate_buildrequires\ncat requirements',
    build: 'words dynamic > said',
    install: 'install -D -m 644 said %{buildroot}%{_datadir}/dynamic/said',
    files: '%files\n%{_datadir}/dynamic',
  }),
  // Never ends on a builder whose packager is `Stalls`.
  slow: filesOf('slow', {
    head: 'BuildArch: noarch',
    sources: { slow: '#!/bin/bash\necho done\n' },
    build: '[ "%{packager}" != Stalls ] || sleep 98703',
    install: 'install -D -m 755 slow %{buildroot}%{_bindir}/slow',
    files: '%files\n%{_bindir}/slow',
  }),
  broken: filesOf('broken', {
    head: 'BuildRequires: gcc',
    sources: { 'broken.c': 'int main(void) { return nothing_of_the_kind; }\n' },
    build: 'touch before-it-failed\ngcc -o broken broken.c',
    files: '%files\n/usr/bin/broken',
  }),
};
