"""Answers that are looked up: IR of training functions with the same assembly, or nearly the same.

This is memory, not disassembly. It is a row of its own in the tables and used nowhere else.
"""

from __future__ import annotations

import hashlib
import sqlite3
import weakref
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ozma.errors import OzmaError
from ozma.lift.asm.template import opcodes, pairs, renamed, template
from ozma.lift.judging.judge import Candidate

if TYPE_CHECKING:
    import numpy as np

GRAM, HASHES = 5, 64
_SAME, _NEAREST = 3, 3
_LEAST = 0.5
"""Estimated Jaccard index from which a function counts as near."""
_TABLE = """
create table if not exists functions (
    hash text primary key, template text, symbols text, sketch blob, codegen integer, ir blob)
"""
_PRIME = (1 << 61) - 1


class Index:
    """A file of training functions. OzmaError when it is none."""

    def __init__(self, path: Path, target: str = "x86-64") -> None:
        self._target = target
        self._sketches: tuple[list[str], np.ndarray] | None = None
        try:
            self._file = sqlite3.connect(path)
            weakref.finalize(self, self._file.close)  # for who only looks things up
            self._file.execute(_TABLE)
            self._file.execute("create index if not exists by_template on functions (template)")
        except sqlite3.Error as error:
            raise OzmaError(f"{path} is no index of functions: {error}") from error

    def __len__(self) -> int:
        return self._file.execute("select count(*) from functions").fetchone()[0]

    def __contains__(self, digest: str) -> bool:
        found = self._file.execute("select 1 from functions where hash = ?", (digest,))
        return found.fetchone() is not None

    def add(self, digest: str, assembly: str, ir: str, codegen: int) -> None:
        """One function under its own hash; its assembly is not kept."""
        found = template(assembly, self._target)
        row = (
            digest, _key(found.text), " ".join(found.symbols),
            sketch(opcodes(assembly, self._target)), codegen, zlib.compress(ir.encode()),
        )  # fmt: skip
        self._file.execute("insert or replace into functions values (?, ?, ?, ?, ?, ?)", row)

    def save(self) -> None:
        self._file.commit()

    def close(self) -> None:
        self._file.commit()
        self._file.close()

    def same(self, assembly: str) -> Iterator[Candidate]:
        """IR of functions whose assembly is equal up to names."""
        found = template(assembly, self._target)
        where = "template = ? order by hash limit ?"
        yield from self._candidates("same", where, (_key(found.text), _SAME), found.symbols)

    def nearest(self, assembly: str) -> Iterator[Candidate]:
        """IR of the functions that share most 5-grams of opcodes, by MinHash; names by place."""
        import numpy as np

        symbols = template(assembly, self._target).symbols
        hashes, known_nh = self._all_sketches()
        if not hashes:
            return
        wanted_h = np.frombuffer(sketch(opcodes(assembly, self._target)), np.uint32)
        share_n = (known_nh == wanted_h).mean(axis=1)
        for place in np.argsort(-share_n, kind="stable")[:_NEAREST]:
            if share_n[place] >= _LEAST:
                yield from self._candidates("nearest", "hash = ?", (hashes[place],), symbols)

    def _candidates(
        self, how: str, where: str, values: tuple, symbols: Sequence[str]
    ) -> Iterator[Candidate]:
        query = f"select symbols, codegen, ir from functions where {where}"
        for old, codegen, packed in self._file.execute(query, values).fetchall():
            ir = renamed(zlib.decompress(packed).decode(), pairs(old.split(), symbols))
            yield Candidate(f"retrieval: {how}", ir, codegen=codegen)

    def _all_sketches(self) -> tuple[list[str], np.ndarray]:
        if self._sketches is None:
            import numpy as np

            rows = self._file.execute("select hash, sketch from functions").fetchall()
            flat = b"".join(row[1] for row in rows)
            self._sketches = (
                [row[0] for row in rows],
                np.frombuffer(flat, np.uint32).reshape(len(rows), HASHES),
            )
        return self._sketches

    def propose(self, assembly: str, name: str) -> Iterator[Candidate]:
        """A `Proposer`: equal functions, then near ones."""
        yield from self.same(assembly)
        yield from self.nearest(assembly)


def _key(text: str) -> str:
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def sketch(words: Sequence[str]) -> bytes:
    """MinHash of 5-grams of opcodes: `HASHES` numbers of 32 bits; a shorter function is one
    gram."""
    grams = {" ".join(words[at : at + GRAM]) for at in range(max(1, len(words) - GRAM + 1))}
    digests = [int.from_bytes(hashlib.blake2b(g.encode(), digest_size=8).digest()) for g in grams]
    lowest = (
        min((one * (2 * number + 1) + number * 0x9E3779B97F4A7C15) % _PRIME for one in digests)
        for number in range(1, HASHES + 1)
    )
    return b"".join((value & 0xFFFFFFFF).to_bytes(4, "little") for value in lowest)
