"""Shards in, packed training batches out: all that a trainer imports."""
