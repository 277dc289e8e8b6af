"""Reads kickstart files."""

import os
import re
import types

from .errors import KickstartError


class Repos:
    """The repos of a file."""

    repoList = []


class Handler:
    """What was read."""

    def __init__(self, lines):
        self.lines = lines
        self.repo = Repos()
        self.tree = ""
        found = [re.search(r'^bootloader .*--append="([^"]*)"', line) for line in lines]
        self.bootloader = types.SimpleNamespace(appendLine=next((one[1] for one in found if one), None))
        parts = [re.search(r"^part (\S+) .*--ondisk=(\S+)", line) for line in lines]
        self.partition = types.SimpleNamespace(
            partitions=[types.SimpleNamespace(mountpoint=p[1], disk=p[2], fstype="ext4") for p in parts if p]
        )

    def url(self, url, noverifyssl=False):
        """Says where the install tree is."""
        self.tree = "url --url=%s%s" % (url, " --noverifyssl" if noverifyssl else "")

    def __str__(self):
        kept = [line for line in self.lines if not re.match("repo |url ", line)]
        return "\n".join([self.tree, *(repo.line for repo in self.repo.repoList), *kept]) + "\n"


class KickstartParser:
    """Reads a file."""

    def __init__(self, version):
        self.version = version
        self.handler = None

    def readKickstart(self, file):
        """Reads a file and those that it includes."""
        self.handler = Handler(self.lines(file))

    def lines(self, file):
        """Returns the lines of a file and of those that it includes."""
        with open(file, encoding="utf-8") as opened:
            lines = opened.read().splitlines()
        for line in lines:
            if line.startswith("unknown "):
                raise KickstartError("Unknown command: " + line)
        found = []
        for line in lines:
            included = line.startswith("%include ") and os.path.join(os.path.dirname(file), line.split()[1])
            found += self.lines(included) if included else [line]
        return found
