"""One process, or many through torchrun with FSDP2: what differs between the two, in one place."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch import distributed as dist
from torch.distributed.checkpoint.state_dict import (
    StateDictOptions,
    get_model_state_dict,
    get_optimizer_state_dict,
    set_model_state_dict,
    set_optimizer_state_dict,
)
from torch.distributed.fsdp import MixedPrecisionPolicy, fully_shard
from torch.func import functional_call

from ozma.model.llama import Llama

_WHOLE = StateDictOptions(full_state_dict=True, cpu_offload=True)
_TO_ALL = StateDictOptions(full_state_dict=True, broadcast_from_rank0=True)


@dataclass(frozen=True)
class World:
    """This process among `size`; `device` is where it computes."""

    rank: int
    size: int
    device: torch.device

    @property
    def first(self) -> bool:
        return self.rank == 0

    @property
    def sharded(self) -> bool:
        return self.size > 1

    def total(self, value: Tensor) -> float:
        """Sum over all processes."""
        if self.sharded:
            dist.all_reduce(value)
        return float(value)

    def agreed(self, value: float) -> float:
        """The first process's value in all of them: clocks differ."""
        if not self.sharded:
            return value
        box = torch.tensor([value], dtype=torch.float64, device=self.device)
        dist.broadcast(box, 0)
        return float(box)


def join() -> World:
    """By torchrun's variables one of many, else alone. A GPU where there is one."""
    gpu = torch.cuda.is_available()
    size = int(os.environ.get("WORLD_SIZE", "1"))
    if size == 1:
        return World(0, 1, torch.device("cuda" if gpu else "cpu"))
    device = torch.device("cpu")
    if gpu:
        device = torch.device("cuda", int(os.environ["LOCAL_RANK"]))
        torch.cuda.set_device(device)
    dist.init_process_group("nccl" if gpu else "gloo")
    return World(dist.get_rank(), size, device)


def leave(world: World) -> None:
    if world.sharded:
        dist.destroy_process_group()


class Computing:
    """A model that computes in `dtype` with float32 weights: cast as a whole once a forward pass,
    by FSDP where it shards, so that gradients and the optimizer are float32 in both."""

    def __init__(self, model: Llama, dtype: torch.dtype, world: World) -> None:
        self.model, self._dtype, self._world = model.to(world.device), dtype, world
        if world.sharded:
            policy = MixedPrecisionPolicy(param_dtype=dtype, reduce_dtype=torch.float32)
            for layer in model.model.layers:
                fully_shard(layer, mp_policy=policy)
            fully_shard(model, mp_policy=policy)

    def __call__(self, *arguments: Any) -> Tensor:
        """Llama.forward."""
        if self._world.sharded or self._dtype == torch.float32:
            return self.model(*arguments)
        cast = {name: p.to(self._dtype) for name, p in self.model.named_parameters()}
        return functional_call(self.model, cast, arguments, tie_weights=True)

    def clip(self, most: float) -> float:
        """Scales gradients so that their norm is `most` at most (0: any); returns the norm."""
        norm = nn.utils.clip_grad_norm_(self.model.parameters(), most or float("inf"))
        return float(norm.full_tensor() if self._world.sharded else norm)


def whole_state(
    model: nn.Module, optimizers: list[torch.optim.Optimizer], world: World
) -> dict[str, Any]:
    """Weights and optimizer, whole and on the CPU; on the first process only where many."""
    if not world.sharded:
        return {"model": model.state_dict(), "optimizers": [one.state_dict() for one in optimizers]}
    return {
        "model": get_model_state_dict(model, options=_WHOLE),
        "optimizers": [get_optimizer_state_dict(model, one, options=_WHOLE) for one in optimizers],
    }


def set_state(
    model: nn.Module, optimizers: list[torch.optim.Optimizer], state: dict[str, Any], world: World
) -> None:
    """The inverse of `whole_state`."""
    if not world.sharded:
        model.load_state_dict(state["model"])
        for one, values in zip(optimizers, state["optimizers"], strict=True):
            one.load_state_dict(values)
        return
    set_model_state_dict(model, state["model"], options=_TO_ALL)
    for one, values in zip(optimizers, state["optimizers"], strict=True):
        set_optimizer_state_dict(model, one, values, options=_TO_ALL)
