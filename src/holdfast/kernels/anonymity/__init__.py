"""Anonymity of tables: groups of people who look alike, what a group gives away, who is unique, and coarser
releases."""
