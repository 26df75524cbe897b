"""Trains the tokenizer: byte-level BPE on what the model reads and writes.

    python -m ozma.model.train_tokenizer CORPUS OUT.json [--rule clause] [--vocabulary 4096]

The texts are prompts with their answers, for functions of training projects: short IR before and
after passes, assembly of two machines and levels, and pass lists of each installed LLVM release.
"""

from __future__ import annotations

import argparse
import random
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from ozma.corpus.split import TRAIN
from ozma.errors import OzmaError
from ozma.labels.disassembly import LEVELS, lower
from ozma.labels.subjects import Choice, Subject, choose, load_subjects
from ozma.llvm import (
    TARGETS,
    Evaluation,
    InvalidIR,
    Toolchain,
    Worker,
    find_toolchain,
    installed_toolchains,
)
from ozma.llvm.pipelines import catalogue_of, clang_pipeline
from ozma.llvm.rewrite import Rewrite, machine_of
from ozma.model.tokenizer import SPECIAL
from ozma.passes import mutate, parse, random_list, random_pipeline
from ozma.tasks.answers import Facts, code_answer, flags_answer
from ozma.tasks.canonical import shorten
from ozma.tasks.normal import NotShortened
from ozma.tasks.prompts import Task, disassembly_prompt, emulation_prompt, flags_prompt

RULES = {
    "gpt2": r" ?[A-Za-z]+| ?[0-9]+| ?[^\sA-Za-z0-9]+|\s+",
    "words": r" ?[%@!#]?[A-Za-z_.$][A-Za-z0-9_.$-]*|[0-9]{1,3}| ?[^\sA-Za-z0-9_]|\s+",
    "clause": r"[\n,]?(?:[A-Za-z_][A-Za-z0-9_]*|[ \t]+|, |[^A-Za-z0-9_'\n\t ,]){1,16}"
    r"|[0-9]{1,3}|[\n,']",
    "phrase": r"\n?(?:i(?:128|64|32|16|8|1)|[^0-9'\n]){1,40}|[0-9]{1,3}|'|\n",
}
"""How text is cut before merging, by name: nothing merges across a cut. No lookahead: llguidance
and `tokenizers` must agree."""

_LONGEST = 30_000
_LISTS = 1_500
_PASSES = 200  # in a changed pipeline, at most


def train(texts: Iterable[str], rule: str = "clause", vocabulary: int = 4096) -> str:
    """The tokenizer.json of a byte-level BPE; ids 0, 1, 2 are pad, bos, eos."""
    tokenizers = _load_tokenizers()
    parts, decoders = tokenizers.pre_tokenizers, tokenizers.decoders
    model = tokenizers.Tokenizer(tokenizers.models.BPE())
    cut = parts.Split(tokenizers.Regex(RULES[rule]), "isolated")
    as_bytes = parts.ByteLevel(add_prefix_space=False, use_regex=False)
    model.pre_tokenizer = parts.Sequence([cut, as_bytes])
    model.decoder = decoders.ByteLevel()
    trainer = tokenizers.trainers.BpeTrainer(
        vocab_size=vocabulary, special_tokens=list(SPECIAL), show_progress=False,
        initial_alphabet=parts.ByteLevel.alphabet(),
    )  # fmt: skip
    model.train_from_iterator(texts, trainer)
    return model.to_str()


def _load_tokenizers() -> Any:
    try:
        import tokenizers
    except ImportError as error:
        raise OzmaError(
            "training a tokenizer needs tokenizers", hint="install it: pip install 'ozma[train]'"
        ) from error
    return tokenizers


