"""The shop's networks."""
