"""Do decisions shape the data that the system will learn from, and answer its own outputs."""
