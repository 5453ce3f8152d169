"""Bounded readers of file formats: bytes in, structure out; nothing is executed, nothing is trusted."""
