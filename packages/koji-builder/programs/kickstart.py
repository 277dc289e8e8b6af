"""Reads a kickstart file, changes where its packages come from, and prints what it became.

The request is JSON on the standard input: file, version, repos (or null), url (or null), noverifyssl. The answer is one line of
JSON: text, append (of the bootloader), root (the device of /), or failed: read or parse, and message.
"""

import json
import sys

import pykickstart.errors
import pykickstart.parser
import pykickstart.version
from pykickstart.handlers.control import dataMap


def read(file, version):
    """Returns the parser that has read a file."""
    make = pykickstart.version.makeVersion
    parser = pykickstart.parser.KickstartParser(make() if version is None else make(version))
    parser.readKickstart(file)
    return parser


def change(parser, repos, url, noverifyssl):
    """Puts other repos and another install tree in place of those of the file."""
    own = {"noverifyssl": True} if noverifyssl else {}
    if repos is not None:
        data = dataMap[parser.version]["RepoData"]
        parser.handler.repo.repoList = [data(**repo, **own) for repo in repos]
    if url is not None:
        parser.handler.url(url=url, **own)


def root_device(handler):
    """Returns the device that has the file system for /; None for none."""
    partitions = getattr(getattr(handler, "partition", None), "partitions", [])
    volumes = getattr(getattr(handler, "btrfs", None), "btrfsList", [])
    for part in partitions:
        if part.mountpoint == "/":
            return part.disk
        if part.fstype == "btrfs" and any(v.subvol and v.mountpoint == "/" for v in volumes):
            return part.disk
    return None


def answer(asked):
    """Returns the answer to a request."""
    try:
        parser = read(asked["file"], asked["version"])
    except pykickstart.errors.KickstartError as error:
        return {"failed": "parse", "message": str(error)}
    except (OSError, UnicodeError) as error:
        return {"failed": "read", "message": str(error)}
    change(parser, asked["repos"], asked["url"], asked["noverifyssl"])
    handler = parser.handler
    append = getattr(getattr(handler, "bootloader", None), "appendLine", None)
    return {"text": str(handler), "append": append or None, "root": root_device(handler)}


print(json.dumps(answer(json.load(sys.stdin))))
