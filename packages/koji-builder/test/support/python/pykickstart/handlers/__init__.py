"""Versions of the syntax."""
