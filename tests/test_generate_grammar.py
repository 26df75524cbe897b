"""Grammars of answers: what Ozma samples is accepted, what is generated under them is a list."""

import random

import numpy as np
import pytest
from generate_support import TOY, BigramTable, toy_tokenizer
from hypothesis import given, settings
from hypothesis import strategies as st
from passes_support import TOOLCHAINS, catalogue_of, expanded_oz

from ozma.errors import OzmaError
from ozma.model.generate.constraint import Grammar
from ozma.model.generate.rows import Limits
from ozma.model.generate.sampling import draw
from ozma.model.grammar import MAX_NESTED, code_grammar, pass_list_grammar
from ozma.optimize.pack import shipped_majors, shipped_pack
from ozma.passes import check, denied, leaves, parse, random_list, random_pipeline
from ozma.tasks.answers import LIST_CLOSE, LIST_OPEN

every_llvm = pytest.mark.parametrize("toolchain", TOOLCHAINS, ids=lambda t: f"llvm-{t.major}")
TOKENIZER = toy_tokenizer()
seeds = st.integers(0, 2**32)


def grammar_of(toolchain, known=()) -> Grammar:
    lark = pass_list_grammar(catalogue_of(toolchain), known)
    return Grammar(TOKENIZER.ll, lark, TOY.vocab_size)


def accepts(grammar: Grammar, text: str) -> bool:
    cursor = grammar.start()
    try:
        for token in TOKENIZER.encode(text):
            cursor.advance(token)
    except OzmaError:
        return False
    return cursor.finished


@every_llvm
@settings(max_examples=25)
@given(seed=seeds)
def test_every_list_of_the_samplers_is_accepted(toolchain, seed):
    rng, grammar = random.Random(seed), grammar_of(toolchain)
    for pipeline in (
        random_list(rng, catalogue_of(toolchain)),
        random_pipeline(rng, catalogue_of(toolchain), rng.randint(1, 30)),
    ):
        nested = str(pipeline).count("devirt<")
        assert accepts(grammar, f"{LIST_OPEN}{pipeline}{LIST_CLOSE}") or nested >= MAX_NESTED - 1


def written(grammar: Grammar, seed: int) -> list[str]:
    """Answers of a model that knows nothing but likes to close brackets and lists."""
    table = np.random.default_rng(seed).standard_normal((TOY.vocab_size, TOY.vocab_size))
    for closing in (")", "'", "),"):
        table[:, TOKENIZER.encode(closing)[0]] += 3
    backend = BigramTable(table, context=2000)
    limits = Limits(ends=(TOKENIZER.eos,), max_tokens=400)
    samples = draw(backend, backend.prefill([5]), limits, 4, seed=seed, constraint=grammar)
    return [TOKENIZER.decode(sample.tokens) for sample in samples if sample.finished]


@every_llvm
def test_every_generated_list_is_one_that_llvm_takes(toolchain):
    catalogue, grammar = catalogue_of(toolchain), grammar_of(toolchain)
    answers = [answer for seed in range(8) for answer in written(grammar, seed)]
    assert len(answers) > 10
    for answer in answers:
        pipeline = parse(answer.removeprefix(LIST_OPEN).removesuffix(LIST_CLOSE))
        check(pipeline, catalogue)
        for item in leaves(pipeline):
            if item.name not in ("require", "invalidate"):
                assert denied(item.name, (), toolchain.major) is None


@every_llvm
def test_known_lists_are_accepted_whole(toolchain):
    known = [expanded_oz(toolchain)]
    if toolchain.major in shipped_majors():
        known += [parse(entry.passes) for entry in shipped_pack(toolchain.major).lists]
    grammar = grammar_of(toolchain, known)
    for pipeline in known:
        assert accepts(grammar, f"{LIST_OPEN}{pipeline}{LIST_CLOSE}"), str(pipeline)[:200]


@every_llvm
@pytest.mark.parametrize(
    "passes",
    ["", "unify-loop-exits", "globaldce,dce", "function(globaldce)", "function(dce", "loop(licm)",
     "function(dce),", "nosuchpass", "function(gvn<nosuchoption>)", "default", "default<O0>"],
)  # fmt: skip
def test_what_is_denied_misplaced_or_unknown_cannot_be_written(toolchain, passes):
    assert not accepts(grammar_of(toolchain), f"{LIST_OPEN}{passes}{LIST_CLOSE}")


@pytest.mark.parametrize(
    ("text", "is_good"),
    [
        ("define i32 @f(<4 x i32> %x) {\n  ret i32 0 ; (a comment\n}\n", True),
        ('@s = constant [3 x i8] c"{(\\00"\n!0 = !{!"x", i32 1}\n', True),
        ("", True),
        ("define i32 @f() {\n", False),
        ("define i32 @f(]) {\n}", False),
        ('@s = c"open', False),
    ],
)
def test_code_answers_are_closed(text, is_good):
    grammar = Grammar(TOKENIZER.ll, code_grammar(), TOY.vocab_size)
    assert accepts(grammar, f" <code>{text}</code>") == is_good


def test_a_grammar_that_does_not_compile_is_one_clear_line():
    with pytest.raises(OzmaError, match="grammar of answers does not compile"):
        Grammar(TOKENIZER.ll, "start: nothing\n", TOY.vocab_size)
