"""`make golden`: all golden files anew, from what the code makes now."""

from tests.golden import dataset, sample

if __name__ == "__main__":
    sample.remake()
    dataset.remake()
