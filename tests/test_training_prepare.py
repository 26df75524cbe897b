"""From corpus and labels to documents: every stage, each text as the prompts and answers say."""

from __future__ import annotations

import json

import pytest

pytest.importorskip("torch")
pytest.importorskip("llguidance")

from ozma.cli.train import main
from ozma.errors import OzmaError
from ozma.labels.options import FLAGS, LabelOptions
from ozma.llvm import Worker
from ozma.model.tokenizer import Tokenizer
from ozma.model.training.data import TrainingData
from ozma.model.training.examples import ExampleOptions
from ozma.model.training.prepare import PrepareOptions, prepare
from ozma.model.training.recipes import TASKS
from ozma.tasks.question import SKETCH, Question, read_question

from labels_support import LISTS, corpus, flags, no_worker_left, out, run, subjects  # noqa: F401
from training_support import byte_tokenizer


@pytest.fixture
def tokenizer(tmp_path):
    path = tmp_path / "bytes.json"
    path.write_text(byte_tokenizer())
    return path


def prepared(out, data, tokenizer, *words) -> TrainingData:
    given = ["--tokenizer", str(tokenizer), "--window", "30000", *words]
    assert main(["prepare", str(out), str(data), *given]) == 0
    return TrainingData(data)


def documents(data: TrainingData, task: str) -> list[str]:
    found = data.shards("train", task)
    places = (found.locate(index) for index in range(len(found)))
    return [data.codec.decode(shard.document(place)) for shard, place in places]


def test_all_stages_come_of_labelled_functions(out, flags, tokenizer, tmp_path, capsys):
    run(out, flags)
    data = prepared(out, tmp_path / "data", tokenizer, "--views", "3", "--pairs", "2", "--levels", "2")
    assert "train flags documents: 5" in capsys.readouterr().out
    texts = {task: documents(data, task) for task in TASKS}
    assert {task: len(found) for task, found in texts.items()} == {
        "pretraining": 15, "emulation": 15, "flags": 5, "disassembly": 10,
    }  # fmt: skip
    assert all(text.endswith(" [/INST] opt -p '") for text in texts["flags"])
    assert all("when optimized using opt -p '" in text for text in texts["emulation"])
    assert all(text.endswith("</code>") for text in texts["disassembly"])
    assert data.lists[1:] == LISTS and len(data.codec.ids) == 1 + len(LISTS)
    shard, _ = data.shards("train", "flags").locate(0)
    assert shard.tables["sizes"].shape == (5, 1 + len(LISTS)) and (shard.tables["before"] > 0).all()


def test_a_question_may_show_a_sketch_and_its_folder_says_so(out, flags, tokenizer, tmp_path):
    run(out, flags)
    asked = Question(SKETCH, 60)
    for least, count in ((0, 5), (10**6, 0)):
        examples = ExampleOptions(views=0, pairs=0, known_pairs=0, levels=0, question=asked)
        folder = tmp_path / f"data{least}"
        options = PrepareOptions(examples, window=30000, least=least)
        list(prepare(out, folder, Tokenizer.load(tokenizer), options))
        texts = documents(TrainingData(folder), "flags")
        assert len(texts) == count and read_question(folder) == asked
        for text in texts:
            code = text.split("<code>")[1].split("</code>")[0]
            assert code.startswith("define\n") and "%" not in code and len(code) <= 60 + 4


def test_known_lists_are_one_token_in_emulation_too(out, flags, tokenizer, tmp_path):
    run(out, flags)
    data = prepared(out, tmp_path / "data", tokenizer, "--pairs", "0", "--known-pairs", "2")
    found = data.shards("train", "emulation")
    for index in range(len(found)):
        shard, place = found.locate(index)
        assert sum(token in data.codec.ids for token in shard.document(place)) == 1


def test_a_corpus_without_labels_has_no_flags_stage(out, tokenizer, tmp_path):
    data = prepared(out, tmp_path / "data", tokenizer)
    assert not len(data.shards("train", "flags")) and len(data.shards("train", "pretraining")) == 5
    assert data.facts["labels"] is None and not data.lists


def test_what_is_too_long_is_counted_and_the_same_data_come_again(out, flags, tokenizer, tmp_path):
    run(out, flags)
    one = prepared(out, tmp_path / "one", tokenizer, "--window", "900")
    assert one.facts["counts"]["skipped: longer than the window, flags"] > 0
    two = prepared(out, tmp_path / "two", tokenizer, "--window", "900", "-j", "2")
    assert two.facts["counts"] == one.facts["counts"]
    assert all(documents(one, task) == documents(two, task) for task in TASKS)


def test_data_are_never_mixed_into_an_old_folder(out, tokenizer, tmp_path):
    prepared(out, tmp_path / "data", tokenizer)
    with pytest.raises(OzmaError, match="is not empty"):
        prepared(out, tmp_path / "data", tokenizer)
    assert json.loads((tmp_path / "data" / "data.json").read_text())["lists"] == []


def test_the_warning_says_why_there_is_nothing_to_train_on(out, tokenizer, tmp_path, capsys):
    words = ["prepare", str(out), "--tokenizer", str(tokenizer)]
    assert main([*words[:2], str(tmp_path / "a"), *words[2:], "--window", "5"]) == 0
    assert "all documents of the train group were left out; try a larger --window" in (
        capsys.readouterr().err
    )
    none = ["--views", "0", "--pairs", "0", "--known-pairs", "0", "--levels", "0"]
    assert main([*words[:2], str(tmp_path / "b"), *words[2:], *none]) == 0
    assert "no stage but flags is wanted" in capsys.readouterr().err


def test_documents_are_made_by_the_release_of_the_labels(each_toolchain, out, tokenizer, tmp_path, monkeypatch):
    made = []
    monkeypatch.setattr(
        "ozma.model.training.prepare.Worker",
        lambda toolchain, timeout: made.append(toolchain.major) or Worker(toolchain, timeout),
    )
    labels = LabelOptions(FLAGS, each_toolchain.version, each_toolchain.major, lists=LISTS, pack="test")
    run(out, labels)
    prepared(out, tmp_path / "data", tokenizer)
    assert set(made) == {each_toolchain.major}
