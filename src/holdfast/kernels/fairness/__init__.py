"""Gaps between groups of people."""
