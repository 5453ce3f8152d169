"""Scanning of model files: what a file would do when it is loaded, found without loading it."""
