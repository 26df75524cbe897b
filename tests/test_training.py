"""Training: documents of all stages, one loss whatever the machine, exact resume after a kill."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import replace
from itertools import product
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")
np = pytest.importorskip("numpy")

from hypothesis import given, settings
from hypothesis import strategies as st

from ozma.cli.train import main
from ozma.errors import OzmaError
from ozma.model.card import model_card, read_log
from ozma.model.hf import export_model, load_model
from ozma.model.llama import Llama
from ozma.model.training import checkpoint
from ozma.model.training.interrupt import Interrupt
from ozma.model.training.choice import CHOICES, Choice, cheapest
from ozma.model.training.data import Mixture, TrainingData, groups_of
from ozma.model.training.distributed import Computing, World
from ozma.model.training.judge import gains_of
from ozma.model.training.loop import Training
from ozma.model.training.recipes import RECIPES, TASKS, continued, debug_cpu, overridden
from ozma.model.training.schedule import Budget, rate_factor, stage_at, stages_of
from ozma.model.training.targets import SoftTarget, bytes_left

from training_support import LISTS, TINY, tiny, write_data

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")
ALONE = World(0, 1, torch.device("cpu"))


@pytest.fixture(autouse=True)
def one_thread():
    """Sums in one order: losses can be compared to the bit."""
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return write_data(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def data(folder) -> TrainingData:
    return TrainingData(folder)


def losses(out: Path) -> dict[int, float]:
    return {line["step"]: line["loss"] for line in read_log(out / "log.jsonl") if "loss" in line}


# --- recipes


def test_every_recipe_can_be_made_and_overridden():
    for make in RECIPES.values():
        recipe = overridden(make(), ["steps=5", "hidden_size=640", "recompute=true", "shares=1,0,0,2"])
        assert (recipe.steps, recipe.hidden_size, recipe.shares) == (5, 640, (1.0, 0.0, 0.0, 2.0))
        assert recipe.intermediate_size == 1696


@pytest.mark.parametrize(
    "setting, word",
    [
        ("width=3", "hidden_size"), ("steps=many", "steps"), ("steps=0", "steps"),
        ("precision=int3", "precision"), ("shares=1,2", "shares"), ("ties=none", "ties"),
        ("hidden_size=250", "hidden_size"), ("kept=1", "kept"), ("recompute=maybe", "recompute"),
        ("minutes=nan", "minutes"), ("shares=nan,1,1,1", "shares"), ("rate=inf", "rate"),
        ("seed=-1", "seed"), ("beta1=2", "beta1"), ("check_documents=0", "check_documents"),
        ("muon_rate=-1", "muon_rate"), ("save_minutes=-1", "save_minutes"),
    ],
)  # fmt: skip
def test_a_setting_that_cannot_be_is_named(setting, word):
    with pytest.raises(ValueError, match=word):
        overridden(debug_cpu(), [setting])


def test_the_paper_s_recipes_have_the_paper_s_figures():
    recipe = RECIPES["llm_compiler_13b"]()
    assert (recipe.rate, recipe.warmup, recipe.batch_tokens) == (2e-5, 1000, 4 << 20)
    assert (recipe.beta1, recipe.beta2, recipe.max_position_embeddings) == (0.9, 0.95, 16384)
    assert recipe.config(32000).parameters() // 10**9 == 13 and recipe.kept == 0.15


# --- budget


def test_stages_keep_a_part_of_what_came_before():
    stages = stages_of(tiny("shares=0.25,0.25,0.25,0.25"), TASKS)
    assert [stage.name for stage in stages] == list(TASKS) and stages[-1].end == 1
    shares = {"pretraining": 0.05, "emulation": 0.05, "flags": 0.05, "disassembly": 0.85}
    assert stages[3].shares == pytest.approx(shares)
    assert [stage_at(stages, f) for f in (0, 0.3, 0.99, 2)] == [0, 1, 3, 3]


def test_a_stage_without_data_gives_its_budget_to_the_others():
    stages = stages_of(tiny("shares=0.5,0.1,0.4,0"), ("pretraining", "flags"))
    assert [(s.name, round(s.end, 3)) for s in stages] == [("pretraining", 0.556), ("flags", 1.0)]
    with pytest.raises(ValueError, match="shares"):
        stages_of(tiny("shares=1,0,0,0"), ("flags",))


def test_the_rate_warms_up_and_falls_to_its_end():
    recipe = tiny("warmup=10")
    assert rate_factor(recipe, 0.0, 0) == pytest.approx(0.1)
    assert rate_factor(recipe, 0.5, 50) == pytest.approx((1 + 1 / 30) / 2)
    assert rate_factor(recipe, 1.0, 100) == pytest.approx(1 / 30)


def test_minutes_end_a_training_before_its_steps():
    budget = Budget(tiny("minutes=2", "steps=100"), step=10, seconds=90)
    assert budget.fraction == 0.75 and not budget.over
    budget.seconds = 120
    assert budget.over and Budget(tiny("steps=100"), step=100).over


# --- targets of flag tuning


def test_weights_favour_small_code_and_leave_out_what_is_larger_or_failed():
    sizes = np.array([100, 80, 81, 120, -1, 100])
    weights = SoftTarget(temperature=0.01).weights(sizes, [10] * 6)
    assert weights.sum() == pytest.approx(1) and weights[3] == weights[4] == 0
    assert weights[1] / weights[2] == pytest.approx(np.e)  # a byte more, at T = 1 byte
    assert weights[5] == weights[0] < 1e-8


@pytest.mark.parametrize("ties, place", [("shortest", 2), ("first", 1)])
def test_one_list_may_speak_for_all_of_its_size(ties, place):
    sizes, lengths = np.array([100, 80, 80, 80]), [9, 30, 5, 20]
    weights = SoftTarget(0.0, ties=ties).weights(sizes, lengths)
    assert weights.argmax() == place and weights[place] == pytest.approx(1)


@given(st.lists(st.integers(-1, 500), min_size=1, max_size=12), st.floats(0, 1))
def test_weights_are_probabilities_of_lists_no_larger_than_oz(others, temperature):
    sizes = np.array([100, *others])
    weights = SoftTarget(temperature).weights(sizes, [1] * len(sizes))
    assert weights.sum() == pytest.approx(1) and (weights[(sizes < 0) | (sizes > 100)] == 0).all()
    usable = sizes >= 0
    assert weights[sizes == sizes[usable].min()].min() == weights.max()


def test_bytes_left_never_exceed_the_backup():
    sizes = np.array([100, 120, -1, 70])
    assert [bytes_left(sizes, [1, 2, 3, 0], k) for k in (1, 2, 3)] == [100, 100, 70]
    gains = gains_of([sizes], [[1, 2, 3, 0]])
    assert gains["gain first list"] == pytest.approx(-20) and gains["gain best"] == pytest.approx(30)


def test_costs_are_bytes_above_the_best_list_and_never_above_oz():
    costs = SoftTarget(0.01).costs(np.array([200, 160, 180, 900, -1]))
    assert costs == pytest.approx([2.0, 0.0, 1.0, 2.0, 2.0])  # in units of 10 T = 20 bytes


@given(st.lists(st.floats(0, 5), min_size=2, max_size=6), st.integers(1, 3))
@settings(max_examples=50)
def test_the_cheapest_of_some_draws_is_what_trying_all_draws_gives(costs, tries):
    odds = torch.linspace(1, 2, len(costs), dtype=torch.float64)
    odds /= odds.sum()
    values = torch.tensor(costs, dtype=torch.float64)
    expected = sum(
        float(odds[list(draw)].prod()) * min(costs[i] for i in draw)
        for draw in product(range(len(costs)), repeat=tries)
    )
    assert cheapest(odds[None], values[None], tries).item() == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("kind", CHOICES)
def test_every_choice_prefers_the_better_list(kind):
    table = torch.tensor([[0.0, 2.0]]) if kind == "bytes" else torch.tensor([[1.0, 0.2]])
    choice = Choice(kind, torch.tensor([1]), table, first=3, weight=2.0)
    hidden, head = torch.zeros(3, 4), torch.zeros(5, 4)
    hidden[1, 0] = 1.0
    losses = []
    for better in (3, 4):
        head.zero_()[better, 0] = 4.0
        losses.append(choice(hidden, head).item())
    assert losses[0] < losses[1]


# --- data


def test_flag_documents_ask_for_the_odds_of_all_lists_at_once(data):
    examples = Mixture(data, tiny("temperature=0.5", "choice=shared")).examples["flags"]
    document, question = examples.document(1, np.random.default_rng(0)), len(examples.prompt(1))
    assert document.choice_place == question - 1 and document.places.min() == question
    assert document.choice.sum() == pytest.approx(1) and (document.choice > 0).sum() == 2
    passes = LISTS[int(document.tokens[question]) - data.codec.first]
    text = data.codec.decode(document.tokens)
    assert text.startswith("[INST] Tell me how to optimize") and f"opt -p '{passes}'\n\n" in text
    assert "instruction count 50 and binary size 200 bytes. The output" in text


def test_a_function_that_can_shrink_comes_more_often(data):
    once, thrice = (Mixture(data, tiny(f"gaining={n}")).examples["flags"] for n in (1, 3))
    assert (len(once), len(thrice)) == (40, 100)  # a quarter of them gains nothing


def test_lists_that_are_spelled_out_are_drawn_by_their_odds(tmp_path):
    data = TrainingData(write_data(tmp_path, single=False))
    examples = Mixture(data, tiny("temperature=1.0")).examples["flags"]
    rng = np.random.default_rng(0)
    texts = [data.codec.decode(examples.document(1, rng).tokens) for _ in range(200)]
    share = sum("opt -p 'function(sroa)'" in text for text in texts) / 200
    expected = SoftTarget(1.0).weights(examples.tables(1)["sizes"], [1] * 4)[1]
    assert share == pytest.approx(expected, abs=0.1)


def test_only_answers_are_learnt_of_tasks_and_all_of_pretraining(data):
    mixture = Mixture(data, tiny())
    asked = mixture.examples["emulation"].document(0, np.random.default_rng(0))
    assert asked.places[0] == 9 and (asked.weights == 1).all()
    whole = mixture.examples["pretraining"].document(0, np.random.default_rng(0))
    assert whole.places[0] == 0 and len(whole.places) == len(whole)


def test_every_document_comes_once_an_epoch(data):
    mixture = Mixture(data, tiny())
    seen: list[bytes] = []
    for step in range(100):
        before = mixture.cursors["emulation"]
        batch = mixture.batch(step, {"emulation": 1.0})
        assert sum(map(len, batch)) <= 512 and mixture.cursors["emulation"] == before + len(batch)
        seen += [document.tokens.tobytes() for document in batch]
    once = {mixture.examples["emulation"].document(i, None).tokens.tobytes() for i in range(40)}
    assert set(seen[:40]) == once


@given(st.lists(st.integers(1, 90), max_size=30), st.integers(1, 4))
@settings(max_examples=50)
def test_groups_hold_every_document_once_and_ranks_are_in_step(lengths, ranks):
    groups = groups_of([[0] * length for length in lengths], 100, ranks)
    assert len({len(rank) for rank in groups}) <= 1 and len(groups) == ranks
    parts = [group for rank in groups for group in rank]
    assert sorted(len(one) for group in parts for one in group) == sorted(lengths)
    assert all(sum(map(len, group)) <= 100 for group in parts)


def test_a_folder_that_is_no_data_is_one_clear_error(tmp_path, folder):
    with pytest.raises(OzmaError, match="holds no training data"):
        TrainingData(tmp_path)
    copy = write_data(tmp_path / "copy")
    shard = copy / "train" / "flags" / "00000.tokens.npy"
    shard.write_bytes(shard.read_bytes()[:100])
    with pytest.raises(OzmaError, match=r"tokens.npy cannot be read"):
        Mixture(TrainingData(copy), tiny())


@pytest.mark.parametrize(
    "lost, message",
    [
        ("train/flags/00000.sizes.npy", "do not fit each other"),
        ("train/emulation/00000.starts.npy", "starts.npy cannot be read"),
    ],
)
def test_a_part_that_is_lost_is_no_smaller_training(tmp_path, lost, message):
    copy = write_data(tmp_path / "copy")
    (copy / lost).unlink()
    with pytest.raises(OzmaError, match=message):
        Mixture(TrainingData(copy), tiny())


@pytest.mark.parametrize("facts", [[], {}, {"lists": []}])
def test_facts_that_are_damaged_are_said(tmp_path, facts):
    copy = write_data(tmp_path / "copy")
    (copy / "data.json").write_text(json.dumps(facts))
    with pytest.raises(OzmaError, match="data.json is damaged"):
        TrainingData(copy)


def test_lists_that_are_lost_are_not_spelled_instead(tmp_path):
    copy = write_data(tmp_path / "copy")
    facts = json.loads((copy / "data.json").read_text()) | {"options": {"list_tokens": True}}
    (copy / "data.json").write_text(json.dumps(facts))
    (copy / "lists.json").unlink()
    with pytest.raises(OzmaError, match="has lost its lists.json"):
        TrainingData(copy)


def test_a_spelled_list_has_room_in_the_window(tmp_path):
    """Whatever list is drawn: a document longer than the window ends the training."""
    copy = write_data(tmp_path / "copy", single=False)
    facts = json.loads((copy / "data.json").read_text())
    facts["lists"] = [*facts["lists"][:3], "globaldce" + ",globaldce" * 40]
    (copy / "data.json").write_text(json.dumps(facts))
    assert "flags" in Mixture(TrainingData(copy), tiny("batch_tokens=1024", "micro_tokens=1024", "max_position_embeddings=1024")).examples
    assert "flags" not in Mixture(TrainingData(copy), tiny()).examples


# --- the loop


def test_debug_cpu_learns_and_gives_the_golden_losses(folder, tmp_path):
    """The figures are this test's record: a change of them is a change of the training."""
    recipe = overridden(debug_cpu(), ["steps=30", "log_every=10", "check_every=1000", "warmup=3"])
    result = Training(recipe, TrainingData(folder), tmp_path, ALONE).run()
    golden = json.loads(Path(__file__).with_name("golden_losses.json").read_text())
    assert list(losses(tmp_path).values()) == pytest.approx(golden["losses"], rel=2e-3)
    assert result.checked["validation pretraining"] < 3 < golden["losses"][0]


