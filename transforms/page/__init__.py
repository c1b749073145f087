"""Main text of a web page: its bytes to blocks, the blocks' features, a verdict, the text."""
