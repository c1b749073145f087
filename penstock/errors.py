"""The errors that Penstock raises on purpose."""


class PenstockError(Exception):
    """Something went wrong that the message explains in full."""


class UsageError(PenstockError):
    """A mistake in a recipe or an argument: the command exits with status 2 and this message."""


class DataError(PenstockError):
    """Stored data is missing, damaged or of another version than this program reads."""
