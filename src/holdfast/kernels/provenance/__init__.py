"""Commitments to rows of tables, and pictures of where things come from."""
