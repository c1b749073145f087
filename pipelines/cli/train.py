"""`penstock train`: the models that recipes name."""

from enum import StrEnum
from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True, help="Train a language model or a tokenizer.")

Output = Annotated[str, typer.Option(metavar="FILE", help="Where to write the model.")]


class ModelType(StrEnum):
    """How SentencePiece cuts words."""

    UNIGRAM = "unigram"
    BPE = "bpe"


@app.command("language", short_help="Train a language model (fastText).")
def language(
    data: Annotated[
        list[str],
        typer.Argument(metavar="DATA", help="JSON lines with `lang` and `text`, .gz or not."),
    ],
    output: Output,
    dimensions: Annotated[int, typer.Option(min=2, metavar="N", help="Size of the vectors.")] = 24,
    epochs: Annotated[int, typer.Option(min=1, metavar="N", help="Passes over the data.")] = 4,
    learning_rate: Annotated[float, typer.Option(metavar="X", help="Step of the training.")] = 0.5,
    kept_ngrams: Annotated[
        int, typer.Option(min=256, metavar="N", help="Size of the model.")
    ] = 92_000,
    held_out: Annotated[
        float, typer.Option(metavar="X", help="Share of the rows to measure on.")
    ] = 0.05,
) -> None:
    """Train a language model (fastText), and write its card with the accuracy beside it."""
    from pipelines.cli.training import language_model
    from pipelines.extras import require_extras

    require_extras("text", command="penstock train")
    language_model(
        data,
        output,
        dimensions=dimensions,
        epochs=epochs,
        learning_rate=learning_rate,
        kept_ngrams=kept_ngrams,
        held_out=held_out,
    )


@app.command("tokenizer", short_help="Train a SentencePiece tokenizer.")
def tokenizer(
    data: Annotated[
        list[str],
        typer.Argument(metavar="DATA", help="Any files that a recipe reads; quote globs or not."),
    ],
    output: Output,
    vocabulary_size: Annotated[
        int, typer.Option(min=300, metavar="N", help="Number of pieces.")
    ] = 32_000,
    model_type: Annotated[ModelType, typer.Option(help="How words are cut.")] = ModelType.UNIGRAM,
    sample_documents: Annotated[
        int,
        typer.Option(min=1, metavar="N", help="Documents to learn from, the same ones each time."),
    ] = 5_000,
    seed: Annotated[int, typer.Option(min=0, metavar="N", help="Chooses the documents.")] = 0,
) -> None:
    """Train a SentencePiece tokenizer on the main text of pages or documents."""
    from pipelines.cli.training import tokenizer_model
    from pipelines.extras import require_extras

    require_extras("text", command="penstock train")
    tokenizer_model(
        data,
        output,
        seed=seed,
        vocabulary_size=vocabulary_size,
        model_type=model_type.value,
        sample_documents=sample_documents,
    )
