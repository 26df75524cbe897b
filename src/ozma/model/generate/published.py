"""The tokenizer of a published checkpoint (Llama 2's, or any tokenizer.json) for token backends.

Needs the package `tokenizers`. Ids of special tokens come from the model's config.json.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from pathlib import Path
from typing import Any

from ozma.errors import OzmaError
from ozma.model.config import LlamaConfig, read_config
from ozma.model.generate.answer import TokenAnswerer
from ozma.model.generate.backend import Backend
from ozma.model.generate.optional import required


class PublishedTokenizer:
    """The same methods as `model.tokenizer.Tokenizer`; bytes that are not UTF-8 become U+FFFD."""

    def __init__(self, json_text: str, config: LlamaConfig) -> None:
        tokenizers = required("tokenizers", "pip install tokenizers")
        try:
            self._tokenizer = tokenizers.Tokenizer.from_str(json_text)
        except Exception as error:  # the package raises plain Exception
            raise OzmaError(f"not a tokenizer.json: {str(error).splitlines()[0]}") from error
        self._tokenizer.encode_special_tokens = True
        self._json, self._config = json_text, config
        self.pad, self.bos, self.eos = (
            config.pad_token_id,
            config.bos_token_id,
            config.eos_token_id,
        )
        self.vocab_size: int = self._tokenizer.get_vocab_size(with_added_tokens=True)

    @cached_property
    def ll(self) -> Any:
        """For grammars."""
        from llguidance import LLTokenizer

        return LLTokenizer(self._json, n_vocab=self._config.vocab_size, eos_token=self.eos)

    def encode(self, text: str) -> list[int]:
        """Ids without begin and end; special tokens' texts are ordinary text."""
        text = text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
        return self._tokenizer.encode(text, add_special_tokens=False).ids

    def decode(self, ids: Iterable[int]) -> str:
        return self._tokenizer.decode(list(ids), skip_special_tokens=True)


def published_answerer(folder: Path, backend: Backend) -> TokenAnswerer:
    """A published checkpoint's folder (config.json, tokenizer.json) with a backend that has loaded
    it, from this folder or from a GGUF file of the same model."""
    path = folder / "tokenizer.json"
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise OzmaError(f"cannot read {path}: {error}", hint="give the model's folder") from error
    return TokenAnswerer(backend, PublishedTokenizer(text, read_config(folder)))
