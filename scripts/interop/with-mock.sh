#!/bin/bash
# Runs a command where mock is installed from its source, on systems that have no package of it (Debian 12). Nothing of this
# machine changes: mock, its account and its settings are in layers over /etc, /usr and /var that only the command sees.
#
#   with-mock.sh MOCK DICTIONARY COMMAND…    as root
#
# MOCK and DICTIONARY are git repositories of mock and of templated-dictionary, which mock needs; MOCK_TAG names a tag of the
# first (default: the newest commit). What mock needs of Debian is installed into the layers too.
set -e
if [ "$1" != --inside ]; then
  [ $# -ge 3 ] || { echo "usage: with-mock.sh MOCK DICTIONARY COMMAND…" >&2; exit 2; }
  work=$(mktemp -d /var/tmp/koji-mock-XXXXXX)
  trap 'rm -rf "$work"' EXIT
  mkdir "$work/source" "$work/dictionary" "$work/lib" "$work/cache"
  git -C "$1" archive "${MOCK_TAG:-HEAD}" mock/py | tar x -C "$work/source"
  git -C "$2" archive HEAD | tar x -C "$work/dictionary"
  shift 2
  unshare --mount --propagation private "$0" --inside "$work" "$@"
  exit
fi

work=$2
shift 2
for place in etc usr; do
  mkdir "$work/$place" "$work/$place.work"
  mount -t overlay overlay -o "lowerdir=/$place,upperdir=$work/$place,workdir=$work/$place.work" "/$place"
done
for place in lib cache; do
  mkdir "$work/var-$place" "$work/var-$place.work"
  mount -t overlay overlay -o "lowerdir=/var/$place,upperdir=$work/var-$place,workdir=$work/var-$place.work" "/var/$place"
done
DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends dnf dnf-plugins-core gcc libc6-dev python3-backoff \
  python3-distro python3-jinja2 python3-pyroute2 python3-requests python3-rpm rpm > "$work/apt.log" 2>&1
groupadd -r mock
useradd -r -m -d /var/lib/kojibuilder -G mock kojibuilder
mkdir -p /var/lib/mock /var/cache/mock /etc/mock/koji /usr/libexec/mock /etc/pki/mock
mount --bind "$work/lib" /var/lib/mock
mount --bind "$work/cache" /var/cache/mock
chgrp mock /var/lib/mock /var/cache/mock
chmod 2775 /var/lib/mock /var/cache/mock
cp -r "$work/source/mock/py/." "$work"/dictionary/templated_dictionary* /usr/libexec/mock/
constants=/usr/libexec/mock/mockbuild/constants.py
{
  sed '/# all of the variables/,/# end build system subs/d' $constants
  printf '%s\n' 'VERSION = "source"' 'SYSCONFDIR = "/etc"' 'PYTHONDIR = "/usr/libexec/mock"' \
    'PKGPYTHONDIR = "/usr/libexec/mock/mockbuild"' 'MOCKCONFDIR = "/etc/mock"'
} > "$work/constants.py"
cp "$work/constants.py" $constants
# In place of consolehelper: mock starts as root, and is told who called it.
gcc -x c -o /usr/bin/mock - <<'C'
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
int main(int count, char **words) {
  char caller[32];
  char **all = calloc(count + 3, sizeof(char *));
  snprintf(caller, sizeof caller, "%d", (int)getuid());
  if (getuid() != 0) setenv("USERHELPER_UID", caller, 1);
  if (setregid(0, 0) != 0 || setreuid(0, 0) != 0) return 1;
  all[0] = "python3";
  all[1] = "/usr/libexec/mock/mock.py";
  for (int i = 1; i < count; i++) all[i + 1] = words[i];
  execv("/usr/bin/python3", all);
  return 1;
}
C
chmod 4755 /usr/bin/mock
cat > /etc/mock/site-defaults.cfg <<'CFG'
config_opts['use_bootstrap'] = False
config_opts['use_bootstrap_image'] = False
config_opts['use_nspawn'] = False
config_opts['package_manager'] = 'dnf4'
config_opts['dnf_disable_plugins'] = ['local', 'versionlock']
config_opts['plugin_conf']['root_cache_enable'] = False
CFG
cat > /etc/mock/logging.ini <<'INI'
[formatters]
keys: detailed,simple,unadorned,state
[handlers]
keys: simple_console,detailed_console,unadorned_console,simple_console_warnings_only
[loggers]
keys: root,build,state,mockbuild
[formatter_state]
format: %(asctime)s - %(message)s
[formatter_unadorned]
format: %(message)s
[formatter_simple]
format: %(levelname)s: %(message)s
[formatter_detailed]
format: %(levelname)s %(filename)s:%(lineno)d:  %(message)s
[handler_unadorned_console]
class: StreamHandler
args: []
formatter: unadorned
level: INFO
[handler_simple_console]
class: StreamHandler
args: []
formatter: simple
level: INFO
[handler_simple_console_warnings_only]
class: StreamHandler
args: []
formatter: simple
level: WARNING
[handler_detailed_console]
class: StreamHandler
args: []
formatter: detailed
level: WARNING
[logger_root]
level: NOTSET
handlers: simple_console
[logger_build]
level: NOTSET
handlers: unadorned_console
qualname: Root.build
propagate: 0
[logger_state]
level: NOTSET
handlers: unadorned_console
qualname: Root.state
propagate: 1
[logger_mockbuild]
level: NOTSET
handlers:
qualname: mockbuild
propagate: 1
INI
# Debian has them in the home of who runs rpm, and lets dnf take packages from other roots.
mkdir -p /etc/rpm /etc/dnf/plugins
echo '%_dbpath /var/lib/rpm' >> /etc/rpm/macros
printf '[main]\nenabled = 0\n' > /etc/dnf/plugins/local.conf
exec "$@"
