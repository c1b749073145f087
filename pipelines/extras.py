"""Which optional packages a command needs, and the pip line that brings them."""

from collections.abc import Mapping
from importlib.util import find_spec
from types import MappingProxyType

from penstock.errors import PenstockError

EXTRAS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "text": (
            "resiliparse",
            "fasttext",
            "sentencepiece",
            "tokenizers",
            "tiktoken",
            "brotli",
        ),
        "trafilatura": ("trafilatura",),
        "dask": ("dask", "distributed"),
        "beam": ("apache_beam",),
        "s3": ("s3fs",),
        "torch": ("torch",),
    }
)
"""The modules that each extra of the distribution brings."""


class MissingExtraError(PenstockError):
    """A command needs packages that aren't installed; the message has the pip line."""


def missing_modules(extra: str) -> list[str]:
    """The modules of an extra that this environment doesn't have."""
    return [module for module in EXTRAS[extra] if find_spec(module) is None]


def require_extras(*extras: str, command: str) -> None:
    """Return when all modules of the extras are installed.

    Raises:
        MissingExtraError: names the modules and the pip line that brings them.
    """
    missing = [module for extra in extras for module in missing_modules(extra)]
    if missing:
        raise MissingExtraError(
            f"{command} needs {', '.join(missing)}, which isn't installed here; "
            f"bring it with: {pip_line(*extras)}"
        )


def pip_line(*extras: str) -> str:
    """The command that installs Penstock with the extras.

    >>> pip_line("text", "dask")
    "pip install 'penstock[text,dask]'"
    """
    return f"pip install 'penstock[{','.join(extras)}]'"


def extra_of(module: str) -> str | None:
    """The extra that brings a module, or None."""
    top = module.partition(".")[0]
    return next((extra for extra, modules in EXTRAS.items() if top in modules), None)
