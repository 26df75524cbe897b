"""The short form and the tokenizer, measured.

    python bench/tokenizer.py form CORPUS [--count N]      both directions: hashes, bytes, speed
    python bench/tokenizer.py windows CORPUS [--count N]   characters per token, functions per window
    python bench/tokenizer.py texts CORPUS FILE            what `rules` trains and judges on, as JSON
    python bench/tokenizer.py rules FILE                  splitting rules and vocabularies compared

Seconds are processor time.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from token_judges import judge, ngram_bits

from ozma.corpus.canonical import canonical_hash
from ozma.labels.subjects import Choice, Subject, choose, load_subjects
from ozma.llvm import Evaluation, InvalidIR, Toolchain, Worker, find_toolchain
from ozma.llvm.pipelines import clang_pipeline
from ozma.model.tokenizer import Tokenizer
from ozma.model.train_tokenizer import RULES, corpus_texts, list_texts, train
from ozma.tasks.canonical import shorten
from ozma.tasks.prompts import flags_prompt
from ozma.tasks.restore import restore
from ozma.tasks.setting import setting_of

LLAMA = 2.0
"""Characters of LLVM's text per token of the Llama 2 tokenizer."""
WINDOWS = (2048, 4096, 16384)
VARIANTS = (
    *((rule, 4096) for rule in RULES), ("clause", 2048), ("clause", 8192), ("phrase", 8192)
)  # fmt: skip
_CONTEXT = 32  # characters
_HELD_OUT = 8  # one text in so many judges, by stretches


