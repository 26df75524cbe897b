"""README and docs: marked console blocks run and show real output, links lead somewhere."""

from __future__ import annotations

import importlib.util
import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


def _load_script():
    spec = importlib.util.spec_from_file_location("readme_script", ROOT / "scripts" / "readme.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


SCRIPT = _load_script()


def _marked() -> list:
    return [
        pytest.param(block, id=f"{page.name}:{block.commands[0][:40]}")
        for page in SCRIPT.pages()
        for block in SCRIPT.blocks(page.read_text(encoding="utf-8"))
    ]


@pytest.mark.parametrize("block", _marked())
def test_a_marked_block_shows_what_the_command_prints(block):
    assert SCRIPT.executed(block) == block.body


@pytest.mark.parametrize("page", SCRIPT.pages(), ids=lambda page: page.name)
def test_links_lead_to_files_that_exist(page):
    text = page.read_text(encoding="utf-8")
    targets = re.findall(r"\]\((?!https?://|#)([^)#]+)", text)
    missing = [target for target in targets if not (page.parent / target).exists()]
    assert missing == []


def test_every_page_is_in_the_index():
    index = (ROOT / "docs" / "index.md").read_text(encoding="utf-8")
    names = {page.name for page in (ROOT / "docs").glob("*.md")} - {"index.md"}
    assert {name for name in names if f"({name})" not in index} == set()


PAGE = """text
<!-- run -->
```console
$ echo one
stale
$ echo two; echo three >&2
```
<!-- run: output varies -->
```console
$ date
yesterday
```
```console
$ false
```
"""


def test_refreshing_replaces_output_of_marked_blocks_only():
    now = SCRIPT.refreshed(PAGE)
    assert "$ echo one\none\n$ echo two; echo three >&2\ntwo\nthree\n" in now
    assert "stale" not in now and "yesterday" in now and "$ false" in now
    assert SCRIPT.refreshed(now) == now


def test_a_failing_command_is_not_hidden():
    page = "<!-- run: output varies -->\n```console\n$ echo why; false\n```\n"
    with pytest.raises(SCRIPT.CommandFailed, match="why"):
        SCRIPT.refreshed(page)
