"""The formats: one small file each, from a built model to one file on disk."""
