from __future__ import annotations

import re
import subprocess
import sys

import pytest

from support.environments import ROOT

BLOCKS = re.findall(r"^```python\n(.*?)^```$", (ROOT / "docs/broker.md").read_text(), re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("block", BLOCKS)
def test_the_python_in_the_page_about_the_broker_runs(block: str) -> None:
    done = subprocess.run([sys.executable, "-c", block], capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stdout[:21]) == (0, "amqp://me:secret@127."), done.stderr
