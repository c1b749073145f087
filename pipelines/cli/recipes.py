"""`penstock recipe`: the recipes that ship, their text, and what a recipe may say."""

import json
from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True, help="List and show recipes, or print their JSON Schema.")


@app.command("list")
def list_recipes() -> None:
    """List the recipes that ship with Penstock."""
    from pipelines.recipe import read_recipe, recipe_names

    names = recipe_names()
    width = max(map(len, names), default=0)
    for name in names:
        print(f"{name:<{width}}  {read_recipe(name).summary}")


@app.command("show")
def show(
    recipe: Annotated[str, typer.Argument(metavar="RECIPE", help="A shipped recipe or a file.")],
) -> None:
    """Print a recipe's text, to copy and change."""
    from pipelines.recipe import read_recipe

    print(read_recipe(recipe).text, end="")


@app.command("schema", short_help="Print the JSON Schema: every key, its type and default.")
def schema() -> None:
    """Print the JSON Schema of recipes: every key, its type, default and meaning."""
    from pipelines.recipe import recipe_schema

    print(json.dumps(recipe_schema(), indent=2, ensure_ascii=False))
