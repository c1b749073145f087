"""The process in which trafilatura runs: a page in on its standard input, a text out.

It must import nothing of Penstock but this file: it is started with trafilatura's page to read, and
killed when it takes too long. Messages are a length (4 bytes, little-endian), then UTF-8.
"""

import struct
import sys
from typing import IO

LENGTH = struct.Struct("<I")
OK, FAILED = b"+", b"-"


def write_message(stream: IO[bytes], message: bytes) -> None:
    """Send one message."""
    stream.write(LENGTH.pack(len(message)) + message)
    stream.flush()


def read_message(stream: IO[bytes]) -> bytes | None:
    """The next message, None at the end."""
    head = stream.read(LENGTH.size)
    if len(head) < LENGTH.size:
        return None
    (size,) = LENGTH.unpack(head)
    message = stream.read(size)
    return message if len(message) == size else None


def serve(*, comments: bool) -> None:
    """Answer pages with their texts until there are no more."""
    from trafilatura import extract

    pages, answers = sys.stdin.buffer, sys.stdout.buffer
    # What a library prints must not get between the answers.
    sys.stdout = sys.stderr
    write_message(answers, OK)
    while (page := read_message(pages)) is not None:
        try:
            text = extract(page.decode(), include_comments=comments) or ""
            answer = OK + text.encode("utf-8", "replace")
        except Exception as error:
            answer = FAILED + f"{type(error).__name__}: {error}".encode("utf-8", "replace")
        write_message(answers, answer)
