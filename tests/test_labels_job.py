"""Labelling jobs: they survive kills, full disks and lost nodes, here and on a cluster."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from ozma.cli import label as verb
from ozma.corpus.crew import Finished
from ozma.corpus.parquet import read_columns, table_path, write_rows
from ozma.corpus.split import SplitConfig
from ozma.corpus.split_files import SPLIT, function_split_schema, make_split
from ozma.corpus.store import function_schema
from ozma.errors import OzmaError
from ozma.labels import execute
from ozma.labels.chunk import chunks_of, close_workers, label_chunk
from ozma.labels.journal import Journal
from ozma.labels.label_set import LabelSet
from ozma.labels.options import SEARCH, set_folder
from ozma.labels.report import report
from ozma.labels.schemas import schema_of
from ozma.labels.subjects import Choice, choose

from labels_support import corpus, flags, no_worker_left, out, run, subjects  # noqa: F401


# --- the job -----------------------------------------------------------------------------------


def test_a_job_goes_on_where_it_stopped(out, flags):
    assert run(out, flags, functions=1).labelled == 2
    state = run(out, flags)
    assert (state.found_done, state.labelled) == (2, state.total - 2)
    assert run(out, flags).labelled == 0
    hashes = [row["hash"] for row in LabelSet(out, set_folder(out, flags)).rows(["hash"])]
    assert len(hashes) == len(set(hashes)) == state.total


def test_a_journal_drops_a_torn_line_and_repeated_subjects(tmp_path):
    schema = schema_of(SEARCH)
    journal = Journal(tmp_path, "p", schema)
    row = {"hash": "a", "problem": ""}
    assert journal.append([("a", [row]), ("b", [row | {"hash": "b"}])]) == 2
    assert journal.append([("a", [row])]) == 0
    with open(tmp_path / "p.jsonl", "ab") as file:
        file.write(b'["c", [{"hash"')
    again = Journal(tmp_path, "p", schema)
    assert again.done == {"a", "b"}
    again.finish()
    assert Journal(tmp_path, "p", schema).done == {"a", "b"}
    assert not (tmp_path / "p.jsonl").exists()


def test_a_full_disk_is_one_line(tmp_path):
    (tmp_path / "p.jsonl").symlink_to("/dev/full")
    with pytest.raises(OzmaError, match="No space left.*run the same command again"):
        Journal.append(_unread(tmp_path), [("a", [{"hash": "a"}])])


def _unread(folder: Path) -> Journal:
    """A journal that did not read its (endless) file first."""
    journal = Journal.__new__(Journal)
    journal._lines, journal._known, journal.done = folder / "p.jsonl", {}, set()
    return journal


def test_a_chunk_is_no_more_than_its_seconds(subjects, flags):
    small = replace(flags, chunk=1e-9)
    assert [len(chunk) for chunk in chunks_of(subjects, small)] == [1] * len(subjects)
    assert [len(chunk) for chunk in chunks_of(subjects, flags)] == [len(subjects)]


def test_a_killed_job_leaves_no_process_and_loses_no_row(out, flags):
    command = [sys.executable, "-m", "ozma", "label", str(out), "--task", "emulation", "--pairs", "40"]
    job = subprocess.Popen(command, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    for _ in range(200):
        if list(out.glob("labels/*/*.parquet")) or job.poll() is not None:
            break
        time.sleep(0.05)
    job.send_signal(signal.SIGKILL)
    job.wait()
    assert verb.main([str(out), "--task", "emulation", "--pairs", "40"]) == 0
    (labels,) = out.glob("labels/emulation-*")
    rows = list(LabelSet(out, labels).rows(["hash", "index"]))
    assert len(rows) == len({(row["hash"], row["index"]) for row in rows}) == 40 * 5


def test_a_lost_process_is_said_and_made_good(out, flags, monkeypatch, capsys):
    def losing(stream, options, jobs):
        for chunk in stream:
            yield Finished(chunk, None, "its worker died", lost=True)

    words = [str(out), "--task", "disassembly"]
    with monkeypatch.context() as patched:
        patched.setattr(execute, "on_this_machine", losing)
        assert verb.main(words) == 100
    assert "lost with their process" in capsys.readouterr().err
    assert verb.main(words) == 0
    with monkeypatch.context() as patched:
        patched.setattr(execute, "on_this_machine", losing)
        assert verb.main([str(out), "--check", "1"]) == 100
    assert "1 modules lost with their process" in capsys.readouterr().out


def test_rows_of_a_project_are_there_though_its_last_chunk_was_lost(out, flags):
    def losing_the_last(stream, options):
        chunks = list(stream)
        for chunk in chunks:
            lost = chunk is chunks[-1]
            yield Finished(chunk, None if lost else label_chunk(chunk, options), lost=lost)

    options = replace(flags, chunk=1e-6)
    assert run(out, options, losing_the_last).lost == 1
    labels = LabelSet(out, set_folder(out, options))
    assert len(list(labels.rows(["hash"]))) == 4
    assert run(out, options).labelled == 1 and len(list(labels.rows(["hash"]))) == 5


def test_another_release_on_a_node_is_refused(subjects, flags):
    close_workers()
    with pytest.raises(OzmaError, match="made with 1.2.3"):
        label_chunk(tuple(subjects), replace(flags, llvm="1.2.3"))


# --- the verb ----------------------------------------------------------------------------------


def test_the_verb_labels_and_reports(out, capsys):
    assert verb.main([str(out), "--task", "flags", "--functions", "1", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["labelled"] == 2
    assert verb.main([str(out), "--report", "--json"]) == 0
    (facts,) = json.loads(capsys.readouterr().out)["flags"]
    assert facts["splits"]["train"]["count"] == 2
    assert facts["curve"]["train"][-1:] in ([], [facts["splits"]["train"]["share"]])


@pytest.mark.parametrize(
    ("words", "message"),
    [([], "nothing to do"), (["--task", "flags", "--timeout", "0"], "timeout is 0"),
     (["--task", "emulation", "--pairs", "0"], "pairs is 0"),
     (["--task", "flags", "--functions", "0"], "functions is 0"), (["--report"], "no labels in"),
     (["--task", "flags", "--search", "-3"], "compiles is -3"), (["--check", "0"], "check is 0"),
     (["--task", "flags", "--search", "4", "--broadcast", "0"], "broadcast is 0"),
     (["--task", "flags", "--splits", "test"], "has no functions of test with 0 to 5000"),
     (["--task", "flags", "--least", "4000"], "has no functions of train, validation, test with")],
)  # fmt: skip
def test_bad_words_are_one_line(out, words, message):
    with pytest.raises(OzmaError, match=message):
        verb.main([str(out), *words])
    assert not list(out.glob("labels/*/*.parquet"))  # said before any work


def test_what_the_split_left_out_does_not_train(out, flags):
    run(out, flags)
    make_split(out, SplitConfig())
    rows = read_columns(out / SPLIT, function_split_schema().names).to_pylist()
    write_rows(out / SPLIT, function_split_schema(), rows[1:])
    (facts,) = report(out)["flags"]
    assert sum(one["count"] for one in facts["splits"].values()) == len(rows) - 1


def test_a_split_of_other_rows_is_named(out, corpus):
    make_split(out, SplitConfig())
    (out / "functions").unlink()
    shutil.copytree(corpus / "functions", out / "functions")
    path = table_path(out / "functions", "calc")
    names = function_schema().names
    write_rows(path, function_schema(), read_columns(path, names).to_pylist()[::-1])
    with pytest.raises(OzmaError, match="calc was built again after the split"):
        choose(out, Choice())


@pytest.mark.parametrize("damage", ["cut off", "overwritten"])
def test_a_corrupt_corpus_file_is_named_and_the_others_are_labelled(out, corpus, flags, damage, capsys):
    (out / "functions").unlink()
    shutil.copytree(corpus / "functions", out / "functions")
    path = table_path(out / "functions", "calc")
    data = bytearray(path.read_bytes())
    if damage == "cut off":
        del data[-20:]
    else:  # the table of columns is whole, the bitcode is not
        data[4 : len(data) // 2] = bytes(len(data) // 2 - 4)
    path.write_bytes(data)
    assert verb.main([str(out), "--task", "disassembly", "--json"]) == 100
    told = capsys.readouterr()
    assert json.loads(told.out)["damaged"] == ["calc"] and json.loads(told.out)["labelled"] == 2
    assert "left out calc: " in told.err and "cannot be read as Parquet" in told.err
    with pytest.raises(OzmaError, match="cannot be read as Parquet"):
        choose(out, Choice()) and run(out, flags)


class FakeRay:
    """Runs tasks at once; the first one is lost with its node, which Ray would do again."""

    class exceptions:
        RayError = type("RayError", (Exception,), {})
        RayTaskError = type("RayTaskError", (RayError,), {"cause": None})

    def __init__(self) -> None:
        self.closed = False

    def init(self, address, **_):
        if address != "local":
            raise ConnectionError(f"no cluster\nat {address}")

    def put(self, value):
        return value

    def remote(self, **_):
        return lambda function: type("Task", (), {"remote": staticmethod(lambda *a: (function, a))})

    def cluster_resources(self):
        return {"CPU": 2.0}

    def wait(self, references, timeout):
        return references[:1], references[1:]

    def get(self, reference):
        return reference[0](*reference[1])

    def shutdown(self):
        self.closed = True


def test_a_cluster_gives_the_same_rows(out, flags, monkeypatch):
    ray = FakeRay()
    monkeypatch.setattr(execute, "load_ray", lambda: ray)
    run(out, flags)
    here = list(LabelSet(out, set_folder(out, flags)).rows())
    there = replace(flags, pack="cluster", chunk=1e-9)
    state = run(out, there, lambda stream, options: execute.on_ray(stream, options, "local"))
    assert state.labelled == state.total and ray.closed
    assert list(LabelSet(out, set_folder(out, there)).rows()) == here


def test_no_cluster_and_no_ray_are_one_line(out, flags, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(OzmaError, match="pip install 'ozma"):
        verb.main([str(out), "--task", "flags", "--ray", "auto"])
    monkeypatch.setattr(execute, "load_ray", FakeRay)
    with pytest.raises(OzmaError, match="no Ray cluster at auto: no cluster"):
        verb.main([str(out), "--task", "flags", "--ray", "auto"])
