"""What a run is asked to do: YAML with strict keys in, one frozen model out."""

from pipelines.recipe.load import change_recipe, load_recipe, read_recipe, recipe_names
from pipelines.recipe.model import TextRecipe, recipe_identity
from pipelines.recipe.schema import recipe_schema

__all__ = [
    "TextRecipe",
    "change_recipe",
    "load_recipe",
    "read_recipe",
    "recipe_identity",
    "recipe_names",
    "recipe_schema",
]
