"""Latency tables: what is right takes turns in fresh processes, whose rounds become one table."""
