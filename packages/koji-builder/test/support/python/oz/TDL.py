"""A stand-in for oz, which kojid only looks for."""
