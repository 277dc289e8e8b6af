"""Versions of the syntax."""

from .errors import KickstartError


def makeVersion(version="DEVEL"):
    """Returns the version of a name."""
    if version not in ("DEVEL", "F40"):
        raise KickstartError("Unsupported version specified: " + version)
    return version
