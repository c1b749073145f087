"""One file for each input format: stored bytes in, record batches out."""
