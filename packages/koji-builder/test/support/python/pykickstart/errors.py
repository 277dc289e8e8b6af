"""Errors."""


class KickstartError(Exception):
    """A file that can't be understood."""
