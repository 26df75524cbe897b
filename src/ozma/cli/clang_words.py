"""Which words of a command line are clang's: those with a value of their own keep it."""

from __future__ import annotations

_WITH_VALUE = frozenset(
    """-I -D -U -F -include -imacros -isystem -idirafter -iquote -isysroot -iprefix -iwithprefix
    -Xclang -Xpreprocessor -mllvm -target --sysroot -arch -std -x""".split()
)


def split_words(words: list[str]) -> tuple[list[str], list[str]]:
    """(words for us, words for clang): `-I include` stays together, `--` hands over the rest."""
    ours: list[str] = []
    theirs: list[str] = []
    position = 0
    while position < len(words):
        word = words[position]
        if word == "--":
            return ours, theirs + words[position + 1 :]
        if word in _WITH_VALUE and position + 1 < len(words):
            theirs += words[position : position + 2]
            position += 1
        else:
            ours.append(word)
        position += 1
    return ours, theirs
