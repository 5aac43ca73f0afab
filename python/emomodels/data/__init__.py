"""From features and manifests to examples: joins by key, masks, normalisation, imports."""
