"""Anonymity of tables: who looks alike, what a group gives away, who is unique, and coarser releases."""