def subjects(corpus: Path, count: int, splits: tuple[str, ...]) -> Iterator[Subject]:
    """`count` functions (all if there are fewer), as many from each project as it has."""
    chosen = choose(corpus, Choice(splits=splits, largest=100_000))
    rows = {project.project: project.rows["function"] for project in chosen}
    most = 1
    while sum(min(len(one), most) for one in rows.values()) < min(count, sum(map(len, rows.values()))):
        most += 1
    for project in chosen:
        step = max(1, len(project.rows["function"]) // most)
        project.rows["function"] = project.rows["function"][::step][:most]
        yield from load_subjects(corpus, project)


def text_of(worker: Worker, bitcode: bytes) -> str:
    loaded = worker.load(bitcode)
    try:
        return worker.evaluate(loaded.id, "", ("ir",)).ir
    finally:
        worker.unload(loaded.id)


class FormBench:
    """There and back: canonical and structural hash, and bytes under clang's -Oz pipeline."""

    def __init__(self, toolchain: Toolchain, worker: Worker, every: int) -> None:
        self._worker, self._every = worker, every
        self._oz = clang_pipeline(toolchain)
        self.count = self.failed = self.compiled = self.differ = 0
        self.bytes = self.change = 0
        self.raw = self.short = 0
        self.seconds = [0.0, 0.0]

    def add(self, subject: Subject) -> None:
        text = text_of(self._worker, subject.bitcode)
        started = time.process_time()
        short = shorten(text)
        middle = time.process_time()
        restored = restore(short, setting_of(text))
        self.seconds[0] += middle - started
        self.seconds[1] += time.process_time() - middle
        self.count, self.raw, self.short = self.count + 1, self.raw + len(text), self.short + len(short)
        if self._hashes(restored.encode()) != self._hashes(subject.bitcode):
            self.failed += 1
            print(f"differs: {subject.project} {subject.hash}")
        elif self.count % self._every == 0:
            self._compile(subject.bitcode, restored.encode())

    def _hashes(self, module: bytes) -> list[tuple[str, str]]:
        try:
            functions = self._worker.split(module, "").functions
        except InvalidIR as error:
            return [("invalid", error.message)]
        return [(canonical_hash(one.numbered), one.structural) for one in functions]

    def _compile(self, before: bytes, after: bytes) -> None:
        old, new = (self._evaluate(module) for module in (before, after))
        if old.sizes and new.sizes:
            self.compiled += 1
            self.differ += old.sizes != new.sizes
            self.bytes += old.sizes.total
            self.change += new.sizes.total - old.sizes.total

    def _evaluate(self, module: bytes) -> Evaluation:
        loaded = self._worker.load(module)
        try:
            return self._worker.evaluate(loaded.id, self._oz)
        finally:
            self._worker.unload(loaded.id)

    def report(self) -> None:
        shorten_ms, restore_ms = (1e3 * s / self.count for s in self.seconds)
        print(f"{self.count:,} modules, {self.failed} whose hashes differ after both directions")
        print(f"{self.compiled:,} compiled: {self.differ} differ in bytes, {self.change:+,} of {self.bytes:,}")
        print(f"{self.raw / self.short:.2f} times shorter; {shorten_ms:.2f} ms there, {restore_ms:.2f} ms back")


def form(options: argparse.Namespace) -> None:
    toolchain = find_toolchain()
    with Worker(toolchain) as worker:
        bench = FormBench(toolchain, worker, options.every)
        for subject in subjects(options.corpus, options.count, ("train", "validation")):
            bench.add(subject)
    bench.report()


def windows(options: argparse.Namespace) -> None:
    """Prompts of whole functions, and how many functions a window holds."""
    tokenizer, ours, llama, short, raw = Tokenizer.load(), [], [], 0, 0
    with Worker(find_toolchain()) as worker:
        for subject in subjects(options.corpus, options.count, ("validation",)):
            text = text_of(worker, subject.bitcode)
            prompt = flags_prompt(shorten(text))
            ours.append(len(tokenizer.encode(prompt)))
            llama.append(len(flags_prompt(text)) / LLAMA)
            short, raw = short + len(prompt), raw + len(text)
    print(f"{len(ours):,} functions: {short / sum(ours):.2f} characters of the short form per token,")
    print(f"{raw / sum(ours):.2f} characters of LLVM's text per token; Llama 2: {LLAMA}")
    print(f"tokens of a prompt, median: {statistics.median(ours):.0f}; Llama 2: {statistics.median(llama):.0f}")
    print(f"{'window':>8}{'functions it holds':>22}{'Llama 2':>9}{'share that fits':>18}{'Llama 2':>9}")
    for window in WINDOWS:
        held = [window / statistics.mean(sizes) for sizes in (ours, llama)]
        fits = [sum(size <= window for size in sizes) / len(sizes) for sizes in (ours, llama)]
        print(f"{window:>8}{held[0]:>22.1f}{held[1]:>9.1f}{fits[0]:>18.1%}{fits[1]:>9.1%}")


def texts(options: argparse.Namespace) -> None:
    found = [*corpus_texts(options.corpus, options.count)]
    options.file.write_text(json.dumps({"corpus": found, "lists": list(list_texts())}))
    print(f"{len(found):,} texts, {sum(map(len, found)) / 1e6:.1f} M characters")


def rules(options: argparse.Namespace) -> None:
    found = json.loads(options.file.read_text())
    corpus = found["corpus"]
    cut = len(corpus) - len(corpus) // _HELD_OUT  # the last projects judge
    training, held = corpus[:cut], "\n".join(corpus[cut:])[: options.characters]
    print(f"{'rule':<8}{'vocabulary':>11}{'chars/token':>13}{'n-gram':>9}{'network':>9}{'steps':>7}  bits/character")
    for rule, vocabulary in VARIANTS:
        if options.only and f"{rule}-{vocabulary}" not in options.only:
            continue
        tokenizer = Tokenizer(train([*training, *found["lists"]], rule, vocabulary))
        ids, learned = (tokenizer.encode(text) for text in (held, "\n".join(training)))
        order = round(_CONTEXT * len(ids) / len(held))
        counted = ngram_bits(learned, ids, order, tokenizer.vocab_size) / len(held)
        bits, steps = judge(tokenizer.vocab_size, learned, ids, options.seconds)
        print(f"{rule:<8}{vocabulary:>11}{len(held) / len(ids):>13.2f}{counted:>9.4f}{bits / len(held):>9.4f}{steps:>7}", flush=True)


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    verbs = parser.add_subparsers(required=True)
    for verb in (form, windows, texts):
        one = verbs.add_parser(verb.__name__)
        one.set_defaults(run=verb)
        one.add_argument("corpus", type=Path)
        one.add_argument("--count", type=int, default={"form": 10_000, "windows": 1_000, "texts": 2_400}[verb.__name__])
        if verb is form:
            one.add_argument("--every", type=int, default=5, help="compile one in so many (default 5)")
        if verb is texts:
            one.add_argument("file", type=Path)
    one = verbs.add_parser("rules")
    one.set_defaults(run=rules)
    one.add_argument("file", type=Path)
    one.add_argument("--seconds", type=float, default=0, help="also train a small network for so long")
    one.add_argument("--characters", type=int, default=400_000, help="that judge (default 400,000)")
    one.add_argument("--only", nargs="*", metavar="RULE-SIZE")
    options = parser.parse_args(arguments)
    options.run(options)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
