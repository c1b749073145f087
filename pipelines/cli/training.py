"""What `penstock train` does once its packages are known to be there."""

import shlex
import sys
from collections.abc import Sequence
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from penstock import storage
from penstock.errors import UsageError
from pipelines.recipe.messages import describe_errors
from pipelines.sizes import format_size
from pipelines.system_errors import writing
from pipelines.train import train_language, train_tokenizer
from transforms.tokenizers import FitOptions
from transforms.train_language import TrainLanguageOptions, language_card

Options = TypeVar("Options", bound=BaseModel)


def language_model(data: Sequence[str], output: str, **options: Any) -> None:
    """Train a language model; write it and its card, print its accuracy."""
    trained = train_language(data, options=_checked(TrainLanguageOptions, options))
    command = shlex.join(["penstock", *sys.argv[1:]])
    card = language_card(trained.report, data=", ".join(data), command=command)
    with writing("--output", output):
        storage.write_bytes(output, trained.model)
        storage.write_bytes(f"{output}.md", card.encode())
    report = trained.report
    size = format_size(len(trained.model))
    print(f"{output}: {size}, {report.training_rows:,} rows")
    print(f"accuracy {report.accuracy:.3f} on {report.held_out_rows:,} held-out rows")
    print(f"card: {output}.md")
    print(f"use it: --set language.model={shlex.quote(output)}")


def tokenizer_model(data: Sequence[str], output: str, *, seed: int, **options: Any) -> None:
    """Train a tokenizer and write it."""
    model = train_tokenizer(data, options=_checked(FitOptions, options), seed=seed)
    with writing("--output", output):
        storage.write_bytes(output, model)
    print(f"{output}: {format_size(len(model))}")
    print(f"use it: --set tokenizer.path={shlex.quote(output)}")


def _checked(model: type[Options], options: dict[str, Any]) -> Options:
    try:
        return model(**options)
    except ValidationError as error:
        message = describe_errors(error, data=options, model=model, place=lambda _: "")
        raise UsageError(message) from None
