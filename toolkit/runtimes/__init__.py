"""The runtimes: one small file each, from a file on disk to named arrays."""
