"""Pages of the documentation as programs: their Python blocks, and what these are said to print."""

from __future__ import annotations

import re
import textwrap
from dataclasses import dataclass
from importlib import metadata

_FENCE = re.compile(r"^(?P<indent>[ \t]*)```(?P<info>[^`\n]*)\n(?P<code>.*?)^(?P=indent)```[ \t]*$", re.DOTALL | re.M)
_NEEDS = re.compile(r"<!--\s*needs:(.*?)-->", re.DOTALL)

#: What may stand behind ```python.
WORDS = ("", "alone", "login", "credentials", "notest", "sdk")

#: Printed between blocks: what comes before it was printed by the block of that line.
_MARK = "\x1e"


@dataclass(frozen=True)
class Block:
    """A Python block of a page.

    Attributes:
        line: the line of the page that its code begins on.
        code: its text.
        word: "" for one that runs in the page's program, "alone" for one that is a program of its own, "login" for one
            of a program with somebody at its terminal who logs in with Globus, "credentials" for one of a program with
            the credentials of a Globus client, "sdk" for one of the unmodified globus-compute-sdk, "notest" for one
            that cannot run here.
        prints: what it prints, if the page says so in a ```text block, the next one on the page.
    """

    line: int
    code: str
    word: str = ""
    prints: str | None = None


def blocks_of(page: str) -> list[Block]:
    """Find the Python blocks of a page, in their order.

    Raises:
        ValueError: a block is marked with a word that means nothing.
    """
    found: list[Block] = []
    takes_text = False
    for fence in _FENCE.finditer(page):
        language, _, word = fence["info"].strip().partition(" ")
        code = textwrap.dedent(fence["code"])
        if language == "python":
            line = page.count("\n", 0, fence.start("code")) + 1
            if word not in WORDS:
                raise ValueError(f"line {line - 1}: ```python {word}: the words are {', '.join(WORDS[1:])}")
            found.append(Block(line, code, word))
        elif language == "text" and takes_text:
            last = found.pop()
            found.append(Block(last.line, last.code, last.word, prints=code))
        takes_text = language == "python" and word != "notest"
    return found


def needs_of(page: str) -> list[str]:
    """Read what a page needs to run besides farpool, from its comment `<!-- needs: scikit-learn, joblib -->`."""
    return [name.strip() for told in _NEEDS.findall(page) for name in told.split(",") if name.strip()]


def is_installed(distribution: str) -> bool:
    """Say whether a library is there, by the name that it is installed by."""
    try:
        metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return False
    return True


def programs_of(page: str) -> list[list[Block]]:
    """Sort the blocks of a page that run into programs: one for those of each word, one for each that stands alone."""
    blocks = blocks_of(page)
    together = [[block for block in blocks if block.word == word] for word in ("", "login", "credentials")]
    return [part for part in (*together, *([block] for block in blocks if block.word == "alone")) if part]


def source_of(blocks: list[Block]) -> str:
    """Make a script in which each line stands where it stands on the page, so that tracebacks name the page's lines."""
    lines: list[str] = []
    for block in blocks:
        lines += [""] * (block.line - 1 - len(lines))
        lines += block.code.splitlines()
        lines.append(f"print({_MARK!r}, flush=True)")
    return "\n".join(lines) + "\n"


def differences(blocks: list[Block], printed: str) -> list[str]:
    """Compare what a script printed with what its blocks are said to print; `...` there stands for anything."""
    said = printed.split(f"{_MARK}\n")
    return [
        f"line {block.line} prints\n\n{actual}\nand the page says\n\n{block.prints}"
        for block, actual in zip(blocks, said, strict=False)
        if block.prints is not None and not is_like(actual, block.prints)
    ]


def is_like(actual: str, expected: str) -> bool:
    """Say whether a text is as expected; `...` stands for anything, spaces at the ends of lines do not matter."""
    wanted = ".*".join(re.escape(part) for part in _trimmed(expected).split("..."))
    return re.fullmatch(wanted, _trimmed(actual), re.DOTALL) is not None


def _trimmed(text: str) -> str:
    return "\n".join(line.rstrip() for line in text.strip("\n").splitlines())
