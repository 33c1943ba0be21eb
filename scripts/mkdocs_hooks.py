"""What mkdocs is told besides mkdocs.yml: the words that the tests read after ```python are not for readers."""

import re


def on_page_markdown(markdown: str, **_rest: object) -> str:
    """Take `alone`, `notest` and `sdk` off the fences: with them, mkdocs would not see that code begins."""
    return re.sub(r"^([ \t]*```python)[ \t]+(?:alone|notest|sdk)[ \t]*$", r"\1", markdown, flags=re.MULTILINE)
