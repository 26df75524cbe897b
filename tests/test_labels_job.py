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
from ozma.corpus.parquet import table_path
from ozma.errors import OzmaError
from ozma.labels import execute
from ozma.labels.chunk import chunks_of, close_workers, label_chunk
from ozma.labels.journal import Journal
from ozma.labels.label_set import LabelSet
from ozma.labels.options import SEARCH, set_folder
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
     (["--task", "flags", "--functions", "0"], "functions is 0"), (["--report"], "no labels in")],
)  # fmt: skip
def test_bad_words_are_one_line(out, words, message):
    with pytest.raises(OzmaError, match=message):
        verb.main([str(out), *words])


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
