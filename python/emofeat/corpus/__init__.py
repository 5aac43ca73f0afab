"""Corpora: manifests, their preparation and checks, label maps, splits, and the guard against leakage."""