def corpus_texts(corpus: Path, count: int, seed: int = 0) -> Iterator[str]:
    """Prompts with answers for about `count` functions of training projects."""
    rng = random.Random(seed)
    toolchain = find_toolchain()
    chosen = choose(corpus, Choice(splits=(TRAIN,), largest=600))
    each = max(1, count // len(chosen)) + 1
    with Worker(toolchain) as worker:
        for project in chosen:
            places = project.rows["function"]
            project.rows["function"] = sorted(rng.sample(places, min(each, len(places))))
            for subject in load_subjects(corpus, project):
                try:
                    yield from _documents(worker, subject, rng)
                except (InvalidIR, NotShortened):
                    continue  # one function less


def _documents(worker: Worker, subject: Subject, rng: random.Random) -> Iterator[str]:
    """One text of each task, the last two for AArch64 every third time."""
    yield _flags(worker, subject.bitcode, rng)
    bitcode = subject.bitcode
    if rng.random() < 1 / 3:
        machine = machine_of(worker.toolchain, TARGETS["aarch64"])
        bitcode = worker.rewrite(bitcode, Rewrite(machine))
    task = rng.choice((Task.EMULATE_IR, Task.EMULATE_ASSEMBLY))
    documents = (_emulation(worker, bitcode, task, rng), _disassembly(worker, bitcode, rng))
    yield from (text for text in documents if text and len(text) < _LONGEST)


def _flags(worker: Worker, bitcode: bytes, rng: random.Random) -> str:
    passes = _draw(worker.toolchain, rng)
    before, after = _evaluated(worker, bitcode, "", passes)
    answer = flags_answer(passes, _facts(before), _facts(after))
    return flags_prompt(shorten(before.ir)) + answer


def _emulation(worker: Worker, bitcode: bytes, task: Task, rng: random.Random) -> str:
    passes = rng.choice((_draw(worker.toolchain, rng), "default<Oz>"))
    before, after = _evaluated(worker, bitcode, "", passes)
    if not (before.sizes and after.sizes):
        return ""
    code = shorten(after.ir) if task is Task.EMULATE_IR else after.assembly
    source = shorten(before.ir)
    prompt = emulation_prompt(source, passes, before.instructions, before.sizes.total, task)
    return prompt + code_answer(code, _facts(after))


def _disassembly(worker: Worker, bitcode: bytes, rng: random.Random) -> str:
    found = lower(worker, bitcode, rng.choice((LEVELS[0], LEVELS[-1])))
    if not (found.assembly and found.ir):
        return ""
    return disassembly_prompt(found.assembly) + code_answer(shorten(found.ir))


def _evaluated(worker: Worker, bitcode: bytes, *lists: str) -> list[Evaluation]:
    loaded = worker.load(bitcode)
    try:
        return worker.evaluate_many(loaded.id, lists, ("ir", "assembly"))
    finally:
        worker.unload(loaded.id)


def _facts(one: Evaluation) -> Facts:
    return Facts(one.instructions or 0, one.sizes.total if one.sizes else 0)


def _draw(toolchain: Toolchain, rng: random.Random) -> str:
    catalogue = catalogue_of(toolchain)
    if rng.random() < 0.5:
        return str(random_list(rng, catalogue, longest=30))
    return str(random_pipeline(rng, catalogue, rng.randint(1, 30)))


def list_texts(seed: int = 0) -> Iterator[str]:
    """Pass lists of each installed release, enough of them that a pass is a token or two: random
    ones, all names in random order, and clang's pipelines with changes, as searches find them."""
    rng = random.Random(seed)
    for toolchain in installed_toolchains():
        catalogue = catalogue_of(toolchain)
        names = sorted({info.name for info in catalogue.candidates})
        pipelines = [parse(clang_pipeline(toolchain, level)) for level in ("-Oz", "-O2")]
        for _ in range(_LISTS):
            yield f" opt -p '{_draw(toolchain, rng)}'"
        for _ in range(_LISTS // 10):
            yield f" opt -p '{','.join(rng.sample(names, len(names)))}'"
            changed = mutate(rng, rng.choice(pipelines), catalogue, _PASSES)
            yield f" opt -p '{changed}'"


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("corpus", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("--rule", choices=RULES, default="clause")
    parser.add_argument("--vocabulary", type=int, default=4096)
    parser.add_argument("--functions", type=int, default=3000, help="about so many (default 3000)")
    options = parser.parse_args(arguments)
    texts = [*corpus_texts(options.corpus, options.functions), *list_texts()]
    options.output.write_text(train(texts, options.rule, options.vocabulary), encoding="utf-8")
    size = sum(map(len, texts)) / 1e6
    print(f"{len(texts):,} texts, {size:.1f} M characters", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
