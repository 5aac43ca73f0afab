"""The corpus engine: which recordings, in which shards, on which threads, and what becomes of failures."""
