"""Language models as policies: any object that ranks lists for the text of a module.

Two ways to ask one: which of the pack's lists it finds most probable (`PackRanker`: one look at the
module ranks them all), or what it answers freely (`AnswerRanker`: greedy, priority or temperature).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from ozma.errors import OzmaError
from ozma.evaluate.clock import timed
from ozma.evaluate.modules import Module
from ozma.evaluate.policies import OWN, Ranking, digest_of
from ozma.llvm import Toolchain
from ozma.llvm.pipelines import catalogue_of, clang_pipeline
from ozma.model.pack_ranker import PackRanker, Ranked
from ozma.passes import Catalogue
from ozma.tasks.answers import parse_flags_answer
from ozma.tasks.normal import NotShortened
from ozma.tasks.question import Question, read_question

if TYPE_CHECKING:
    from ozma.model.generate.answer import Answerer, Sampling

PACK = "pack"


class ListRanker(Protocol):
    """(list, log-probability) for the text of a module, best first; none if it cannot be asked.
    `question` says which text."""

    question: Question

    def rank(self, ir_text: str) -> Ranked: ...


def text_for(ranker: ListRanker, module: Module) -> str:
    """The IR of a module that a ranker's question is about."""
    return module.optimized() if ranker.question.of_optimized else module.ir()


class ModelPolicy:
    """`version` names weights and settings. Its time is that of the ranker, which runs here."""

    def __init__(
        self, ranker: ListRanker, name: str, version: str, own: str = "", pack: Sequence[str] = ()
    ) -> None:
        """`own` is clang's pipeline as the ranker writes it: as an answer it saves nothing, and is
        not measured again where clang's object is there already. `pack` is tried in its order for a
        module that does not fit the model's window, and behind the lists that it knows, as
        `ozma optimize --rank model` does."""
        self.name, self.version, self.ranker, self._own = name, version, ranker, own
        self._pack = list(pack)

    @property
    def ranks_all(self) -> bool:
        """Does it know odds of all of the pack's lists?"""
        return bool(self._pack)

    def rank(self, module: Module) -> Ranking:
        """Each list once, in the ranker's order."""
        text = text_for(self.ranker, module)
        ranked, seconds = timed(lambda: self.ranker.rank(text))
        order = [OWN if p == self._own else p for p in dict.fromkeys(p for p, _ in ranked)]
        if not order:
            return Ranking(self._pack, seconds, self._pack[0] if self._pack else OWN)
        rest = [passes for passes in self._pack if passes not in order]
        return Ranking([p for p in order if p != OWN] + rest, seconds, order[0])


class AnswerRanker:
    """The lists in the model's own answers; those that cannot be used are left out."""

    def __init__(
        self,
        answerer: Answerer,
        sampling: Sampling,
        catalogue: Catalogue,
        question: Question = Question(),
    ) -> None:
        self._answerer, self._sampling = answerer, sampling
        self._catalogue, self.question = catalogue, question

    def rank(self, ir_text: str) -> Ranked:
        from ozma.model.generate.backend import ContextOverflow

        try:
            answers = self._answerer.answers(self.question.prompt(ir_text), self._sampling)
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
    own, question = clang_pipeline(toolchain), read_question(folder)
    version = digest_of(fingerprint(folder), method, count, "pack where too long", *lists)
    if method == PACK:
        ranker = PackRanker(answerer, [own, *lists], question)
        return ModelPolicy(ranker, f"model {folder.name}", version, own, lists)
    sampling = Sampling(method, 1 if method == "greedy" else count)
    ranker = AnswerRanker(answerer, sampling, catalogue_of(toolchain), question)
    return ModelPolicy(ranker, f"model {folder.name} {method}", version, own)


def fingerprint(folder: Path) -> str:
    """Changes with the weights: names, sizes and times of the files."""
    if not folder.is_dir():
        raise OzmaError(f"{folder} is not a model's folder")
    files = sorted(path for path in folder.iterdir() if path.is_file())
    return digest_of(*((f.name, f.stat().st_size, f.stat().st_mtime_ns) for f in files))
