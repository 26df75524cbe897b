"""Sampling, constraints, ranking and answers, on tables worked out by hand and on toy models."""

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest
from generate_support import TOY, BigramTable, ids_of, random_weights

from ozma.errors import OzmaError
from ozma.model.config import LlamaConfig
from ozma.model.estimate import (
    LLM_COMPILER_7B,
    LLM_COMPILER_13B,
    check_memory,
    free_memory,
    measure_layer,
    memory_need,
)
from ozma.model.generate.backend import log_softmax
from ozma.model.generate.numpy_llama import NumpyLlama
from ozma.model.generate.priority import priority
from ozma.model.generate.ranking import best_texts, rank_texts
from ozma.model.generate.rows import Limits
from ozma.model.generate.sampling import draw, greedy
from ozma.model.generate.trie import TextTrie

END = 2
LIMITS = Limits(ends=(END,), max_tokens=6, banned=(0, 1))


def random_table(seed: int = 0, size: int = 7, scale: float = 1.0) -> BigramTable:
    return BigramTable(np.random.default_rng(seed).standard_normal((size, size)) * scale)


def all_answers(table: BigramTable, first: int, length: int) -> dict[tuple[int, ...], float]:
    """Every answer of at most `length` tokens with its log-probability, banned tokens left out."""
    allowed = [token for token in range(table.vocab_size) if token not in LIMITS.banned]
    answers = {}
    for count in range(length + 1):
        for tokens in itertools.product([t for t in allowed if t != END], repeat=count):
            ids = [*tokens] if count == length else [*tokens, END]
            total, last = 0.0, first
            for token in ids:
                row = np.full(table.vocab_size, -np.inf)
                row[allowed] = table.table[last][allowed]
                total += float(log_softmax(row)[token])
                last = token
            answers[tokens] = total
    return answers


def letters(text: str) -> list[int]:
    """'c' is 2, the end token, so texts use 'd' and up."""
    return [ord(letter) - ord("a") for letter in text]


@pytest.fixture(scope="module")
def llama() -> NumpyLlama:
    return NumpyLlama(TOY, random_weights(TOY))


def test_greedy_takes_the_most_probable_token_until_the_end():
    table = np.zeros((6, 6))
    table[3, 4], table[4, 5], table[5, END] = 2, 2, 2
    backend = BigramTable(table)
    (sample,) = greedy(backend, backend.prefill([3]), LIMITS)
    assert sample.tokens == (4, 5) and sample.finished
    assert sample.logprob == pytest.approx(3 * (2 - math.log(math.e**2 + 3)), abs=1e-5)


def test_an_answer_that_is_cut_is_not_finished():
    table = np.zeros((6, 6))
    table[:, 4] = 5
    backend = BigramTable(table, context=12)
    assert [(s.tokens, s.finished) for s in greedy(backend, backend.prefill([3]), LIMITS)] == [
        ((4,) * 6, False)
    ]
    (short,) = greedy(backend, backend.prefill([3] * 10), LIMITS)
    assert short.tokens == (4, 4) and not short.finished
    (none,) = greedy(backend, backend.prefill([3] * 12), LIMITS)
    assert none.tokens == () and not none.finished


def test_rows_of_several_prompts_are_sampled_as_each_alone(llama):
    prompts = [ids_of(20, seed=seed) for seed in range(3)]
    limits = Limits(ends=tuple(range(3, 60)), max_tokens=15)
    alone = [greedy(llama, llama.prefill(prompt), limits)[0] for prompt in prompts]
    together = greedy(llama, llama.join([llama.prefill(prompt) for prompt in prompts]), limits)
    assert [sample.tokens for sample in together] == [sample.tokens for sample in alone]
    assert len({len(sample.tokens) for sample in alone}) > 1


def test_drawn_answers_depend_on_the_seed_and_not_on_their_number(llama):
    state = llama.prefill(ids_of(20))
    limits = Limits(ends=(END,), max_tokens=12)
    many = draw(llama, state, limits, 6, seed=1)
    few = draw(llama, state, limits, 2, seed=1)
    assert [sample.tokens for sample in few] == [sample.tokens for sample in many[:2]]
    assert many != draw(llama, state, limits, 6, seed=2)
    assert len({sample.tokens for sample in many}) > 1


def test_drawn_tokens_come_as_often_as_they_are_probable():
    table = random_table(1)
    limits = Limits(ends=(END,), max_tokens=1, banned=LIMITS.banned)
    samples = draw(table, table.prefill([3]), limits, 4000, temperature=0.5)
    row = table.table[3] / 0.5
    row[[0, 1]] = -np.inf
    for token, probability in enumerate(np.exp(log_softmax(row))):
        tokens = () if token == END else (token,)
        share = sum(sample.tokens == tokens for sample in samples) / 4000
        assert share == pytest.approx(probability, abs=0.03)


