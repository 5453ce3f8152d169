"""The labelled corpus of the scanner's benchmark: made in code, written into a temporary folder, never kept."""
