"""What mkdocs is told besides mkdocs.yml: the words that the tests read after ```python are not for readers."""

import re


def on_page_markdown(markdown: str, **_rest: object) -> str:
    """Take `alone`, `notest` and the like off the fences: with them, mkdocs would not see that code begins."""
    fence = re.compile(r"^([ \t]*```python)[ \t]+(?:alone|login|credentials|notest|sdk)[ \t]*$", re.MULTILINE)
    return fence.sub(r"\1", markdown)