@pytest.mark.parametrize("batch", [1, 3, 16])
def test_priority_answers_are_distinct_and_open_the_best_branch_first(batch):
    table = random_table(2)
    limits = Limits(ends=(END,), max_tokens=3, banned=LIMITS.banned)
    state = table.prefill([3])
    samples = priority(table, state, limits, 40, batch=batch)
    assert [sample.tokens for sample in samples] == priority_by_hand(table, 3, 3, 40)
    assert len({sample.tokens for sample in samples}) == 40
    answers = all_answers(table, 3, 3)
    for sample in samples:
        assert sample.logprob == pytest.approx(answers[sample.tokens], abs=1e-5)


def priority_by_hand(table: BigramTable, first: int, length: int, count: int) -> list[tuple]:
    """The same search, stated on prefixes: take the best, go on greedily, mark what was taken."""

    def probs(prefix):
        row = table.table[(first, *prefix)[-1]].astype(np.float64)
        row[list(LIMITS.banned)] = -np.inf
        return log_softmax(row)

    def is_open(prefix):
        return len(prefix) < length and END not in prefix

    frontier, results = {(): 0.0}, []
    while frontier and len(results) < count:
        prefix = max(frontier, key=frontier.get)
        total = frontier.pop(prefix)
        while is_open(prefix):
            step = probs(prefix)
            best = int(step.argmax())
            for token in range(table.vocab_size):
                if token != best and token not in LIMITS.banned:
                    frontier[(*prefix, token)] = total + step[token]
            prefix, total = (*prefix, best), total + step[best]
        results.append(tuple(token for token in prefix if token != END))
    return results


def test_priority_gives_all_answers_when_there_are_no_more(llama):
    trie = TextTrie(["ddd", "dde", "def", "g"], letters, END, TOY.vocab_size)
    limits = Limits(ends=(END,), max_tokens=20)
    samples = priority(llama, llama.prefill(ids_of(9)), limits, 10, trie)
    assert {"".join(chr(t + ord("a")) for t in s.tokens) for s in samples} == set(trie.texts)
    assert sum(math.exp(sample.logprob) for sample in samples) == pytest.approx(1, abs=1e-5)


def test_priority_does_not_depend_on_the_batch(llama):
    state = llama.prefill(ids_of(30))
    limits = Limits(ends=tuple(range(3, 40)), max_tokens=10)
    runs = [priority(llama, state, limits, 12, batch=batch) for batch in (1, 5, 12)]
    assert [s.tokens for s in runs[0]] == [s.tokens for s in runs[1]] == [s.tokens for s in runs[2]]


def test_priority_with_a_key_gives_distinct_keys():
    table = random_table(3)
    samples = priority(table, table.prefill([3]), LIMITS, 5, key=lambda s: len(s.tokens))
    assert sorted(len(sample.tokens) for sample in samples) == sorted(
        {len(s.tokens) for s in samples}
    )


@pytest.mark.parametrize("whole", [False, True])
def test_ranked_texts_are_scored_exactly(llama, whole):
    texts = ["dde", "ddf", "ddfgh", "ehhhhh", "ehhhhi", "d"]
    trie = TextTrie(texts, letters, END, TOY.vocab_size)
    state = llama.prefill(ids_of(25))
    ranked = rank_texts(llama, state, trie, whole)
    want = {text: score_by_hand(llama, state, text, texts, whole) for text in texts}
    assert {text for _, text in ranked} == set(texts)
    for score, text in ranked:
        assert score == pytest.approx(want[text], abs=1e-4)
    assert [text for _, text in ranked] == sorted(texts, key=want.get, reverse=True)
    if not whole:
        assert sum(math.exp(score) for score, _ in ranked) == pytest.approx(1, abs=1e-5)


def score_by_hand(llama, state, text: str, texts: list[str], whole: bool) -> float:
    total, ids, tokens = 0.0, [*letters(text), END], {t: [*letters(t), END] for t in texts}
    for position, token in enumerate(ids):
        row = llama.fork(state, 1)
        llama.extend(row, [ids[:position]])
        log_probs = log_softmax(row.logits[0])
        others = {t[position] for t in tokens.values() if t[:position] == ids[:position]}
        share = 0 if whole else math.log(sum(math.exp(log_probs[other]) for other in others))
        total += float(log_probs[token]) - share
    return total


@pytest.mark.parametrize("whole", [False, True])
@pytest.mark.parametrize("batch", [1, 4])
def test_the_best_texts_are_the_head_of_the_whole_ranking(llama, whole, batch):
    rng = np.random.default_rng(7)
    texts = sorted({"".join(rng.choice(list("defg"), rng.integers(1, 7))) for _ in range(60)})
    trie = TextTrie(texts, letters, END, TOY.vocab_size)
    state = llama.prefill(ids_of(15))
    ranked = rank_texts(llama, state, trie, whole)
    best = best_texts(llama, state, trie, 7, whole, batch)
    assert [text for _, text in best] == [text for _, text in ranked[:7]]
    np.testing.assert_allclose([s for s, _ in best], [s for s, _ in ranked[:7]], atol=1e-4)
    assert len(best_texts(llama, state, trie, 1000, whole, batch)) == len(texts)


