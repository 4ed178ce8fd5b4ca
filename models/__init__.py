"""The architectures: one flat file a family, each with a tuple `SPECS`."""
