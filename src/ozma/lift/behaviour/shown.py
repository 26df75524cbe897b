"""What running original and answer showed, under the signature that the answer itself has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ozma.lift.behaviour.check import Question, Verdict
from ozma.lift.behaviour.process import Checker
from ozma.lift.emulator.signature import Signature, read_signatures
from ozma.llvm import InvalidIR, Toolchain


@dataclass(frozen=True)
class Shown:
    """`same` is None where nothing could be run; `inputs` ran to their end in both, and ran this
    share of the original's code (`covered`, of its bytes). `reason`: why not, where it differs, or
    what the inputs cannot have run."""

    same: bool | None
    inputs: int = 0
    covered: float = 0.0
    reason: str = ""


class EmulatorCheck:
    """Runs both on `inputs` inputs in an emulator (check.py). Close it, or use it in a `with`.

    The answer's own IR says what the function and its callees take and return, unless
    `signatures` do. `other_target` is the machine of the answer, where it is another one.
    """

    def __init__(
        self, toolchain: Toolchain, target: str, inputs: int = 10, other_target: str | None = None
    ) -> None:
        self._toolchain, self._target, self._inputs = toolchain, target, inputs
        self._other = other_target or target
        self._checker = Checker(toolchain)

    def __call__(
        self,
        original: str,
        function: str,
        ir: str,
        assembly: str,
        signatures: Mapping[str, Signature] | None = None,
    ) -> Shown:
        try:
            known = signatures or read_signatures(self._toolchain, ir)
        except InvalidIR as error:
            return Shown(None, reason=error.message)
        if function not in known:
            return Shown(
                None, reason="its signature is beyond the tables of the calling convention"
            )
        question = Question(
            original, assembly, function, self._target, self._other, known[function], known,
            self._inputs, guessed=signatures is None and self._other == self._target,
        )  # fmt: skip
        found = self._checker.check(question)
        if found.verdict in (Verdict.COULD_NOT_RUN, Verdict.DOUBTFUL):
            return Shown(None, reason=str(found))
        same = found.verdict is Verdict.SAME
        return Shown(same, found.ran, found.covered, _not_run(ir) if same else str(found))

    def close(self) -> None:
        self._checker.close()

    def __enter__(self) -> EmulatorCheck:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _not_run(ir: str) -> str:
    """What the emulator, whose calls all return, never ran of a function: "" for nothing."""
    pads = ir.count(" = landingpad ")
    if not pads:
        return ""
    return "its landing pad was not run" if pads == 1 else f"its {pads} landing pads were not run"
