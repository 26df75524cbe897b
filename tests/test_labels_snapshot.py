"""Labels that come out the same again, and a small snapshot from which a labelled set is rebuilt."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ozma.cli import label as verb
from ozma.corpus.digest import compare
from ozma.corpus.parquet import read_columns, table_path, write_rows
from ozma.corpus.project_list import ProjectList, save_list
from ozma.corpus.source import Source
from ozma.corpus.split import SplitConfig
from ozma.corpus.split_files import SPLIT, make_split
from ozma.errors import OzmaError
from ozma.labels.compact import Packer
from ozma.labels.flags import MISSING
from ozma.labels.label_set import LabelSet, label_sets
from ozma.labels.options import DISASSEMBLY, EMULATION, FLAGS, LabelOptions, set_folder
from ozma.labels.rebuild import rebuild
from ozma.labels.schemas import schema_of
from ozma.labels.snapshot import MANIFEST, publish

from labels_support import corpus, flags, no_worker_left, out, run, subjects  # noqa: F401


@pytest.fixture
def labelled(out, flags) -> Path:
    for task in (FLAGS, EMULATION, DISASSEMBLY):
        run(out, replace(flags, task=task, pairs=3))
    run(out, replace(flags, pack="units"), kinds=("function", "unit"))
    return out


@pytest.fixture
def listed(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("list") / "list.jsonl.xz"
    save_list(ProjectList((Source("calc"), Source("other"), Source("unused"))), path)
    return path


def test_rows_come_out_the_same_and_a_changed_one_is_named(labelled, capsys):
    assert verb.main([str(labelled), "--check", "4", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert len(found) == 4 and all(one["same"] == one["rows"] >= 4 for one in found)
    labels = next(one for one in label_sets(labelled) if one.options.task == EMULATION)
    rows = labels.project_rows("calc")
    rows[0]["characters"] = (rows[0]["characters"] or 0) + 1
    write_rows(table_path(labels.folder, "calc"), schema_of(EMULATION), rows)
    assert verb.main([str(labelled), "--check", "100", "--task", "emulation"]) == 100
    told = capsys.readouterr().out
    assert "14 of 15 rows came out the same" in told and ": characters" in told


def test_a_snapshot_gives_split_and_labels_again(labelled, listed, corpus, tmp_path_factory):
    make_split(labelled, SplitConfig())
    folder, again = (tmp_path_factory.mktemp(name) for name in ("snapshot", "again"))
    done = publish(labelled, folder, listed)
    assert done.projects == 2 and sum(done.rows.values()) == 5 + 15 + 20 + 7
    for name in ("units", "functions", "projects.jsonl"):
        (again / name).symlink_to(corpus / name)
    found = rebuild(again, folder)
    assert found.whole and (found.same, found.restored) == (2, found.rows)
    for labels in label_sets(labelled):
        copy = LabelSet(again, set_folder(again, labels.options))
        assert copy.options == labels.options and list(copy.rows()) == list(labels.rows())
    names = ["hash", "project", "file", "row", "split", "near_duplicate"]
    assert read_columns(again / SPLIT, names).equals(read_columns(labelled / SPLIT, names))


def test_labels_beyond_the_snapshot_stay(out, flags, listed, tmp_path_factory):
    run(out, flags, functions=1)
    folder = tmp_path_factory.mktemp("snapshot")
    published = publish(out, folder, listed).rows
    run(out, flags)
    before = list(LabelSet(out, set_folder(out, flags)).rows())
    assert rebuild(out, folder).restored == sum(published.values()) == 2 < len(before)
    assert list(LabelSet(out, set_folder(out, flags)).rows()) == before


def test_what_the_rebuilt_corpus_lacks_is_counted(labelled, listed, corpus, tmp_path_factory, capsys):
    folder, again = (tmp_path_factory.mktemp(name) for name in ("snapshot", "again"))
    assert verb.main([str(labelled), "--publish", str(folder), "--list", str(listed)]) == 0
    shutil.copytree(corpus, again, dirs_exist_ok=True)
    path = table_path(again / "functions", "other")
    table = read_columns(path, ["hash"])
    rows = read_columns(path, _all_columns(path)).to_pylist()
    write_rows(path, _schema(path), rows[1:])
    assert verb.main([str(again), "--rebuild", str(folder)]) == 100
    told = capsys.readouterr().out
    assert "1 projects as published, 1 differ: other" in told and f"{table.num_rows}" in told
    same, differing = compare(corpus, again)
    assert same == 1 and differing[0].functions == (1, 0)


def _schema(path: Path):
    import pyarrow.parquet

    return pyarrow.parquet.read_schema(path)


def _all_columns(path: Path) -> list[str]:
    return _schema(path).names


def test_a_damaged_snapshot_and_a_short_list_are_one_line(labelled, listed, tmp_path, tmp_path_factory):
    folder = tmp_path_factory.mktemp("snapshot")
    publish(labelled, folder, listed)
    (folder / "subjects.parquet").write_bytes(b"x")
    with pytest.raises(OzmaError, match="subjects.parquet is missing or damaged"):
        rebuild(labelled, folder)
    (folder / MANIFEST).write_text("{}")
    with pytest.raises(OzmaError, match="no snapshot of labels"):
        rebuild(labelled, folder)
    save_list(ProjectList((Source("calc"),)), listed)
    (folder / MANIFEST).write_text("{}")
    with pytest.raises(OzmaError, match="lacks 1 projects of the corpus, other"):
        publish(labelled, folder, listed)
    assert (folder / MANIFEST).read_text() == "{}"  # what was published is there still
    assert not list(folder.parent.glob(".*.part"))
    with pytest.raises(OzmaError, match="holds something else"):
        publish(labelled, labelled, listed)
    with pytest.raises(OzmaError, match="no list of projects"):
        verb.main([str(labelled), "--publish", str(folder)])


OPTIONS = LabelOptions(FLAGS, "19.1.7", 19, lists=("a",))
sizes = st.one_of(st.just(MISSING), st.integers(0, 1 << 30))


@given(st.data(), st.integers(0, 3), st.booleans())
def test_sizes_are_packed_without_loss(data, width, own):
    lists = data.draw(st.integers(1, 4))

    def many(count):
        return data.draw(st.lists(sizes, min_size=count, max_size=count))

    totals = many(lists)
    row = dict.fromkeys(schema_of(FLAGS).names) | {
        "hash": "00", "symbol": "s0" if own else "t", "problem": "", "failures": [],
        "base_total": 70, "base_loadable": 75, "base_instructions": 9, "distinct": 2,
        "totals": totals, "counts": many(lists),
        "loadables": [MISSING if one == MISSING else one + 3 for one in totals],
        "symbols": [f"s{i}" for i in range(width)], "base_symbol_sizes": list(range(width)),
        "symbol_sizes": many(lists * width), "best": -1, "best_total": 70,
    }  # fmt: skip
    packer = Packer(OPTIONS, None)
    identity = {name: row[name] for name in
                ("hash", "kind", "project", "file", "symbol", "language", "instructions")}  # fmt: skip
    assert packer.unpack(packer.pack(row, 5), identity) == row
