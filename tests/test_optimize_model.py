"""The shipped model in `optimize`, `cc` and `emulate`: it orders lists, and decides nothing else."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

np = pytest.importorskip("numpy")
pytest.importorskip("llguidance")

from ozma.cli import main
from ozma.errors import OzmaError
from ozma.llvm import Worker
from ozma.llvm.clang import run_clang
from ozma.model.generate.answer import TokenAnswerer
from ozma.model.generate.backend import ContextOverflow
from ozma.model.pack_ranker import PackRanker
from ozma.model.shipped import DISASSEMBLER, SHIPPED
from ozma.model.tokenizer import Tokenizer
from ozma.model.weights import read_weights, write_weights
from ozma.optimize.pack import shipped_pack
from ozma.optimize.rank import ModelAdvisor, fingerprint, make_advisor
from ozma.tasks.question import SKETCH, Question

SMALL = "int twice(int x) { return x + x; }\n"
LONG = "".join(
    f"int f{n}(int *p, int n) {{ int s = {n}; for (int i = 0; i < n; i++) s += p[i] * {n}; return s; }}\n"
    for n in range(40)
)


@pytest.fixture(scope="module")
def lists(toolchain):
    return [entry.passes for entry in shipped_pack(toolchain.major).lists]


@pytest.fixture(scope="module")
def advisor(toolchain):
    return ModelAdvisor(toolchain, functions=3)


def bitcode(toolchain, folder: Path, text: str) -> bytes:
    source = folder / "unit.c"
    source.write_text(text)
    words = ["-Oz", "-Xclang", "-disable-llvm-passes", "-emit-llvm", "-c"]
    return run_clang(toolchain, words, source)


@pytest.mark.parametrize("text, said", [(SMALL, "whole module"), (LONG, "3 of 40 functions")])
def test_model_orders_the_lists_and_loses_none(toolchain, advisor, lists, tmp_path, text, said):
    module = bitcode(toolchain, tmp_path, text)
    with Worker(toolchain) as worker:
        advice = advisor(worker, module, lists)
        again = advisor(worker, module, lists)
    assert sorted(advice.lists) == sorted(lists)
    assert advice == again
    assert list(advice.lists) != lists
    assert said in advice.said


def test_lists_keep_their_order_when_the_model_cannot_be_asked(toolchain, advisor, lists, tmp_path):
    huge = "int f(int x) {" + "x = x * 3 + 1; if (x % 7) x ^= 5;" * 800 + "return x; }"
    with Worker(toolchain) as worker:
        advice = advisor(worker, bitcode(toolchain, tmp_path, huge), lists)
    assert list(advice.lists) == lists
    assert "0 of 1 functions" in advice.said


class FullWindow:
    """An answerer whose window the prompt fills to the last token."""

    known_lists = ()

    def texts(self, texts, ends):
        return texts

    def state(self, prompt):
        return prompt

    def ranked(self, state, texts):
        raise ContextOverflow("one token too many")


def test_prompt_that_leaves_no_room_for_an_answer_ranks_nothing():
    assert PackRanker(FullWindow(), ["a", "b"], Question(SKETCH)).rank("any") == []


def test_folder_without_a_model_is_refused(toolchain, tmp_path, capsys):
    with pytest.raises(OzmaError, match="holds no model"):
        ModelAdvisor(toolchain, tmp_path)
    source = tmp_path / "a.c"
    source.write_text(SMALL)
    assert main(["optimize", str(source), "--model", str(tmp_path)]) == OzmaError.exit_code
    assert "Traceback" not in capsys.readouterr().err


def test_optimize_ranked_by_the_model_is_never_larger(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("a.c").write_text(LONG)
    assert main(["optimize", "a.c", "-o", "a.o", "--rank", "model", "--budget", "4", "--json"]) == 0
    (facts,) = json.loads(capsys.readouterr().out)["files"]
    assert facts["order"].startswith("asked about")
    assert facts["compiles"] <= 4
    assert facts["ours"] <= facts["clang"]


def test_cc_keeps_results_of_models_apart(tmp_path):
    source = tmp_path / "a.c"
    source.write_text(SMALL)
    words = [sys.executable, "-m", "ozma", "cc", f"--ozma-cache={tmp_path / 'cache'}", "-Oz", "-c"]
    for model in ([], ["--ozma-model=shipped"]):
        command = [*words, *model, str(source), "-o", str(tmp_path / "a.o")]
        subprocess.run(command, check=True, cwd=tmp_path)
    lines = (tmp_path / "cache" / "records.jsonl").read_text().splitlines()
    assert [json.loads(line)["cached"] for line in lines] == [False, False]


def test_fingerprint_follows_the_files(tmp_path):
    (tmp_path / "config.json").write_text("{}")
    before = fingerprint(tmp_path)
    (tmp_path / "config.json").write_text("{} ")
    assert fingerprint(tmp_path) != before


def test_emulate_predicts_and_checks(tmp_path, capsys):
    source = tmp_path / "a.c"
    source.write_text(SMALL)
    words = ["emulate", str(source), "--passes", "function(sroa)", "--max-tokens", "300"]
    assert main(words) == 0
    assert "not checked" in capsys.readouterr().err
    code = main([*words, "--check", "--json"])
    facts = json.loads(capsys.readouterr().out)
    assert facts["truth"].startswith("target x86_64")
    assert facts["same"] is (code == 0)


@pytest.mark.parametrize("folder", [SHIPPED, DISASSEMBLER], ids=lambda folder: folder.name)
def test_shipped_models_have_a_card_with_their_command(folder):
    card = (folder / "README.md").read_text()
    assert "ozma train run" in card


def damaged(folder: Path) -> Path:
    """The shipped model whose embeddings are no numbers."""
    for file in SHIPPED.iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    weights = read_weights(SHIPPED)
    weights["model.embed_tokens.weight"][:] = np.nan
    write_weights(folder, weights, "f16")
    return folder


def test_damaged_weights_do_not_order_lists_in_silence(tmp_path, capsys):
    source = tmp_path / "a.c"
    source.write_text(SMALL)
    model = tmp_path / "model"
    model.mkdir()
    words = ["optimize", str(source), "-o", str(tmp_path / "a.o"), "--model", str(damaged(model))]
    assert main(words) == OzmaError.exit_code
    assert "the model's output is not a number" in capsys.readouterr().err


def test_lists_of_another_tokenizer_are_refused(tmp_path):
    for file in SHIPPED.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    (tmp_path / "tokenizer.json").write_text(Tokenizer.load().json_text)
    with pytest.raises(OzmaError, match="lists.json and tokenizer.json do not belong together"):
        TokenAnswerer.load(tmp_path)


def test_a_model_that_knows_none_of_the_lists_is_said():
    with pytest.raises(OzmaError, match="knows none of the 1 lists"):
        PackRanker(TokenAnswerer.load(SHIPPED), ["function(nosuch)"])


def test_a_model_that_would_not_be_asked_is_refused(toolchain):
    with pytest.raises(OzmaError, match="--rank trees asks no --model"):
        make_advisor("trees", toolchain, model=SHIPPED)
    with pytest.raises(OzmaError, match="--rank model asks no --trees"):
        make_advisor("model", toolchain, trees=Path("t.npz"))


@pytest.mark.parametrize(
    "words, message",
    [
        (["--max-tokens", "0"], "--max-tokens is 0; give 1 or more"),
        (["--model", "m", "--endpoint", "http://x"], "not allowed with argument"),
        (["--endpoint", "http://127.0.0.1:999999/v1"], "is no endpoint"),
        (["--model", "nosuch"], "cannot read nosuch/tokenizer.json: No such file"),
        (["--max-tokens", "1"], "the model's answer holds no code"),
    ],
)
def test_emulate_says_in_one_line_what_is_wrong(tmp_path, capsys, words, message):
    source = tmp_path / "a.c"
    source.write_text(SMALL)
    assert main(["emulate", str(source), "--passes", "function(sroa)", *words]) == 100
    told = capsys.readouterr().err
    assert told.count("\n") == 1 and message in told


def test_prompt_sends_assembly_byte_for_byte(tmp_path, capfdbinary):
    source = tmp_path / "a.s"
    source.write_bytes(b"\t.ascii \"\xff\x00</code>\"\n")
    assert main(["prompt", str(source), "--task", "disassemble"]) == 0
    assert b"\xff\x00</code>" in capfdbinary.readouterr().out
