"""Language models as policies: any object that ranks lists for the text of a module.

Two ways to ask one: which of the pack's lists it finds most probable (`PackRanker`: one look at the
module ranks them all), or what it answers freely (`AnswerRanker`: greedy, priority or temperature).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from ozma.errors import OzmaError
from ozma.evaluate.clock import timed
from ozma.evaluate.modules import Module
from ozma.evaluate.policies import OWN, Ranking, digest_of
from ozma.llvm import Toolchain
from ozma.llvm.pipelines import catalogue_of, clang_pipeline
from ozma.passes import Catalogue
from ozma.tasks.answers import LIST_CLOSE, LIST_OPEN, parse_flags_answer
from ozma.tasks.canonical import shorten
from ozma.tasks.normal import NotShortened
from ozma.tasks.prompts import flags_prompt

if TYPE_CHECKING:
    from ozma.model.generate.answer import Answerer, Sampling, TokenAnswerer

Ranked = Sequence[tuple[str, float]]
PACK = "pack"


class ListRanker(Protocol):
    """(list, log-probability) for the text of a module, best first; none when it cannot be asked."""

    def rank(self, ir_text: str) -> Ranked: ...


class ModelPolicy:
    """`version` names weights and settings. Its time is that of the ranker, which runs here."""

    def __init__(self, ranker: ListRanker, name: str, version: str, own: str = "") -> None:
        """`own` is clang's pipeline as the ranker writes it: as an answer it saves nothing, and is
        not measured again where clang's object is there already."""
        self.name, self.version, self._ranker, self._own = name, version, ranker, own

    def rank(self, module: Module) -> Ranking:
        """Each list once, in the ranker's order; clang's own for a module that does not fit."""
        text = module.ir()
        ranked, seconds = timed(lambda: self._ranker.rank(text))
        order = [OWN if p == self._own else p for p in dict.fromkeys(p for p, _ in ranked)]
        lists = [passes for passes in order if passes != OWN]
        return Ranking(lists, seconds, order[0] if order else OWN)


def our_prompt(ir_text: str) -> str:
    """What our own model is asked: the published question about the short form."""
    return flags_prompt(shorten(ir_text))


class PackRanker:
    """All lists of a pack by their probability as the model's answer."""

    def __init__(
        self, answerer: TokenAnswerer, lists: Sequence[str], prompt: Callable[[str], str] = our_prompt
    ) -> None:
        self._answerer, self._prompt = answerer, prompt
        answers = {f"{LIST_OPEN}{passes}{LIST_CLOSE}": passes for passes in lists}
        self._answers, self._trie = answers, answerer.texts(list(answers), ends=False)

    def rank(self, ir_text: str) -> Ranked:
        from ozma.model.generate.backend import ContextOverflow

        try:
            state = self._answerer.state(self._prompt(ir_text))
        except (ContextOverflow, NotShortened):
            return []
        ranked = self._answerer.ranked(state, self._trie)
        return [(self._answers[text], logprob) for logprob, text in ranked]


class AnswerRanker:
    """The lists in the model's own answers; those that cannot be used are left out."""

    def __init__(
        self,
        answerer: Answerer,
        sampling: Sampling,
        catalogue: Catalogue,
        prompt: Callable[[str], str] = our_prompt,
    ) -> None:
        self._answerer, self._sampling = answerer, sampling
        self._catalogue, self._prompt = catalogue, prompt

    def rank(self, ir_text: str) -> Ranked:
        from ozma.model.generate.backend import ContextOverflow

        try:
            answers = self._answerer.answers(self._prompt(ir_text), self._sampling)
        except (ContextOverflow, NotShortened):
            return []
        read = [(parse_flags_answer(one.text, self._catalogue), one.logprob) for one in answers]
        return [(one.passes, logprob or 0.0) for one, logprob in read if one.passes]


def load_model_policy(
    folder: Path, lists: Sequence[str], toolchain: Toolchain, method: str = PACK, count: int = 10
) -> ModelPolicy:
    """The model in `folder`, asked by `method`: "pack" (`lists` and clang's own), or greedy,
    priority, temperature with `count` answers. OzmaError when there is no model."""
    from ozma.model.generate.answer import Sampling, TokenAnswerer

    answerer = TokenAnswerer.load(folder)
    version, own = digest_of(fingerprint(folder), method, count, *lists), clang_pipeline(toolchain)
    if method == PACK:
        ranker = PackRanker(answerer, [own, *lists])
        return ModelPolicy(ranker, f"model {folder.name}", version, own)
    sampling = Sampling(method, 1 if method == "greedy" else count)
    ranker = AnswerRanker(answerer, sampling, catalogue_of(toolchain))
    return ModelPolicy(ranker, f"model {folder.name} {method}", version, own)


def fingerprint(folder: Path) -> str:
    """Changes with the weights: names, sizes and times of the files."""
    if not folder.is_dir():
        raise OzmaError(f"{folder} is not a model's folder")
    files = sorted(path for path in folder.iterdir() if path.is_file())
    return digest_of(*((f.name, f.stat().st_size, f.stat().st_mtime_ns) for f in files))
