"""One translation unit: from the real compiler's object to the smaller one, or no change at all."""

from __future__ import annotations

import hashlib
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

from ozma import __version__
from ozma.errors import OzmaError
from ozma.llvm.objects import ObjectError, measure_object
from ozma.llvm.toolchain import Toolchain
from ozma.optimize.cc import reproducer
from ozma.optimize.cc.cache import Cache, Chosen, digest
from ozma.optimize.cc.cc1 import CompileStep
from ozma.optimize.cc.config import CompilerConfig
from ozma.optimize.cc.exclude import Exclusions
from ozma.optimize.cc.result import Chooser, Problem, Result
from ozma.optimize.steps import StepFailed, Steps
from ozma.whole_file import replacing


@dataclass(frozen=True)
class Tools:
    """What all translation units of one command share. `lists_hash` names the lists tried."""

    config: CompilerConfig
    toolchain: Toolchain
    version: str
    exclusions: Exclusions
    choose: Chooser
    lists_hash: str = ""

    @property
    def cache(self) -> Cache:
        return Cache(self.config.cache / "objects", self.config.cache_limit << 20)


class Unit:
    """Improves the object of one compile step in place."""

    def __init__(self, step: CompileStep, tools: Tools, scratch: Path) -> None:
        self.step, self.tools = step, tools
        self.steps = Steps(tools.toolchain, step, scratch)
        self.output = Path(step.output)
        self.result, self.bitcode = Result(), b""

    def improve(self) -> Result:
        """Never raises for a failure of ours: the result tells, and the real object is there."""
        try:
            self._improve()
        except StepFailed as failure:
            self._fail(failure.reason, failure.detail)
        # Whatever else goes wrong here is a defect of ours, and a build must not pay for it.
        except Exception as error:
            self._fail("internal error", f"{type(error).__name__}: {error}")
        return self.result

    def _improve(self) -> None:
        result, config = self.result, self.tools.config
        if not self.output.is_file():  # a pipe has been read already, and would never end here
            result.reason = "output is not a file"
            return
        try:
            result.before = result.after = measure_object(self.output.read_bytes())
        except ObjectError:
            result.reason = "not an ELF object"
            return
        with result.timed("front end"):
            self.bitcode = self.steps.front_end()
        result.ir = hashlib.sha256(self.bitcode).hexdigest()
        if self.tools.exclusions.holds(result.ir, self.step.source):
            self._exclude(config.reproducers)
            return
        self._use(self._chosen())

    def _chosen(self) -> Chosen:
        key = self._key()
        found = self.tools.cache.get(key)
        self.result.cached = found is not None
        if found is None:
            found = self._choose()
            self.tools.cache.put(key, found)
        return found

    def _key(self) -> str:
        config, step = self.tools.config, self.step
        known = [__version__, self.tools.version, self.tools.lists_hash, self.result.ir]
        return digest([*known, str(config.budget), config.verify, *step.codegen_words])

    def _choose(self) -> Chosen:
        problem = Problem(self.steps, self.bitcode, self.result.before, self.tools.config)
        try:
            with self.result.timed("choice"):
                return self.tools.choose(problem)
        except OzmaError as error:
            raise StepFailed("choice failed", str(error)) from error

    def _use(self, chosen: Chosen) -> None:
        result = self.result
        result.passes, result.compiles = chosen.passes, chosen.compiles
        result.checked, result.reason = chosen.checked, chosen.reason
        if chosen.passes is None:
            return
        sizes = measure_object(chosen.object)
        if not sizes.improves_on(result.before):
            result.reason = "nothing smaller found"
            return
        self._replace(chosen.object)
        result.after, result.outcome = sizes, "improved"

    def _replace(self, data: bytes) -> None:
        """With the time of clang's object: what was edited since then is newer for `make` too."""
        try:
            with replacing(self.output) as aside:
                aside.write_bytes(data)
                status = self.output.stat()
                aside.chmod(status.st_mode & 0o7777)
                os.utime(aside, ns=(status.st_atime_ns, status.st_mtime_ns))
        except OzmaError as error:
            raise StepFailed("object not written", str(error)) from error

    def _exclude(self, folder: Path | None) -> None:
        """Leaves the real object; saves what would have been used if a folder is given for that."""
        self.result.outcome, self.result.reason = "excluded", "excluded"
        if folder is None:
            return
        chosen = self.tools.cache.get(self._key())
        self.result.passes = chosen and chosen.passes
        self._save(folder, "the tests fail with this translation unit optimized so")

    def _fail(self, reason: str, detail: str) -> None:
        self.result.outcome, self.result.reason, self.result.detail = "failed", reason, detail
        self.result.after = self.result.before
        self._save(self.tools.config.cache / "failures", f"{reason}: {detail}")

    def _save(self, folder: Path, message: str) -> None:
        failure = reproducer.Failure(
            self.step, self.tools.version, message, self.bitcode, self.result.passes
        )
        name = (self.result.ir or digest([message, self.step.source]))[:16]
        self.result.reproducer = reproducer.save(folder, name, failure)


def improve_unit(step: CompileStep, tools: Tools) -> Result:
    """Improves one object in place and tells what happened."""
    try:
        with tempfile.TemporaryDirectory(prefix="ozma-cc-", ignore_cleanup_errors=True) as folder:
            return Unit(step, tools, Path(folder)).improve()
    except OSError as error:  # no place for temporary files
        return Result("failed", "no temporary files", str(error))
