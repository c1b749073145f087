"""Length signals: bytes, code points and words of each text, and the rules that bound them.

Too short is a menu or an error page, too long is a dump or a log. Bytes and code points come from
the Arrow offsets and one vectorised pass; words are counted by `transforms.words`, which gives one
meaning of "word" to every part of Penstock.
"""

import pyarrow as pa
import pyarrow.compute as pc
from pydantic import BaseModel, ConfigDict, Field

from transforms.rules import Kind, Rule
from transforms.words import count_words

STAGE = "length"


class LengthOptions(BaseModel):
    """Recipe section `length`: how long a document must and may be."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    minimum_words: int = Field(default=50, ge=0, description="Fewest words; 0: no bound.")
    maximum_words: int | None = Field(
        default=100_000, ge=1, description="Most words; null: no bound."
    )
    minimum_characters: int = Field(
        default=200, ge=0, description="Fewest code points; 0: no bound."
    )
    maximum_characters: int | None = Field(
        default=None, ge=1, description="Most code points; null: no bound."
    )


def length_signals(text: pa.StringArray) -> pa.RecordBatch:
    """Columns text_bytes, characters (code points) and words of each text, all int64.

    >>> length_signals(pa.array(["two words", "één", ""])).to_pydict()
    {'text_bytes': [9, 5, 0], 'characters': [9, 3, 0], 'words': [2, 1, 0]}
    """
    columns = {
        "text_bytes": pc.binary_length(text).cast(pa.int64()),
        "characters": pc.utf8_length(text).cast(pa.int64()),
        "words": pa.array(count_words(text), pa.int64()),
    }
    return pa.RecordBatch.from_arrays(list(columns.values()), names=list(columns))


def length_rules(options: LengthOptions) -> list[Rule]:
    """The rules of section `length`; a bound that is 0 or null makes none."""
    bounds = (
        ("minimum_characters", "characters", Kind.AT_LEAST, options.minimum_characters),
        ("maximum_characters", "characters", Kind.AT_MOST, options.maximum_characters),
        ("minimum_words", "words", Kind.AT_LEAST, options.minimum_words),
        ("maximum_words", "words", Kind.AT_MOST, options.maximum_words),
    )
    return [
        Rule(name=name, stage=STAGE, column=column, kind=kind, threshold=threshold)
        for name, column, kind, threshold in bounds
        if threshold
    ]
