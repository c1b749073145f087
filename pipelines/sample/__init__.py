"""A small crawl that the project makes itself, with the truth about every record in it."""

from pipelines.sample.write import SampleSummary, sample_files, write_sample

__all__ = ["SampleSummary", "sample_files", "write_sample"]
