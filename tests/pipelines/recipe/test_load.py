import json
from pathlib import Path

import pytest

from penstock.errors import UsageError
from pipelines.recipe import (
    TextRecipe,
    load_recipe,
    read_recipe,
    recipe_identity,
    recipe_names,
    recipe_schema,
)


def load(recipe: str | Path, *overrides: str) -> TextRecipe:
    return load_recipe(str(recipe), inputs=["in/*.warc.gz"], output="OUT", overrides=overrides)


def written(folder: Path, text: str) -> Path:
    path = folder / "mine.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def message(recipe: str | Path, *overrides: str) -> str:
    with pytest.raises(UsageError) as error:
        load(recipe, *overrides)
    return str(error.value)


@pytest.mark.parametrize("name", recipe_names())
def test_every_shipped_recipe_loads_and_says_what_it_is_for(name: str) -> None:
    assert load(name).kind == "text"
    assert 20 < len(read_recipe(name).summary) < 100
    assert "(" not in read_recipe(name).summary


def test_arguments_win_over_the_file(tmp_path: Path) -> None:
    path = written(tmp_path, "kind: text\nseed: 1\noutput: there\nlength: {minimum_words: 5}\n")
    recipe = load(path, "seed=2", "length.minimum_words=7", "seed=3")
    assert (recipe.seed, recipe.output, recipe.length.minimum_words) == (3, "OUT", 7)
    assert [list(entry.paths) for entry in recipe.inputs] == [["in/*.warc.gz"]]


def test_an_override_keeps_the_rest_of_its_section(tmp_path: Path) -> None:
    path = written(tmp_path, "kind: text\ndedup: {exact: false, minhash: null}\n")
    recipe = load(path, "dedup.minhash.bands=20")
    assert recipe.dedup.exact is False
    assert recipe.dedup.minhash is not None
    assert recipe.dedup.minhash.bands == 20


def test_sizes_take_units() -> None:
    recipe = load("quickstart", "exchange.bucket_bytes=1MiB", "shards.target_text_bytes=3kB")
    assert recipe.exchange.bucket_bytes == 2**20
    assert recipe.shards.target_text_bytes == 3000


def test_input_replaces_the_paths_and_keeps_the_rest_of_the_entry(tmp_path: Path) -> None:
    text = "kind: text\ninputs:\n  - {name: news, paths: [old.jsonl]}\n"
    recipe = load(written(tmp_path, text))
    assert [(entry.name, list(entry.paths)) for entry in recipe.inputs] == [
        ("news", ["in/*.warc.gz"])
    ]


def test_several_inputs_are_replaced_by_name(tmp_path: Path) -> None:
    text = "kind: text\ninputs:\n- {name: a, paths: [x]}\n- {name: b, paths: [y]}\n"
    path = str(written(tmp_path, text))
    recipe = load_recipe(path, inputs=["b=1", "b=2"], output="OUT")
    assert [list(entry.paths) for entry in recipe.inputs] == [["x"], ["1", "2"]]
    with pytest.raises(UsageError, match=r"--input 1: .* write NAME=GLOB .*: a, b"):
        load_recipe(path, inputs=["1"], output="OUT")


def test_an_unknown_key_is_named_with_its_line_and_a_near_spelling(tmp_path: Path) -> None:
    path = written(tmp_path, "kind: text\nlength:\n  minimum_word: 5\n")
    assert message(path).startswith(
        f"{path}, line 3: unknown key 'length.minimum_word'; did you mean 'minimum_words'? "
        "(allowed here: maximum_characters, "
    )


