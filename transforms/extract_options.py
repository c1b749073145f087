"""Recipe section `extract`: what of a page is its text, and who says so."""

from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field


class ExtractEngine(StrEnum):
    """Whose idea of a main text is taken."""

    PENSTOCK = "penstock"
    RESILIPARSE = "resiliparse"
    TRAFILATURA = "trafilatura"


class ExtractOptions(BaseModel):
    """Recipe section `extract`: what of a page is its text."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    engine: ExtractEngine = Field(
        default=ExtractEngine.PENSTOCK, description="What reads the pages."
    )
    main_content: bool = Field(
        default=True, description="Keep the main text only; else all that a browser shows."
    )
    comments: bool = Field(default=False, description="Keep readers' comments, too.")
    image_texts: bool = Field(default=False, description="Read an image's alt text as text.")
    list_bullets: bool = Field(default=True, description="Begin an item of a list with '- '.")
    maximum_tags: int = Field(
        default=100_000, ge=1_000, description="A page with more tags is refused."
    )
    maximum_depth: int = Field(
        default=256, ge=16, le=1024, description="A page with elements nested deeper is refused."
    )
    page_timeout_s: float = Field(
        default=30, gt=0, le=600, description="Seconds for a page; engine trafilatura only."
    )
    pages_per_process: int = Field(
        default=500, ge=1, description="A process ends after so many; engine trafilatura only."
    )
