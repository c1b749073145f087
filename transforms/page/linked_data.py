"""The article's text that a page states in a script, for pages whose HTML has next to none.

Some pages hold their text as data (schema.org's `articleBody`, mostly in JSON-LD) and leave it to
a script to show it. The data may be plain text or HTML.

Cost: linear in the scripts' bytes; looked for only where a page's own text is short.
"""

import json
import re

import numpy as np
from numpy.typing import NDArray

from transforms.page.names import tag
from transforms.page.scan import CONTENT, END, TAG, Tokens

_SCRIPT = tag("script")
_BODY = re.compile(rb'"articleBody"\s{0,9}:\s{0,9}("[^"\\]*+(?:\\.[^"\\]*+)*+")', re.DOTALL)
_HAS_TAGS = re.compile(r"<(?:p|br|div|li|h\d)\b", re.IGNORECASE)


def stated_body(page: NDArray[np.uint8], tokens: Tokens) -> str:
    """The longest article that the scripts of a page state, as HTML; empty if there is none.

    >>> from transforms.page.scan import scan_tags
    >>> html = b'<script type="application/ld+json">{"articleBody": "One.\\\\nTwo."}</script>'
    >>> page = np.frombuffer(html, np.uint8)
    >>> stated_body(page, scan_tags(page, maximum=9))
    'One.<br>Two.'
    """
    scripts = tokens.tags[tokens.tags[:, TAG] == _SCRIPT][:, [CONTENT, END]].tolist()
    contents = [page[start:end].tobytes() for start, end in scripts]
    found = [body for content in contents for body in _BODY.findall(content)]
    body = max(map(_text, found), key=len, default="")
    return body if _HAS_TAGS.search(body) else body.replace("\n", "<br>")


def _text(body: bytes) -> str:
    """A string of JSON as text; empty if it isn't one."""
    try:
        text: str = json.loads(body, strict=False)
    except ValueError:
        return ""
    return text.encode("utf-8", "replace").decode()
