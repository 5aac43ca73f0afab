"""The feature directory: how it is laid out, written, read and exported."""