@pytest.mark.parametrize("choice", CHOICES)
def test_the_choice_of_lists_is_learnt(folder, tmp_path, choice):
    recipe = tiny(f"choice={choice}", "steps=80", "shares=0,0,1,0", "rate=0.003", "list_weight=100")
    result = Training(recipe, TrainingData(folder), tmp_path, ALONE).run()
    assert result.checked["gain best"] == pytest.approx(30)
    assert result.checked["gain 1"] == pytest.approx(30)


@pytest.mark.parametrize("optimizer", ["adamw", "muon"])
def test_bf16_and_either_optimizer_train(folder, tmp_path, optimizer):
    recipe = tiny("precision=bf16", f"optimizer={optimizer}", "steps=12", "log_every=1", "rate=0.01")
    Training(recipe, TrainingData(folder), tmp_path, ALONE).run()
    found = list(losses(tmp_path).values())
    assert found[0] > 5 > found[2]
    assert list((tmp_path / "tensorboard").iterdir()) or True


def run_words(folder: Path, out: Path, *more: str) -> list[str]:
    settings = [word for one in (*TINY, *more) for word in ("--set", one)]
    return ["run", str(folder), "--out", str(out), "--recipe", "debug_cpu", *settings]


def test_a_killed_training_goes_on_to_the_bit(folder, tmp_path):
    """kill -9 in the middle; the same command gives the losses of a training never killed."""
    words = ("steps=40", "log_every=1", "save_minutes=0.0")
    Training(tiny(*words), TrainingData(folder), tmp_path / "whole", ALONE).run()
    out = tmp_path / "killed"
    code = "import sys; from ozma.cli.train import main; sys.exit(main(sys.argv[1:]))"
    command = [sys.executable, "-c", code, *run_words(folder, out, *words), "--threads", "1"]
    running = subprocess.Popen(command, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    while not len(losses(out)) > 5:
        assert running.poll() is None
        time.sleep(0.02)
    running.send_signal(signal.SIGKILL)
    running.wait()
    killed = losses(out)
    assert 5 < len(killed) < 40 and len(checkpoint.checkpoints(out)) <= 3
    Training(tiny(*words), TrainingData(folder), out, ALONE).run()
    assert losses(out) == losses(tmp_path / "whole")
    assert len(checkpoint.checkpoints(out)) == 2


@pytest.fixture
def ctrl_c():
    """As in a terminal: tests in the background inherit that it is ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield signal.SIGINT
    assert signal.signal(signal.SIGINT, before) is signal.default_int_handler


def test_ctrl_c_loses_no_step_and_goes_on_to_the_bit(folder, tmp_path, capsys, ctrl_c):
    whole = Training(tiny(), TrainingData(folder), tmp_path / "whole", ALONE).run()
    cut = Training(tiny(), TrainingData(folder), tmp_path / "cut", ALONE)
    batch = cut.mixture.batch

    def interrupted(step, shares):
        if step == 3:
            os.kill(os.getpid(), ctrl_c)
        return batch(step, shares)

    cut.mixture.batch = interrupted
    with pytest.raises(KeyboardInterrupt):
        cut.run()
    assert "step 4 is saved" in capsys.readouterr().err
    again = Training(tiny(), TrainingData(folder), tmp_path / "cut", ALONE)
    assert again.budget.step == 4 and again.run().loss == whole.loss


def test_a_background_job_is_not_interrupted(ctrl_c):
    signal.signal(ctrl_c, signal.SIG_IGN)
    with Interrupt() as interrupt:
        os.kill(os.getpid(), ctrl_c)
    assert not interrupt.asked
    signal.signal(ctrl_c, signal.default_int_handler)


def test_a_damaged_checkpoint_is_passed_over(folder, tmp_path, capsys):
    recipe = tiny("log_every=1", "save_minutes=0.0")
    Training(recipe, TrainingData(folder), tmp_path, ALONE).run()
    older, newer = checkpoint.checkpoints(tmp_path)
    newer.write_bytes(newer.read_bytes()[:1000])
    assert checkpoint.newest(tmp_path, print)["step"] == 7
    assert "damaged and passed over" in capsys.readouterr().out
    older.write_bytes(b"")
    with pytest.raises(OzmaError, match="all checkpoints"):
        checkpoint.newest(tmp_path, print)


def test_another_recipe_does_not_go_on(folder, tmp_path):
    data = TrainingData(folder)
    Training(tiny(), data, tmp_path, ALONE).run()
    with pytest.raises(OzmaError, match="begun with rate=0.003, not 0.1"):
        Training(tiny("rate=0.1"), data, tmp_path, ALONE)
    Training(tiny("steps=9"), data, tmp_path, ALONE).run()


def test_losses_that_are_no_numbers_end_the_training(folder, tmp_path, capsys):
    training = Training(tiny("steps=50"), TrainingData(folder), tmp_path, ALONE)
    with torch.no_grad():
        training.computing.model.lm_head.weight.fill_(float("nan"))
    with pytest.raises(OzmaError, match="loss is nan, .* 5 steps in a row"):
        training.run()
    assert "left out" in capsys.readouterr().err


def test_a_tokenizer_larger_than_the_model_is_refused(folder, tmp_path):
    with pytest.raises(OzmaError, match="tokenizer"):
        Training(tiny("vocab_size=100"), TrainingData(folder), tmp_path, ALONE)


def test_a_checkpoint_of_the_published_architecture_is_continued(folder, data, tmp_path):
    """A tiny one with Code Llama's shape of config: its own widths and weights are the start."""
    model = Llama(tiny("tie_word_embeddings=false").config(data.vocabulary))
    export_model(model, tmp_path / "start", "{}", "")
    recipe = overridden(
        continued(tmp_path / "start"),
        ["steps=2", "batch_tokens=512", "micro_tokens=512", "precision=fp32", "rate=1e-12", "warmup=1"],
    )
    result = Training(recipe, data, tmp_path / "out", ALONE).run()
    before, after = model.state_dict(), result.model.state_dict()
    assert max(float((before[name] - after[name]).abs().max()) for name in before) < 1e-6


def test_a_checkpoint_with_other_constants_is_not_continued(folder, data, tmp_path):
    config = tiny("tie_word_embeddings=false").config(data.vocabulary)
    start = tmp_path / "start"
    export_model(Llama(replace(config, rms_norm_eps=1e-6)), start, "{}", "")
    with pytest.raises(OzmaError, match="start has rms_norm_eps=1e-06, the training 1e-05"):
        Training(continued(start), data, tmp_path / "out", ALONE)
    export_model(Llama(replace(config, rope_theta=1e4)), start, "{}", "")
    with pytest.raises(OzmaError, match=r"start has rope_theta=10000, the training 1e\+06"):
        Training(replace(continued(start), rope_theta=1e6), data, tmp_path / "out", ALONE)


# --- many processes


def torchrun(words: list[str], processes: int = 2) -> None:
    """What torchrun does, without its agent."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    shared = os.environ | {
        "WORLD_SIZE": str(processes), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port),
        "OMP_NUM_THREADS": "1",
    }  # fmt: skip
    code = "import sys; from ozma.cli.train import main; sys.exit(main(sys.argv[1:]))"
    running = [
        subprocess.Popen(
            [sys.executable, "-c", code, *words],
            env=shared | {"RANK": str(rank), "LOCAL_RANK": str(rank)}, stderr=subprocess.PIPE,
        )  # fmt: skip
        for rank in range(processes)
    ]
    ends = [(one.communicate(timeout=300)[1], one.returncode) for one in running]
    assert all(code == 0 for _, code in ends), ends[0][0].decode()[-2000:]


def test_two_processes_train_as_one_does(folder, tmp_path):
    """FSDP2 over gloo: same losses, same weights; and one process goes on from its checkpoint."""
    words = ("steps=6", "log_every=1", "micro_tokens=256")
    Training(tiny(*words), TrainingData(folder), tmp_path / "one", ALONE).run()
    torchrun(run_words(folder, tmp_path / "two", *words))
    one, two = losses(tmp_path / "one"), losses(tmp_path / "two")
    assert list(two.values()) == pytest.approx(list(one.values()), rel=1e-4)
    more = Training(tiny(*words, "steps=7"), TrainingData(folder), tmp_path / "two", ALONE).run()
    assert more.step == 7 and load_model(tmp_path / "two" / "model").config.hidden_size == 32


# --- the verb


def test_run_and_export_write_a_model_with_its_card(folder, tmp_path, capsys):
    assert main(run_words(folder, tmp_path / "out", "steps=3", "log_every=1")) == 0
    assert main(["export", str(tmp_path / "out"), str(tmp_path / "model"), "--storage", "q8"]) == 0
    assert "parameters as q8" in capsys.readouterr().out
    names = {path.name for path in (tmp_path / "model").iterdir()}
    assert {"config.json", "generation_config.json", "lists.json", "tokenizer.json"} <= names
    card = (tmp_path / "model" / "README.md").read_text()
    assert "ozma train run" in card and "HumanEval" in card and "validation flags" in card
    exact, small = load_model(tmp_path / "out" / "model"), load_model(tmp_path / "model")
    tokens = torch.arange(3, 100)
    with torch.no_grad():
        assert (exact(tokens, [97]) - small(tokens, [97])).abs().max() < 0.05


def test_what_is_missing_is_one_clear_line(tmp_path, folder):
    for words, message in [
        (["export", str(tmp_path), str(tmp_path / "m")], "holds no training"),
        (["run", str(tmp_path), "--out", str(tmp_path / "o")], "holds no training data"),
        (["run", str(folder), "--out", str(tmp_path / "o"), "--recipe", "huge"], "no recipe 'huge'"),
        (["run", str(folder), "--out", str(tmp_path / "o"), "--set", "rate=fast"], "rate is 'fast'"),
    ]:
        with pytest.raises(OzmaError, match=message):
            main(words)


@pytest.mark.parametrize("content", [b"hello", b"", b"\x80\x02]q\x00."])
def test_what_is_no_checkpoint_is_passed_over(tmp_path, content):
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "checkpoints" / "step-00000001.pt").write_bytes(content)
    notes = []
    with pytest.raises(OzmaError, match="all checkpoints in .* are damaged"):
        checkpoint.newest(tmp_path, notes.append)
    assert "damaged and passed over" in notes[0]


@pytest.mark.parametrize("content", ["{", "[]", '{"data": "d"}', '{"data": "d", "shares": [1], "x": 1}'])
def test_a_recipe_that_is_damaged_is_one_clear_line(tmp_path, content):
    (tmp_path / "recipe.json").write_text(content)
    with pytest.raises(OzmaError, match="recipe.json is damaged"):
        main(["export", str(tmp_path), str(tmp_path / "m")])


def test_a_model_larger_than_the_memory_is_refused_before_it_is_made(folder, tmp_path):
    with pytest.raises(OzmaError, match="GB of memory to train"):
        Training(tiny("hidden_size=10000000"), TrainingData(folder), tmp_path, ALONE)


def test_an_export_leaves_no_lists_of_another_model(tmp_path):
    (tmp_path / "lists.json").write_text("{}")
    export_model(Llama(tiny().config(300)), tmp_path, "{}", "")
    assert not (tmp_path / "lists.json").exists()


def test_the_card_of_a_continued_model_claims_no_random_weights_and_no_licence():
    recipe = {"start": "codellama"}
    card = model_card(tiny().config(300), [], recipe, {"llvm": "19", "labels": None, "counts": {"train emulation documents": 3}}, [], "f32")
    assert "it answers those for what a pass list makes of code. " in card
    assert "from the weights of codellama" in card and "license: other" in card
    assert "MIT" not in card and "random weights" not in card and "no Python" not in card


def test_tokens_that_the_model_does_not_have_are_said(tmp_path):
    copy = write_data(tmp_path / "copy")
    shard = copy / "train" / "pretraining" / "00000.tokens.npy"
    np.save(shard, np.full_like(np.load(shard), 60000))
    with pytest.raises(OzmaError, match="the data hold token 60000"):
        Training(tiny("shares=1,0,0,0"), TrainingData(copy), tmp_path / "run", ALONE).run()