def test_what_is_forced_is_never_computed():
    table = random_table(4, size=10)
    trie = TextTrie(["d" + "efghe" * 9, "i" + "efghe" * 9], letters, END, 10)
    state = table.prefill([3])
    (sample,) = greedy(table, state, Limits(ends=(END,), max_tokens=50), trie)
    assert len(sample.tokens) == 46 and sample.finished
    rank_texts(table, state, trie)
    best_texts(table, state, trie, 1)
    assert table.fed <= 3


def test_a_single_text_is_certain(llama):
    trie = TextTrie(["def"], letters, END, TOY.vocab_size)
    state = llama.prefill([5])
    assert rank_texts(llama, state, trie) == [(0.0, "def")]
    assert best_texts(llama, state, trie, 3) == [(0.0, "def")]
    assert rank_texts(llama, state, trie, whole=True)[0][0] < 0


def test_sets_of_texts_that_cannot_be_told_apart_are_refused():
    with pytest.raises(OzmaError, match="no text to choose from"):
        TextTrie([], letters, END, 9)
    with pytest.raises(OzmaError, match="beginning of another"):
        TextTrie(["d", "dd"], letters, None, 9)
    with pytest.raises(OzmaError, match="outside the model's vocabulary of 9"):
        TextTrie(["z"], letters, END, 9)


# Estimates


def test_memory_of_the_published_models():
    small, large = (memory_need(c, 16, 2000) for c in (LLM_COMPILER_7B, LLM_COMPILER_13B))
    assert small.weights == pytest.approx(13.48e9, rel=0.01)
    assert large.weights == pytest.approx(26.03e9, rel=0.01)
    assert small.cache == 2 * 32 * 4096 * 2 * 2512
    shared = memory_need(LLM_COMPILER_7B, 4, 2000, answer=500, rows=16)
    assert shared.cache == 2 * 32 * 4096 * 2 * (2000 + 16 * 500)


def test_a_machine_that_is_too_small_is_told_before_loading():
    with pytest.raises(OzmaError) as caught:
        check_memory(LLM_COMPILER_7B, 16, 2000, free=10 * 10**9)
    assert str(caught.value) == (
        "the model needs 15.1 GB (weights 13.5, cache 1.3, work 0.3) of memory at 16 bits, "
        "10.0 GB are free; at 8 bits it needs 8.8 GB"
    )
    with pytest.raises(OzmaError, match="shorter prompt or fewer answers"):
        check_memory(LLM_COMPILER_13B, 8, 15_000, free=12 * 10**9)
    with pytest.raises(OzmaError, match="one behind an endpoint"):
        check_memory(LLM_COMPILER_13B, 4, 15_000, free=2 * 10**9)
    assert check_memory(TOY, 32, 100).total < free_memory()


class SlowLayer(BigramTable):
    """Takes time on a clock of its own: so much a token, so much for each earlier token."""

    TOKEN, PAIR = 500e-6, 2e-6
    now = 0.0

    def __init__(self, config: LlamaConfig) -> None:
        super().__init__(np.zeros((config.vocab_size, config.vocab_size)), 10_000)

    @classmethod
    def spend(cls, seconds: float) -> None:
        cls.now += seconds

    def _encode(self, ids):
        self.spend(self.TOKEN * len(ids) + self.PAIR * len(ids) ** 2 / 2)
        return super()._encode(ids)

    def _extend(self, state, ids, scores):
        self.spend(self.TOKEN + self.PAIR * int(state.positions[0]))
        return super()._extend(state, ids, scores)


def test_one_layer_gives_the_time_of_all(monkeypatch):
    monkeypatch.setattr("ozma.model.estimate.time.process_time", lambda: SlowLayer.now)
    cost = measure_layer(SlowLayer, LLM_COMPILER_7B, prompt=400)
    spent = 32 * (SlowLayer.TOKEN * 2000 + SlowLayer.PAIR * 2000**2 / 2)
    assert cost.prefill_seconds(32, 2000) == pytest.approx(spent, rel=0.01)
    step = SlowLayer.TOKEN + SlowLayer.PAIR * 2050
    head = SlowLayer.TOKEN * 32_000 * 4096 / 202e6
    assert cost.decode_seconds(32, 2000, 100) == pytest.approx(100 * (32 * step + head), rel=0.01)


def test_a_model_that_gives_no_numbers_ranks_nothing():
    backend = BigramTable(np.full((7, 7), np.nan))
    texts = TextTrie(["ab", "cd"], lambda text: [ord(one) - 94 for one in text], None, 7)
    for rank in (rank_texts, lambda *given: best_texts(*given, 1)):
        with pytest.raises(OzmaError, match="not a number"):
            rank(backend, backend.prefill([1]), texts)


def test_a_window_too_long_for_the_memory_is_refused_before_it_is_made():
    with pytest.raises(OzmaError, match="the model needs"):
        check_memory(replace(TOY, max_position_embeddings=10**12), 32, 10, free=10**9)
