"""The training loop: batches, steps, checks, checkpoints, until the budget is over."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from pathlib import Path

import torch

from ozma.errors import OzmaError
from ozma.model.config import read_config
from ozma.model.estimate import check_training_memory
from ozma.model.llama import Llama
from ozma.model.training import checkpoint
from ozma.model.training.data import Mixture, TrainingData, groups_of
from ozma.model.training.distributed import Computing, World, set_state, whole_state
from ozma.model.training.documents import Document
from ozma.model.training.interrupt import Interrupt
from ozma.model.training.judge import Judge, batch_loss, whole_weight
from ozma.model.training.optimizer import Optimizers
from ozma.model.training.recipe_file import require_same, write_recipe
from ozma.model.training.recipes import Recipe
from ozma.model.training.report import Reporter, Speed, measured_peak, progress_text
from ozma.model.training.schedule import Budget, Stage, rate_factor, stage_at, stages_of

_PATIENCE = 5
_DTYPES = {"bf16": torch.bfloat16, "fp32": torch.float32}


@dataclass(frozen=True)
class Result:
    """A finished training: the model in float32, its last losses, what it read."""

    model: Llama
    step: int
    tokens: int
    loss: float
    checked: dict[str, float]


class Training:
    """One training in OUT: begins anew, or goes on from the newest checkpoint there."""

    def __init__(self, recipe: Recipe, data: TrainingData, out: Path, world: World) -> None:
        self.recipe, self.data, self.out, self.world = recipe, data, out, world
        out.mkdir(parents=True, exist_ok=True)
        self.reporter = Reporter(out, silent=not world.first)
        self.mixture, self.judge = Mixture(data, recipe), Judge(data, recipe)
        self.stages = stages_of(recipe, self.mixture.examples)
        self.budget, self.tokens, self.stage_step = Budget(recipe), 0, [0, 0]
        torch.manual_seed(recipe.seed)
        self.computing = Computing(_model(recipe, data, world), _DTYPES[recipe.precision], world)
        self.optimizers = Optimizers(self.computing.model, recipe)
        self._bad = 0
        self._resume()

    def _resume(self) -> None:
        state = checkpoint.newest(self.out, self.reporter.note)
        if state is not None:
            require_same(self.out, self.recipe, self.data.folder)
        if self.world.first:
            write_recipe(self.out, self.recipe, self.data.folder)
        if state is None:
            return
        try:
            set_state(self.computing.model, self.optimizers.all, state, self.world)
        except (RuntimeError, ValueError, KeyError) as error:
            raise OzmaError(
                f"the checkpoint in {self.out} is of another model", hint="give a new --out"
            ) from error
        self.budget.step, self.budget.seconds = state["step"], state["seconds"]
        self.tokens, self.mixture.cursors = state["tokens"], state["cursors"]
        self.stage_step = state["stage_step"]
        self.reporter.note(f"ozma: goes on from step {self.budget.step}")

    def run(self) -> Result:
        """Trains until the budget is over. OzmaError when losses are no numbers any more; Ctrl-C
        saves after the step and is then raised."""
        try:
            with Interrupt() as interrupt:
                return self._run(interrupt)
        finally:
            self.reporter.close()

    def _run(self, interrupt: Interrupt) -> Result:
        peak = measured_peak(_DTYPES[self.recipe.precision], self.world.device)
        speed, loss, checked = Speed(peak), math.nan, {}
        clock = saved = time.monotonic()
        self.computing.model.train()
        while not self.budget.over:
            loss = self._step(speed)
            now = time.monotonic()
            self.budget.seconds = self.world.agreed(self.budget.seconds + now - clock)
            clock = now
            if self.budget.step % self.recipe.log_every == 0:
                self._log(loss, speed)
            if self.budget.step % self.recipe.check_every == 0:
                checked = self._check()
            if self.world.agreed(interrupt.asked):
                self._interrupted()
            if self.world.agreed(now - saved) > 60 * self.recipe.save_minutes:
                self.save()
                saved = time.monotonic()
        if self.budget.step % self.recipe.check_every:
            checked = self._check()
        self.save()
        return Result(self._whole_model(), self.budget.step, self.tokens, loss, checked)

    def _interrupted(self) -> None:
        self.save()
        note = f"ozma: step {self.budget.step} is saved; the same command goes on from it"
        self.reporter.note(note)
        raise KeyboardInterrupt

    def _step(self, speed: Speed) -> float:
        """One update; returns its loss in nats a (weighted) token."""
        stage = self._stage()
        documents = self.mixture.batch(self.budget.step, stage.shares)
        loss = self._gradients(documents)
        norm = self.computing.clip(self.recipe.clip)
        if math.isfinite(loss) and math.isfinite(norm):
            self.optimizers.step(self._rate())
            self._bad = 0
        else:
            self._forgive(loss, norm)
        self.budget.step += 1
        self.tokens += sum(map(len, documents))
        config = self.computing.model.config
        speed.add(
            sum(map(len, documents)),
            sum(len(one) * config.flops_per_token(len(one)) for one in documents),
        )
        return loss

    def _stage(self) -> Stage:
        """The stage of now; notes when one begins."""
        number = stage_at(self.stages, self.budget.fraction)
        if number != self.stage_step[0]:
            self.stage_step = [number, self.budget.step]
        return self.stages[number]

    def _rate(self) -> float:
        fraction, steps = self.budget.fraction, self.budget.step
        if self.recipe.restart:
            stage = self.stages[self.stage_step[0]]
            fraction = (fraction - stage.start) / (stage.end - stage.start)
            steps -= self.stage_step[1]
        return rate_factor(self.recipe, fraction, steps)

    def _gradients(self, documents: list[Document]) -> float:
        """Adds up the gradients of the mean loss over all processes; returns that loss."""
        ranks = self.world.size
        whole = whole_weight(documents, self.recipe)
        total = torch.zeros((), device=self.world.device)
        for group in groups_of(documents, self.recipe.micro_tokens, ranks)[self.world.rank]:
            loss = batch_loss(self.computing, group, self.recipe, self.data.codec.first) / whole
            (loss * ranks).backward()  # FSDP takes the mean over ranks
            total += loss.detach()
        return self.world.total(total)

    def _forgive(self, loss: float, norm: float) -> None:
        """A step whose loss or gradient is not finite is left out; several in a row end the
        training."""
        self.optimizers.zero()
        self._bad += 1
        what = f"the loss is {loss:g}, the norm of its gradient {norm:g}"
        self.reporter.note(f"ozma: step {self.budget.step} is left out: {what}")
        if self._bad >= _PATIENCE:
            raise OzmaError(
                f"{what}, {_PATIENCE} steps in a row",
                hint="train with a lower rate and another --out",
            )

    def _log(self, loss: float, speed: Speed) -> None:
        rate, share = speed.look()
        fraction = self.budget.fraction
        values = {
            "stage": self.stages[self.stage_step[0]].name, "loss": loss, "tokens": self.tokens,
            "rate": self.recipe.rate * self._rate(), "tokens/s": round(rate, 1),
            "MFU": round(share, 4),
            "done": round(fraction, 5), "seconds": round(self.budget.seconds, 1),
        }  # fmt: skip
        self.reporter.record(self.budget.step, values)
        left = self.budget.seconds * (1 - fraction) / fraction
        self.reporter.progress(progress_text(values | {"step": self.budget.step}, max(left, 0.0)))

    def _check(self) -> dict[str, float]:
        found = self.judge(self.computing)
        self.reporter.record(self.budget.step, found)
        if found:
            text = ", ".join(f"{name} {value:.3f}" for name, value in found.items())
            self.reporter.note(f"step {self.budget.step}: {text}")
        return found

    def save(self) -> None:
        """Writes a checkpoint, from which the same command goes on."""
        state = whole_state(self.computing.model, self.optimizers.all, self.world)
        if self.world.first:
            state |= {
                "step": self.budget.step, "seconds": self.budget.seconds, "tokens": self.tokens,
                "cursors": self.mixture.cursors, "stage_step": self.stage_step,
            }  # fmt: skip
            checkpoint.save(self.out, self.budget.step, state)

    def _whole_model(self) -> Llama:
        """The model in one piece on the CPU; on processes but the first without its weights."""
        weights = whole_state(self.computing.model, [], self.world)["model"]
        model = Llama(self.computing.model.config)
        if weights:
            model.load_state_dict(weights)
        return model


def _model(recipe: Recipe, data: TrainingData, world: World) -> Llama:
    """Random, or from the recipe's folder. OzmaError if the tokenizer is of another model."""
    config = recipe.config(data.vocabulary)
    check_training_memory(config, 1 if world.device.type == "cuda" else 4 / world.size)
    if data.vocabulary > config.vocab_size:
        raise OzmaError(
            f"the data have {data.vocabulary:,} tokens, the model {config.vocab_size:,}",
            hint="prepare the data with the model's own tokenizer",
        )
    model = Llama(config, recipe.recompute)
    if recipe.start:
        _load_start(model, Path(recipe.start))
    return model


def _load_start(model: Llama, folder: Path) -> None:
    """Weights of a folder. OzmaError if they were learnt with other constants than the model's:
    it would be another one from the first step on."""
    from ozma.model.hf import load_into

    theirs = read_config(folder)
    for name in ("rope_theta", "rms_norm_eps"):
        value, own = getattr(theirs, name), getattr(model.config, name)
        if value != own:
            raise OzmaError(
                f"{folder} has {name}={value:g}, the training {own:g}",
                hint="--start FOLDER takes the folder's rope_theta; rms_norm_eps cannot be set",
            )
    load_into(model, folder)
