"""Training speed beside `transformers`' Llama: the same model, documents, optimizer and machine.

    python bench/training.py [--width 256] [--layers 6] [--steps 3] [--json]

Both compute in bfloat16 over float32 weights with AdamW. `transformers` gets padded batches and an
attention mask, sorted by length, in a plain loop (its Trainer needs `accelerate`, which is not a
dependency; the Trainer's own work comes on top). Seconds are processor time of all threads.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Callable

os.environ.setdefault("OMP_WAIT_POLICY", "passive")
os.environ.setdefault("OMP_NUM_THREADS", "1")

import torch
from torch import Tensor

from ozma.model.config import LlamaConfig
from ozma.model.llama import Llama
from ozma.model.training.distributed import Computing, World
from ozma.model.training.report import measured_peak

_LONGEST, _MIDDLE, _SPREAD = 2000, 5.6, 0.9


def _lengths(tokens: int) -> list[int]:
    """Documents as long as functions are: log-normal, 270 tokens in the middle."""
    drawn: list[int] = []
    odds = torch.distributions.LogNormal(_MIDDLE, _SPREAD)
    while sum(drawn) < tokens:
        drawn.append(max(8, min(_LONGEST, int(odds.sample()))))
    return drawn


def _ours(model: Llama, documents: list[Tensor], micro: int) -> Callable[[], float]:
    computing = Computing(model, torch.bfloat16, World(0, 1, torch.device("cpu")))
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4)
    groups = _packed(documents, micro)

    def step() -> float:
        total = 0.0
        for group in groups:
            tokens, lengths = torch.cat(group), [len(one) for one in group]
            places, targets = _next_tokens(lengths, tokens)
            loss = computing(tokens, lengths, places, targets, torch.ones(len(places)))
            (loss / sum(map(len, documents))).backward()
            total += float(loss.detach())
        optimizer.step()
        optimizer.zero_grad()
        return total

    return step


def _packed(documents: list[Tensor], micro: int) -> list[list[Tensor]]:
    groups: list[list[Tensor]] = [[]]
    for document in documents:
        if groups[-1] and sum(map(len, groups[-1])) + len(document) > micro:
            groups.append([])
        groups[-1].append(document)
    return groups


def _next_tokens(lengths: list[int], tokens: Tensor) -> tuple[Tensor, Tensor]:
    """Places of all tokens but the last of each document, and what follows them."""
    last = torch.tensor(lengths).cumsum(0) - 1
    keep = torch.ones(len(tokens), dtype=torch.bool)
    keep[last] = False
    (places,) = torch.nonzero(keep, as_tuple=True)
    return places, tokens[places + 1]


def _theirs(config: LlamaConfig, state: dict[str, Tensor], documents: list[Tensor], micro: int) -> Callable[[], float]:
    import transformers

    model = transformers.LlamaForCausalLM(transformers.LlamaConfig(**config.to_json()))
    model.load_state_dict(state)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4)
    batches = [_padded(group) for group in _padded_groups(documents, micro)]

    def step() -> float:
        total = 0.0
        for ids, mask, labels in batches:
            with torch.autocast("cpu", torch.bfloat16):
                loss = model(input_ids=ids, attention_mask=mask, labels=labels).loss
            count = int((labels[:, 1:] != -100).sum())
            (loss * count / sum(map(len, documents))).backward()
            total += float(loss.detach()) * count
        optimizer.step()
        optimizer.zero_grad()
        return total

    return step


def _padded_groups(documents: list[Tensor], micro: int) -> list[list[Tensor]]:
    """Batches of similar lengths, of at most `micro` tokens with their padding."""
    groups: list[list[Tensor]] = [[]]
    for document in sorted(documents, key=len, reverse=True):
        if groups[-1] and len(groups[-1][0]) * (len(groups[-1]) + 1) > micro:
            groups.append([])
        groups[-1].append(document)
    return groups


def _padded(group: list[Tensor]) -> tuple[Tensor, Tensor, Tensor]:
    pad = torch.nn.utils.rnn.pad_sequence
    ids = pad(group, batch_first=True)
    mask = pad([torch.ones_like(one) for one in group], batch_first=True)
    return ids, mask, ids.masked_fill(mask == 0, -100)


def _seconds(step: Callable[[], float], steps: int) -> tuple[float, float]:
    """(best processor time of a step, loss of the first)"""
    first, best = step(), float("inf")
    for _ in range(steps):
        started = time.process_time()
        step()
        best = min(best, time.process_time() - started)
    return best, first


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, value in (("width", 256), ("layers", 6), ("heads", 2), ("vocabulary", 4096), ("tokens", 8192), ("micro", 8192), ("steps", 3)):
        parser.add_argument(f"--{name}", type=int, default=value)
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


def main() -> None:
    options = _options()
    torch.manual_seed(0)
    config = LlamaConfig(
        options.vocabulary, options.width, round(options.width * 8 / 3 / 32) * 32, options.layers,
        options.heads, options.heads, 4096, tie_word_embeddings=True,
    )  # fmt: skip
    lengths = _lengths(options.tokens)
    documents = [torch.randint(3, options.vocabulary, (length,)) for length in lengths]
    model = Llama(config)
    state = {name: value.clone() for name, value in model.state_dict().items()}
    peak = measured_peak(torch.bfloat16, torch.device("cpu"))
    operations = sum(length * config.flops_per_token(length) for length in lengths)
    runs = {
        "ozma": _ours(model, documents, options.micro),
        "transformers": _theirs(config, state, documents, options.micro),
    }
    rows = {}
    for name, step in runs.items():
        seconds, loss = _seconds(step, options.steps)
        rows[name] = {"tokens/s": round(sum(lengths) / seconds), "MFU": round(operations / seconds / peak, 3), "loss": loss / sum(lengths)}
    if options.json:
        print(json.dumps({"parameters": config.parameters(), "threads": torch.get_num_threads(), "documents": len(lengths), "tokens": sum(lengths)} | rows))
        return
    print(f"{config.parameters():,} parameters, {len(lengths)} documents, {sum(lengths):,} tokens a step, {torch.get_num_threads()} thread(s), bfloat16, peak {peak / 1e9:,.0f} GFLOP/s")
    print("| | tokens/s | MFU | loss of the first step |\n|---|---|---|---|")
    for name, row in rows.items():
        print(f"| {name} | {row['tokens/s']:,} | {100 * row['MFU']:.0f} % | {row['loss']:.4f} |")


if __name__ == "__main__":
    main()
