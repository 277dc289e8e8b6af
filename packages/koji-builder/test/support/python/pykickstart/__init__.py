"""A stand-in for pykickstart, as far as kojid uses it: lines, of which some commands are understood."""
