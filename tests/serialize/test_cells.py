from __future__ import annotations

import linecache

import pytest

from farpool.serialize.cells import cell_of, name_here


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("<ipython-input-1-0d5dbc1d4b7e>", "<ipython-input-12-0d5dbc1d4b7e>"),
        ("/tmp/ipykernel_41/3911372036.py", "/var/tmp/ipykernel_7/3911372036.py"),
        (r"C:\Temp\ipykernel_41\3911372036.py", r"C:\Temp\ipykernel_7\3911372036.py"),
    ],
)
def test_two_runs_of_one_cell_are_one_cell(one: str, other: str) -> None:
    assert cell_of(one) is not None
    assert cell_of(one) == cell_of(other)


def test_two_cells_are_two() -> None:
    names = ["<ipython-input-1-0d5dbc1d4b7e>", "<ipython-input-1-1d5dbc1d4b7e>", "/tmp/ipykernel_1/12345678.py"]

    assert len({cell_of(name) for name in names}) == 3


@pytest.mark.parametrize(
    "name",
    [
        "<stdin>",
        "<string>",
        "<python-input-3>",
        "<ipython-input-3>",
        "/home/me/a.py",
        "/tmp/ipykernel_1/mine.py",
        "x<ipython-input-1-0d5dbc1d4b7e>",
        "",
    ],
)
def test_a_name_without_a_hash_of_the_text_is_that_of_no_cell(name: str) -> None:
    assert cell_of(name) is None


def test_the_lines_of_a_cell_are_found_under_the_name_of_another_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(linecache.cache, "/tmp/ipykernel_99/3911372036.py", (4, None, ["x=1\n"], "here"))

    assert name_here("/tmp/ipykernel_1/3911372036.py") == "/tmp/ipykernel_99/3911372036.py"
    assert name_here("/tmp/ipykernel_1/1111.py") == "/tmp/ipykernel_1/1111.py"
    assert name_here("/home/me/a.py") == "/home/me/a.py"
