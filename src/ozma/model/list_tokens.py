"""Known pass lists as single tokens: `<|list0|>`, `<|list1|>`, ... after all others of a
vocabulary.

A list of a pack has some 3,000 characters and nothing in it to decide once its first passes are
known. As one token the choice between all lists is one prediction, for which the sizes under every
list are a target at once, and one step of the model ranks them all. What a list token stands for is
in `lists.json` beside the tokenizer; outside of the model only the lists' own text is seen.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Protocol

from ozma.errors import OzmaError

LISTS_JSON = "lists.json"
_QUOTED = re.compile(r"(?<=opt -p ')[^'\n]*(?=')")


class Codec(Protocol):
    """What a tokenizer does (model/tokenizer.py)."""

    def encode(self, text: str) -> list[int]: ...

    def decode(self, ids: Iterable[int]) -> str: ...


class ListTokens:
    """Encodes and decodes with a tokenizer, each known list as one id. Without lists it is the
    tokenizer. `lists` in the order of their ids, the first of which is `first`."""

    def __init__(self, tokenizer: Codec, lists: Sequence[str], first: int) -> None:
        self._tokenizer = tokenizer
        self.lists, self.first = tuple(lists), first
        self._ids = {passes: first + place for place, passes in enumerate(lists)}

    @property
    def ids(self) -> range:
        """Ids of the lists, in their order."""
        return range(self.first, self.first + len(self.lists))

    def encode(self, text: str) -> list[int]:
        """Ids of a text; a known list between the quotes of `opt -p '...'` is one id."""
        ids: list[int] = []
        start = 0
        for found in _QUOTED.finditer(text):
            if found[0] in self._ids:
                ids += self._tokenizer.encode(text[start : found.start()])
                ids.append(self._ids[found[0]])
                start = found.end()
        return ids + self._tokenizer.encode(text[start:])

    def decode(self, ids: Iterable[int]) -> str:
        """The text of ids, list tokens written out."""
        text, run = "", []
        for number in ids:
            if number in self.ids:
                text += self._tokenizer.decode(run) + self.lists[number - self.first]
                run = []
            else:
                run.append(number)
        return text + self._tokenizer.decode(run)


def with_lists(tokenizer_json: str, lists: Sequence[str]) -> tuple[str, int]:
    """(the tokenizer.json with a special token for each list, id of the first)."""
    content = json.loads(tokenizer_json)
    added = content.setdefault("added_tokens", [])
    first = 1 + max([*content["model"]["vocab"].values(), *(one["id"] for one in added)])
    if first + len(lists) > 1 << 16:
        raise OzmaError(
            f"{first + len(lists):,} tokens do not fit 16 bits", hint="use a smaller vocabulary"
        )
    flags = dict.fromkeys(("single_word", "lstrip", "rstrip", "normalized"), False)
    for place in range(len(lists)):
        entry = {"id": first + place, "content": f"<|list{place}|>", "special": True}
        added.append(entry | flags)
    return json.dumps(content, ensure_ascii=False), first


def write_lists(folder: Path, lists: Sequence[str], first: int) -> None:
    content = {"first": first, "lists": list(lists)}
    (folder / LISTS_JSON).write_text(json.dumps(content, indent=0) + "\n", "utf-8")


def read_lists(folder: Path) -> tuple[tuple[str, ...], int]:
    """(lists, id of the first) of a model's or data folder; no lists and 0 if it has none."""
    path = folder / LISTS_JSON
    try:
        content = json.loads(path.read_text("utf-8"))
        return tuple(map(str, content["lists"])), int(content["first"])
    except FileNotFoundError:
        return (), 0
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise OzmaError(f"{path} is damaged", hint="copy the model again") from error
