"""One way to read a verb's words: a wrong one is one line that says where help is."""

from __future__ import annotations

import argparse
import difflib
import re
import sys
from typing import NoReturn, Sequence

from ozma.cli.clang_words import split_words
from ozma.errors import OzmaError

_LIKENESS = 0.8
_OTHER_LEVEL = re.compile(r"-O(?:[0-3]|fast|g)?")


class Parser(argparse.ArgumentParser):
    """argparse without abbreviations, whose errors are OzmaErrors (exit code 100)."""

    def __init__(self, **settings: object) -> None:
        super().__init__(allow_abbrev=False, **settings)

    def error(self, message: str) -> NoReturn:
        raise OzmaError(message, hint=f"see `{self.prog} --help`")

    def parse_with_clang(self, words: Sequence[str]) -> tuple[argparse.Namespace, list[str]]:
        """(options, words for clang). OzmaError for a word that is nearly one of ours."""
        ours, theirs = split_words(list(words))
        options, unknown = self.parse_known_args(ours)
        for word in unknown:
            self._refuse_slip(word)
            if _OTHER_LEVEL.fullmatch(word):
                text = f"{word} is not used: lists replace clang -Oz or -Os"
                print(f"{self.prog}: warning: {text}", file=sys.stderr)
        return options, theirs + unknown

    def _refuse_slip(self, word: str) -> None:
        name = word.partition("=")[0]
        known = [option for option in self._option_string_actions if option.startswith("--")]
        near = difflib.get_close_matches(name, known, 1, _LIKENESS)
        if name.startswith("--") and near:
            hint = f"did you mean {near[0]}? A word for clang goes after --"
            self.error(f"unknown option {name}; {hint}")
