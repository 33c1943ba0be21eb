"""How the documentation is tested, tested: blocks, scripts, and what counts as the same output."""

from __future__ import annotations

import runpy
import subprocess
import sys
from pathlib import Path

import pytest

from support.environments import ROOT
from support.pages import WORDS, Block, blocks_of, differences, is_like, needs_of, programs_of, source_of

PAGE = """\
# A page <!-- needs: numpy,
dask -->

```python
def double(x):
    return 2 * x
```

Words, then a second block:

```python
print(double(21))
```

```text
42
```

```python alone
print("by itself")
```

```python notest
no_such_name
```

```text
never compared
```

- in a list:

    ```python
    print("indented")
    ```
"""


def test_blocks_are_found_with_their_lines_and_their_output() -> None:
    assert blocks_of(PAGE) == [
        Block(5, "def double(x):\n    return 2 * x\n"),
        Block(12, "print(double(21))\n", prints="42\n"),
        Block(20, 'print("by itself")\n', "alone"),
        Block(24, "no_such_name\n", "notest"),
        Block(34, 'print("indented")\n'),
    ]


def test_a_block_that_stands_alone_is_a_program_of_its_own() -> None:
    assert [[block.line for block in program] for program in programs_of(PAGE)] == [[5, 12, 34], [20]]


def test_blocks_of_logins_are_programs_of_their_own() -> None:
    page = "# A page\n\n" + "".join(
        f"```python{word}\nprint({number})\n```\n"
        for number, word in enumerate(["", " login", " credentials", " login", "", " credentials"])
    )

    words = [[block.word for block in program] for program in programs_of(page)]
    assert words == [["", ""], ["login", "login"], ["credentials", "credentials"]]


@pytest.mark.parametrize("word", [word for word in WORDS if word])
def test_readers_do_not_see_the_words_for_the_tests(word: str) -> None:
    hooks = runpy.run_path(str(ROOT / "scripts" / "mkdocs_hooks.py"))

    assert hooks["on_page_markdown"](f"# A page\n\n```python {word}\n1\n```\n") == "# A page\n\n```python\n1\n```\n"


def test_what_a_page_needs_is_read_from_its_comment() -> None:
    assert needs_of(PAGE) == ["numpy", "dask"]


def test_an_unknown_word_is_told_with_its_line() -> None:
    with pytest.raises(ValueError, match="line 2: ```python notset"):
        blocks_of("\n```python notset\n```\n")


def test_lines_of_the_script_are_lines_of_the_page() -> None:
    lines = source_of(programs_of(PAGE)[0]).splitlines()

    assert lines[4] == "def double(x):"
    assert lines[11] == "print(double(21))"


def test_another_output_than_the_page_says_is_a_difference(tmp_path: Path) -> None:
    page = PAGE.replace("42", "43")
    script = tmp_path / "page.py"
    program = programs_of(page)[0]
    script.write_text(source_of(program))

    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, check=True)

    assert len(differences(program, done.stdout)) == 1
    assert differences(programs_of(PAGE)[0], done.stdout) == []


def test_three_dots_stand_for_anything() -> None:
    assert is_like("took 1.25 s\nand\nended\n", "took ... s\n...\nended\n")
    assert is_like("trailing  \nspace", "trailing\nspace\n")
    assert not is_like("took 1.25 s, and more", "took ... s")
    assert not is_like("a+b", "aab")
