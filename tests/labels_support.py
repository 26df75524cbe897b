"""What the tests of labels share: a small real corpus, options, a job in this process."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("pyarrow")


from ozma.corpus.crew import Finished
from ozma.corpus.store import ProjectRecord, UnitRow, write_project
from ozma.labels.chunk import close_workers, label_chunk
from ozma.labels.options import FLAGS, LabelOptions
from ozma.labels.run import label_corpus
from ozma.labels.subjects import Choice, Subject, choose, load_subjects
from ozma.llvm.clang import compile_bitcode

OTHER = """
struct pair { int a, b; };
int least(struct pair *p, int n) {
    int m = p[0].a;
    for (int i = 1; i < n; i++) if (p[i].a < m) m = p[i].a;
    return m;
}
long weigh(const char *s) { long w = 0; while (*s) w = w * 31 + *s++; return w; }
"""
LISTS = ("default<Oz>", "function(sroa)", "function(sroa,instcombine<no-verify-fixpoint>,simplifycfg)")


@pytest.fixture(scope="module")
def corpus(bitcode, toolchain, tmp_path_factory) -> Path:
    """Two projects of one unit each: five functions."""
    folder = tmp_path_factory.mktemp("corpus")
    source = folder / "other.c"
    source.write_text(OTHER)
    for name, code in (("calc", bitcode), ("other", compile_bitcode(toolchain, source))):
        write_project(folder, ProjectRecord(name), [UnitRow(f"{name}.c", "c", code)])
    return folder


@pytest.fixture
def out(corpus, tmp_path) -> Path:
    """The same corpus without labels."""
    for entry in corpus.iterdir():
        (tmp_path / entry.name).symlink_to(entry)
    return tmp_path


@pytest.fixture(scope="module")
def flags(toolchain) -> LabelOptions:
    return LabelOptions(FLAGS, toolchain.version, toolchain.major, lists=LISTS, pack="test")


@pytest.fixture(scope="module", autouse=True)
def no_worker_left():
    yield
    close_workers()


@pytest.fixture(scope="module")
def subjects(corpus) -> list[Subject]:
    return [s for one in choose(corpus, Choice()) for s in load_subjects(corpus, one)]


def at_once(chunk_stream, options):
    """Works the chunks off in this process."""
    for chunk in chunk_stream:
        yield Finished(chunk, label_chunk(chunk, options))


def run(out: Path, options: LabelOptions, execute=at_once, **choice):
    """The last state of a job on what `choice` takes."""
    *_, last = label_corpus(out, options, choose(out, Choice(**choice)), execute)
    return last


def rows_of(subjects, options) -> list[dict]:
    return [row for _, rows in label_chunk(tuple(subjects), options) for row in rows]