def test_an_unknown_section_is_named_too(tmp_path: Path) -> None:
    path = written(tmp_path, "kind: text\ndeduplication: {exact: true}\n")
    assert "line 2: unknown key 'deduplication'" in message(path)
    assert "unknown key 'dedup.minhash.band'; did you mean 'bands'?" in message(
        "quickstart", "dedup.minhash.band=3"
    )


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        ("seed=abc", '--set seed=abc: seed is "abc": it should be a valid integer'),
        ("seed=true", "--set seed=true: seed is true: it should be a valid integer"),
        ("seed=-1", "--set seed=-1: seed is -1: it should be greater than or equal to 0"),
        ("validation.fraction=0.6", "validation.fraction is 0.6: it should be less than or equal"),
        ("dedup.exact=no", 'dedup.exact is "no": it should be true or false'),
        ("dedup=3", "--set dedup=3: dedup is 3: it should be a mapping of keys"),
        (
            "exchange.bucket_bytes=5 apples",
            'exchange.bucket_bytes is "5 apples": a size is a number with a unit, such as 256MB',
        ),
        ("sedd=1", "--set sedd=1: unknown key 'sedd'; did you mean 'seed'?"),
        ("seed", "--set seed: write it as key.path=value, such as seed=7"),
        ("seed.x=1", "--set seed.x=1: seed is a value, it has no keys below it"),
        ("inputs.3.name=x", "--set inputs.3.name=x: inputs is a list of 1; write the number"),
        ("heuristics.dialects=[gopher]", "'rpv2@code'; did you mean 'gopher@paper'?"),
        (
            "heuristics.thresholds.gopher@datatrov.top_2gram=1",
            "unknown key 'heuristics.thresholds.gopher@datatrov'; did you mean 'gopher@datatrove'?",
        ),
        (
            "heuristics.thresholds.gopher@paper.top_2gram=1",
            ": heuristics: thresholds are for gopher@paper, which is not in dialects",
        ),
        ("seed=[1", "--set seed=[1, line 1: not valid YAML: "),
    ],
)
def test_a_wrong_argument_is_named_with_what_is_allowed(override: str, expected: str) -> None:
    assert expected in message("quickstart", override)


def test_several_mistakes_come_in_one_message() -> None:
    text = message("quickstart", "seed=abc", "validation.fraction=2", "bogus=1")
    assert len(text.splitlines()) == 3


def test_a_wrong_name_gets_a_near_one() -> None:
    assert message("quikstart") == (
        f"recipe 'quikstart' is neither a shipped recipe ({', '.join(recipe_names())}) nor a file; "
        "did you mean 'quickstart'?"
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("kind: txt\n", "line 1: kind is 'txt'; allowed: text; did you mean 'text'?"),
        ("seed: 1\n", "kind is missing; allowed: text"),
        ("- a\n", "a recipe is a mapping of keys, such as 'kind: text'; got a list"),
        ("", "got nothing"),
    ],
)
def test_what_is_no_recipe_says_so(tmp_path: Path, text: str, expected: str) -> None:
    assert expected in message(written(tmp_path, text))


def test_a_missing_or_unreadable_file_is_a_mistake(tmp_path: Path) -> None:
    assert "can't be read" in message(tmp_path / "absent.yaml")
    assert "can't be read" in message(tmp_path)
    path = tmp_path / "latin.yaml"
    path.write_bytes(b"kind: t\xe9xt\n")
    assert "a recipe is UTF-8 text" in message(path)


def test_a_run_needs_inputs_and_an_output() -> None:
    with pytest.raises(UsageError, match="nothing to read; give --input"):
        load_recipe("quickstart", output="OUT")
    with pytest.raises(UsageError, match="nowhere to write; give --output"):
        load_recipe("quickstart", inputs=["x"])


def test_identity_leaves_out_the_places_and_survives_json(tmp_path: Path) -> None:
    text = "kind: text\nwork_dir: elsewhere\nseed: 5\n"
    one = recipe_identity(load(written(tmp_path, text)))
    other = recipe_identity(
        load_recipe("quickstart", inputs=["another"], output="s3://b", overrides=["seed=5"])
    )
    assert not {"inputs", "output", "work_dir"} & set(one)
    assert one.keys() == other.keys()
    assert json.loads(json.dumps(one)) == one
    assert json.dumps(one) == json.dumps(one, sort_keys=True)


def test_equal_recipes_have_equal_identities(tmp_path: Path) -> None:
    spelled = written(tmp_path, "seed: 0\nkind: text\nexchange: {bucket_bytes: 64000000}\n")
    assert recipe_identity(load(spelled)) == recipe_identity(
        load(written(tmp_path, "kind: text\nexchange: {bucket_bytes: 64MB}\n"))
    )


def test_the_schema_knows_every_section() -> None:
    schema = recipe_schema()
    assert set(TextRecipe.model_fields) == set(schema["properties"])
    assert json.loads(json.dumps(schema)) == schema
