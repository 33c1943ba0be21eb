"""What is printed for people."""

from __future__ import annotations

import time

import pytest

from farpool.cli.output import age, examples, print_facts, print_json, print_mark, print_table


def test_a_table_has_headings_and_rows_and_cuts_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    long = "x" * 150

    print_table([{"task_id": "1", "name": long}, {"task_id": "2"}], "task_id", "name", empty="nothing")

    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["task_id", "name"]
    assert lines[1].split() == ["1", long]
    assert lines[2].split() == ["2"]


def test_an_empty_table_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    print_table([], "task_id", empty="There are no such tasks.")

    assert capsys.readouterr().out == "There are no such tasks.\n"


def test_markup_in_a_cell_is_text(capsys: pytest.CaptureFixture[str]) -> None:
    print_table([{"name": "[red]f[/red]"}], "name", empty="nothing")

    assert "[red]f[/red]" in capsys.readouterr().out


def test_facts_are_aligned(capsys: pytest.CaptureFixture[str]) -> None:
    print_facts({"a": 1, "name": True, "none": None})

    assert capsys.readouterr().out == "a     1\nname  yes\nnone\n"


def test_json_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    print_json({"path": "a\nb"})

    assert capsys.readouterr().out == '{"path": "a\\nb"}\n'


def test_advice_follows_the_finding(capsys: pytest.CaptureFixture[str]) -> None:
    print_mark("fail", "it is off", "switch it on")

    assert capsys.readouterr().out == "fail  it is off\n      -> switch it on\n"


@pytest.mark.parametrize(
    ("seconds", "text"), [(5, "5 s ago"), (200, "3 min ago"), (7300, "2 h ago"), (200_000, "2 d ago"), (-60, "0 s ago")]
)
def test_times_are_told_as_ages(seconds: float, text: str) -> None:
    assert age(time.time() - seconds) == text


def test_what_is_no_time_has_no_age() -> None:
    assert age(None) == age("yesterday") == ""


def test_examples_are_left_as_they_are() -> None:
    assert examples("a", "b") == "\b\nExamples:\n    a\n    b"
