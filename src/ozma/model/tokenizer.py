"""Text <-> token ids: byte-level BPE, lossless on any bytes, read from a tokenizer.json.

Needs llguidance only, which also constrains answers to a grammar; the ids equal those of the
`tokenizers` package for splitting rules without lookahead, as ours are.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from functools import cached_property
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ozma.errors import OzmaError

if TYPE_CHECKING:
    from llguidance import LLTokenizer

PAD, BOS, EOS = 0, 1, 2
SPECIAL = ("<|pad|>", "<|bos|>", "<|eos|>")
"""Texts of ids 0, 1, 2; in a text that is encoded they are ordinary characters."""
_PACKAGE_FILE = "data/tokenizer.json"
_ESCAPE = 0xDC00
_SAID = 200
"""Characters of another package's message that are repeated."""
_BREAK = re.compile("([\udc80-\udcff]|(?<=<)(?=\\|[a-z0-9]+\\|>))")
"""Bytes that are not UTF-8, as Python escapes them; and the inside of any special token's text."""


class Tokenizer:
    """`Tokenizer.load()` gives the shipped one; ids are below `vocab_size`."""

    pad, bos, eos = PAD, BOS, EOS

    def __init__(self, json_text: str) -> None:
        self.json_text = json_text
        self.ll: LLTokenizer = _load_llguidance().LLTokenizer(json_text, eos_token=EOS)
        self.vocab_size: int = self.ll.vocab_size

    @classmethod
    def load(cls, path: Path | None = None) -> Tokenizer:
        """OzmaError if the file is no tokenizer.json of byte-level BPE whose ids 0 to 2 are pad,
        bos and eos."""
        source = files("ozma.model").joinpath(_PACKAGE_FILE) if path is None else path
        try:
            tokenizer = cls(source.read_text(encoding="utf-8"))
            right = tokenizer._is_ours()
        except OSError as error:
            text = f"cannot read {source}: {error.strerror}"
            raise OzmaError(text, hint="give a model's tokenizer.json") from error
        except ValueError as error:
            said = (str(error).splitlines() or ["no reason given"])[0][:_SAID]
            raise OzmaError(f"{source} is no tokenizer: {said}") from error
        if not right:
            raise OzmaError(
                f"{source} is another model's tokenizer",
                hint="it must be byte-level BPE whose ids 0, 1, 2 are pad, bos, eos",
            )
        return tokenizer

    def _is_ours(self) -> bool:
        special = all(self.ll.is_special_token(number) for number in (PAD, BOS, EOS))
        try:
            return special and len(self._byte_ids) == len(_BYTES)
        except (KeyError, TypeError, AttributeError):  # a vocabulary that is not one of bytes
            return False

    def encode(self, text: str | bytes) -> list[int]:
        """Ids of a text, without bos and eos; a special token's text is text like any other."""
        if isinstance(text, bytes):
            text = text.decode("utf-8", "surrogateescape")
        runs = _BREAK.split(text)
        ids = self.ll.tokenize_str(runs[0])
        for stray, run in zip(runs[1::2], runs[2::2], strict=True):
            ids += [self._byte_ids[ord(one) - _ESCAPE] for one in stray]
            ids += self.ll.tokenize_str(run)
        return ids

    def decode(self, ids: Iterable[int]) -> str:
        """The text of ids; bytes that are not UTF-8 become U+FFFD, special tokens nothing."""
        return self.decode_bytes(ids).decode("utf-8", "replace")

    def decode_bytes(self, ids: Iterable[int]) -> bytes:
        """The exact bytes of ids; ValueError for an id that is none."""
        kept = [number for number in ids if number not in (PAD, BOS, EOS)]
        try:
            return b"".join([self._pieces[number] for number in kept])
        except KeyError as error:
            raise ValueError(f"ids holds {error}: it must be below {self.vocab_size}") from None

    @cached_property
    def _pieces(self) -> dict[int, bytes]:
        """The bytes of each id: llguidance's own decoding loses the byte 0xFF."""
        vocabulary = json.loads(self.json_text)["model"]["vocab"]
        return {
            number: bytes(_BYTES[character] for character in piece)
            for piece, number in vocabulary.items()
            if number not in (PAD, BOS, EOS)
        }

    @cached_property
    def _byte_ids(self) -> dict[int, int]:
        """The id of each single byte."""
        return {piece[0]: number for number, piece in self._pieces.items() if len(piece) == 1}


def _byte_characters() -> dict[str, int]:
    """How byte-level BPE writes bytes: printable ones as the characters of Latin-1, and the
    others, in order, as those from U+0100."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in printable]
    characters = {chr(byte): byte for byte in printable}
    return characters | {chr(0x100 + place): byte for place, byte in enumerate(others)}


_BYTES = _byte_characters()


def _load_llguidance() -> Any:
    try:
        import llguidance
    except ImportError as error:
        raise OzmaError(
            "the model needs llguidance", hint="install it: pip install 'ozma[model]'"
        ) from error
    return llguidance
