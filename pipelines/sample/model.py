"""The sample's own nouns: texts, sites, pages, and what the truth file calls each record."""

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What a record of the sample is."""

    ARTICLE = "article"
    EXACT_DUPLICATE = "exact_duplicate"
    NEAR_DUPLICATE = "near_duplicate"
    SPAM = "spam"
    BOILERPLATE = "boilerplate"
    SHORT = "short"
    PII = "pii"
    WRONG_CHARSET = "wrong_charset"
    TRUNCATED = "truncated"
    BROKEN = "broken"
    NON_HTML = "non_html"
    REDIRECT = "redirect"
    NOT_FOUND = "not_found"
    REVISIT = "revisit"
    REQUEST = "request"
    METADATA = "metadata"
    WARCINFO = "warcinfo"


@dataclass(frozen=True, slots=True, kw_only=True)
class Article:
    """A text with a title; `slug` is unique within its language."""

    language: str
    theme: str
    slug: str
    title: str
    paragraphs: tuple[str, ...]

    @property
    def cluster(self) -> str:
        """The name that all copies of this text share in the truth file."""
        return f"{self.language}/{self.slug}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """A host with one look and one language."""

    host: str
    name: str
    language: str
    template: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """What a page says and where, before it is dressed and sent.

    `charset` is what its bytes are in; `declared` what they are said to be in, and `declared_in`
    ("header", "meta", "both" or "nowhere") is the place that says it.
    """

    kind: Kind
    site: Site
    path: str
    title: str
    paragraphs: tuple[str, ...]
    cluster: str | None = None
    edit: str | None = None
    charset: str = "utf-8"
    declared: str = "utf-8"
    declared_in: str = "both"
    emails: tuple[str, ...] = ()
    phones: tuple[str, ...] = ()

    @property
    def url(self) -> str:
        """The address of the page."""
        return f"https://{self.site.host}{self.path}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Capture:
    """One HTTP exchange as a crawler stores it.

    `message` is status line, headers and body as they came over the wire; `payload` is the body
    without transfer coding; `paragraphs` is the main text that a reader should find in it.
    """

    kind: Kind
    url: str
    message: bytes
    payload: bytes
    mime: str
    language: str | None = None
    cluster: str | None = None
    edit: str | None = None
    charset: str | None = None
    declared: str | None = None
    declared_in: str | None = None
    transfer: str = "plain"
    paragraphs: tuple[str, ...] = ()
    emails: tuple[str, ...] = ()
    phones: tuple[str, ...] = ()
