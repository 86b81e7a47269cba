"""Sources: each says where to look. A file a source; strangers to one another."""
