"""Mixtures: who gives which row, epochs of small datasets, changes on the way, states."""

import itertools
import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from penstock import Subset, TokenLoader, UsageError, linear, steps
from tests.penstock.datasets import doc_id, make_dataset, random_documents
from tests.penstock.oracle import expected_batch
from tests.penstock.test_loader import lengths_of, plain

SMALL = {"rows_per_batch": 11, "tokens_per_batch": 300}
OPTIONS: dict[str, Any] = {
    "sequence_length": 64,
    "seed": 7,
    "framework": "numpy",
    "window_tokens": 600,
    "windows_per_batch": 3,
}


@pytest.fixture(scope="module")
def outs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A larger dataset, a small one, and one of another tokenizer."""
    folder = tmp_path_factory.mktemp("mixture")
    for name, count in {"web": 400, "code": 60, "books": 150}.items():
        documents = random_documents(lengths_of(count, seed=count))
        make_dataset(str(folder / name), documents, validation=[[5] * 40] * 9, **SMALL)
    make_dataset(str(folder / "wide"), [[70_000] * 30], vocabulary_size=80_000, token_type="uint32")
    return {name: str(folder / name) for name in ["web", "code", "books", "wide"]}


def mixed(
    outs: dict[str, str], weights: dict[str, Any] | None = None, **changes: Any
) -> TokenLoader:
    options: dict[str, Any] = {
        "sequence_length": 64,
        "global_batch_size": 4,
        "seed": 7,
        "framework": "numpy",
        "window_tokens": 600,
        "windows_per_batch": 3,
    }
    weights = weights or {"web": 0.7, "code": 0.3}
    entries = {name: (outs[name], weight) for name, weight in weights.items()}
    return TokenLoader(entries, **(options | changes))


def names(loader: TokenLoader, first: int, stop: int) -> list[str]:
    """The dataset of each row of these steps."""
    found = []
    for step in range(first, stop):
        rows = {line["row"]: line["dataset"] for line in loader.provenance(step).to_pylist()}
        found += [rows[row] for row in sorted(rows)]
    return found


def take(loader: TokenLoader, count: int) -> list[dict[str, Any]]:
    """The next batches, over as many epochs as it takes."""
    epochs = itertools.chain.from_iterable(iter(loader) for _ in itertools.count())
    return [plain(batch) for batch in itertools.islice(epochs, count)]


def test_every_row_is_its_datasets_next_one(outs: dict[str, str]) -> None:
    """Row for row, each dataset comes as it comes alone, epoch after epoch."""
    loader = mixed(outs)
    steps_ = 2 * len(loader)
    rows = [row for step in range(steps_) for row in loader.batch(step).input_ids.tolist()]
    came_from = names(loader, 0, steps_)
    for name in ["web", "code"]:
        options = {**OPTIONS, "global_batch_size": 1}
        alone = TokenLoader(outs[name], **options)
        got = [row for row, origin in zip(rows, came_from, strict=True) if origin == name]
        wanted = [alone.batch(step).input_ids[0].tolist() for step in range(len(got))]
        assert got == wanted
        assert len(got) > (len(alone) if name == "code" else 0)


def test_every_field_is_what_the_documents_say(outs: dict[str, str]) -> None:
    loader = mixed(outs)
    documents = random_documents(lengths_of(400, seed=400))
    for step in range(0, len(loader), 3):
        table = loader.provenance(step)
        if set(table["dataset"].to_pylist()) == {"web"}:
            wanted = expected_batch(table, documents, rows=range(4), length=64)
            found = plain(loader.batch(step))
            assert found.pop("global_num_label_tokens") == wanted.num_label_tokens
            assert found == {name: getattr(wanted, name) for name in found}
    batch = loader.batch(1)
    assert batch.num_label_tokens == int((batch.labels != -100).sum())


def test_the_shares_are_exact_to_one_row(outs: dict[str, str]) -> None:
    loader = mixed(outs, {"web": 5, "code": 2, "books": 1}, global_batch_size=8)
    for step in range(0, 60, 7):
        counts = Counter(names(loader, step, step + 1))
        assert (counts["web"], counts["code"], counts["books"]) == (5, 2, 1)
    uneven = Counter(names(mixed(outs), 0, 64))
    assert abs(uneven["web"] - 0.7 * 256) < 1


@pytest.mark.parametrize("world_size", [2, 4])
def test_ranks_share_the_same_global_batches(outs: dict[str, str], world_size: int) -> None:
    whole = take(mixed(outs), 40)
    ranks = [take(mixed(outs, rank=r, world_size=world_size), 40) for r in range(world_size)]
    for step, batch in enumerate(whole):
        for name in ["input_ids", "labels", "position_ids"]:
            joined = itertools.chain(*(rank[step][name] for rank in ranks))
            assert list(joined) == batch[name]
        assert {rank[step]["global_num_label_tokens"] for rank in ranks} == {
            batch["num_label_tokens"]
        }


def test_steps_go_on_over_epochs_without_a_gap(outs: dict[str, str]) -> None:
    loader = mixed(outs, global_batch_size=3, prefetch=4)
    count = 2 * len(loader) + 5
    assert take(loader, count) == [
        plain(mixed(outs, global_batch_size=3).batch(s)) for s in range(count)
    ]
    assert loader.dropped_rows == 0
    assert loader.epoch == 2
    assert loader.step == count


def test_a_resumed_mixture_goes_on_exactly(outs: dict[str, str]) -> None:
    schedules = {"web": linear((0, 1), (9000, 0.2)), "code": steps((0, 0), (4000, 0.5))}
    whole = take(mixed(outs, schedules), 150)
    first = mixed(outs, schedules, prefetch=3)
    assert take(first, 37) == whole[:37]
    state = json.loads(json.dumps(first.state_dict()))
    second = mixed(outs, schedules)
    second.load_state_dict(state)
    assert take(second, 113) == whole[37:]


def test_a_schedule_may_come_from_a_configuration_file(outs: dict[str, str]) -> None:
    plain_form = json.loads('{"web": {"linear": [[0, 1], [9000, 0.2]]}, "code": 0.5}')
    named = mixed(outs, {"web": linear((0, 1), (9000, 0.2)), "code": 0.5})
    assert names(mixed(outs, plain_form), 0, 40) == names(named, 0, 40)
    assert mixed(outs, plain_form).state_dict() == named.state_dict()
    entries = {name: [outs[name], weight] for name, weight in plain_form.items()}
    assert TokenLoader(entries, **OPTIONS, global_batch_size=4).state_dict() == named.state_dict()


def test_a_weight_may_be_any_number(outs: dict[str, str]) -> None:
    numpys = mixed(outs, {"web": np.float32(0.5), "code": np.int64(2)})
    assert numpys.state_dict() == mixed(outs, {"web": 0.5, "code": 2}).state_dict()


def test_a_change_holds_from_its_step_on_and_travels_with_the_state(outs: dict[str, str]) -> None:
    plain_loader, loader = mixed(outs), mixed(outs)
    take(loader, 10)
    loader.amend_mixture({"web": 0.0, "code": 1.0}, step=20)
    assert names(loader, 0, 20) == names(plain_loader, 0, 20)
    assert set(names(loader, 20, 30)) == {"code"}
    loader.amend_mixture({"web": 1.0, "code": 0.0}, step=25)
    assert set(names(loader, 20, 25)) == {"code"}
    assert set(names(loader, 25, 40)) == {"web"}
    take(loader, 18)
    state = json.loads(json.dumps(loader.state_dict()))
    resumed = mixed(outs)
    resumed.load_state_dict(state)
    assert take(resumed, 20) == take(loader, 20)
    assert resumed.state_dict() == loader.state_dict()


def test_a_change_of_the_past_is_refused(outs: dict[str, str]) -> None:
    loader = mixed(outs, prefetch=6)
    iterator = iter(loader)
    for _ in range(10):
        next(iterator)
    with pytest.raises(UsageError, match=r"step is 3, whose .* made already; allowed: from 1\d on"):
        loader.amend_mixture({"web": 1, "code": 1}, step=3)
    iterator.close()  # type: ignore[attr-defined]
    loader.amend_mixture({"web": 1, "code": 1}, step=10)
    with pytest.raises(UsageError, match=r"the weights are of \['web'\]; allowed: of all of"):
        loader.amend_mixture({"web": 1}, step=50)
    with pytest.raises(UsageError, match=r"weights is \[1, 1\]; allowed: a dict of name"):
        loader.amend_mixture([1, 1], step=50)  # type: ignore[arg-type]
    state = mixed(outs).state_dict() | {"row": 40}
    other = mixed(outs, {"web": 0.6, "code": 0.4})
    with pytest.raises(UsageError, match=r"from row 0 on, .* before .* row 40"):
        other.load_state_dict(state)
    assert other.step == 0
    late = mixed(outs, {"web": steps((0, 0.7), (41 * 64, 1)), "code": 0.3})
    late.load_state_dict(state)
    early = mixed(outs, {"web": steps((0, 0.7), (39 * 64, 1)), "code": 0.3})
    with pytest.raises(UsageError, match="from row 39 on"):
        early.load_state_dict(state)


def test_a_dataset_may_join_later(outs: dict[str, str]) -> None:
    first = mixed(outs)
    before = take(first, 30)
    later = steps((0, 0), (first.state_dict()["row"] * 64, 0.5))
    second = mixed(outs, {"web": 0.7, "code": 0.3, "books": later})
    second.load_state_dict(first.state_dict())
    assert [plain(second.batch(step)) for step in range(30)] == before
    assert "books" in names(second, 30, 40)


def test_a_state_of_other_data_or_settings_is_refused(outs: dict[str, str]) -> None:
    loader = mixed(outs)
    take(loader, 30)
    state = loader.state_dict()
    swapped = mixed(outs | {"code": outs["books"]})
    with pytest.raises(UsageError, match=r"of 'code' dataset is '[0-9a-f]{32}' in the state"):
        swapped.load_state_dict(state)
    with pytest.raises(UsageError, match="seed is 7 in the state and 8 here"):
        mixed(outs, seed=8).load_state_dict(state)
    single = TokenLoader(outs["web"], **OPTIONS, global_batch_size=4)
    with pytest.raises(UsageError, match=r"lacks \['datasets', 'mixture'\]"):
        mixed(outs).load_state_dict(single.state_dict())
    with pytest.raises(UsageError, match=r"lacks \['dataset', 'version', 'split', 'selection'\]"):
        single.load_state_dict(state)
    for broken in [None, [], [[0, {"web": {"steps": "x"}}]], [[0, {"web": {"cubic": [[0, 1]]}}]]]:
        with pytest.raises(UsageError, match=r"can't be read|points are 'x'|kind is 'cubic'"):
            mixed(outs).load_state_dict(state | {"mixture": broken})


def test_the_report_counts_rows_and_epochs(outs: dict[str, str]) -> None:
    loader = mixed(outs)
    take(loader, 100)
    report = loader.mixture_report()
    counted = Counter(names(mixed(outs), 0, 100))
    assert {item.name: item.rows for item in report.datasets} == counted
    assert report.rows == 400
    assert report.tokens == 400 * 64
    assert report.mix_error < 9
    assert report.window_error < 1
    code, web = report.datasets
    assert code.epochs == counted["code"] / code.epoch_rows > 1
    assert web.wanted_rows == pytest.approx(280, abs=1e-3)
    assert str(report).splitlines()[0].split() == ["dataset", "rows", "share", "wanted", "epochs"]
    assert str(report).splitlines()[-1].startswith("400 rows of 25,600 tokens; off by at most")
    assert loader.mixture_report(step=0).mix_error == 0


def test_a_part_of_a_mixture_may_be_another_split(outs: dict[str, str]) -> None:
    entries = {"a": (outs["web"], 1), "b": (Subset(outs["web"], split="validation"), 1)}
    loader = TokenLoader(entries, **OPTIONS, global_batch_size=4)
    tables = [loader.provenance(step) for step in range(10)]
    shards = {line["dataset"]: line["shard"] for t in tables for line in t.to_pylist()}
    assert shards["a"].startswith("shards/train")
    assert shards["b"].startswith("shards/validation")


@pytest.mark.parametrize(
    ("changes", "message"),
    [({"split": ""}, "split is ''; the dataset at"), ({"version": 0}, "version is 0, but the")],
)
def test_a_wrong_part_isnt_the_loaders_own(
    outs: dict[str, str], changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        TokenLoader(Subset(outs["web"], **changes), **OPTIONS, global_batch_size=4)


def test_the_order_of_the_dict_doesnt_matter(outs: dict[str, str]) -> None:
    one, other = mixed(outs, {"web": 2, "code": 1}), mixed(outs, {"code": 1, "web": 2})
    assert plain(one.batch(5)) == plain(other.batch(5))
    assert one.state_dict() == other.state_dict()


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ({}, "the mixture is empty; allowed: a dict of name"),
        ({"web": 0.5}, r"the mixture's 'web' is 0.5; allowed: a name -> \(dataset, weight\)"),
        ({"web": ("{web}", "much")}, "the weight of 'web' is 'much'; allowed: a number from 0"),
        ({"web": ("{web}", -1)}, "the weight of 'web' is -1; allowed"),
        ({"web": (3, 1)}, "a dataset is 3; allowed: a path or URL"),
        ({"web": ("{web}", 1), "wide": ("{wide}", 1)}, "'wide' has uint32 tokens of the tokenizer"),
        ({"web": ("{web}/none", 1)}, "no dataset at"),
    ],
)
def test_wrong_mixtures_are_named(outs: dict[str, str], entries: Any, message: str) -> None:
    def located(value: Any) -> Any:
        if not isinstance(value, tuple) or not isinstance(value[0], str):
            return value
        return (value[0].format(**outs), value[1])

    with pytest.raises(UsageError, match=message):
        TokenLoader(
            {name: located(value) for name, value in entries.items()},
            **OPTIONS,
            global_batch_size=4,
        )


def test_one_dataset_has_no_mixture(outs: dict[str, str]) -> None:
    loader = TokenLoader(Path(outs["web"]), **OPTIONS, global_batch_size=4)
    with pytest.raises(UsageError, match="reads one dataset; allowed: a mixture"):
        loader.mixture_report()
    assert np.array_equal(loader.batch(0).input_ids, loader.batch(0).input_ids)
    assert loader.provenance(0)["doc_id"][0].as_py() in {doc_id(n) for n in range(400)}
