"""The shipped tables are what the functions build from the same version of Unicode."""

import unicodedata
from importlib import import_module

import numpy as np
import pytest

from transforms import tables

for module in tables.MODULES:
    import_module(f"transforms.{module}")


def test_the_file_has_these_tables_and_no_others() -> None:
    with np.load(tables.SHIPPED) as shipped:
        assert set(shipped) == {*tables.BUILDERS, tables.VERSION}


@pytest.mark.parametrize("name", sorted(tables.BUILDERS))
def test_a_table_is_what_is_built_now(name: str) -> None:
    with np.load(tables.SHIPPED) as shipped:
        version = str(shipped[tables.VERSION])
    if version != unicodedata.unidata_version:
        pytest.skip(f"made with Unicode {version}, here is {unicodedata.unidata_version}")
    built = tables.BUILDERS[name]()
    np.testing.assert_array_equal(tables.read_table(name), built)
    assert tables.read_table(name).dtype == built.dtype
