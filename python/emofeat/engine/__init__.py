"""The corpus engine: which recordings, in which shards, computed by whom, and what happens when something fails."""
