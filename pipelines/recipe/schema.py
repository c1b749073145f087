"""The JSON Schema of a recipe, for editors that complete and check YAML."""

from typing import Any

from pipelines.recipe.model import TextRecipe


def recipe_schema() -> dict[str, Any]:
    """JSON Schema (draft 2020-12) of a text recipe with every option's meaning and default."""
    schema = TextRecipe.model_json_schema(mode="validation")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema"} | schema
