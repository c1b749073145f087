"""The text flow: crawled pages in, token shards out; one file for each stage."""
