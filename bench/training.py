"""Training speed beside `transformers`' Llama: the same model, documents, optimizer and machine.

    python bench/training.py [--width 256] [--layers 6] [--steps 3] [--json]

All compute in bfloat16 over float32 weights with AdamW. `transformers` gets padded batches and an
attention mask, sorted by length, in a plain loop and in its Trainer, which is left out where the
package `accelerate` is missing: Ozma does not depend on it. Seconds are processor time of all
threads.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import sys
import tempfile
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

_RATE = 1e-4
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
    optimizer = torch.optim.AdamW(model.parameters(), lr=_RATE)
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


def _their_model(config: LlamaConfig, state: dict[str, Tensor]) -> torch.nn.Module:
    import transformers

    model = transformers.LlamaForCausalLM(transformers.LlamaConfig(**config.to_json()))
    model.load_state_dict(state)
    return model


def _plain_loop(model: torch.nn.Module, documents: list[Tensor], micro: int) -> Callable[[], float]:
    optimizer = torch.optim.AdamW(model.parameters(), lr=_RATE)
    batches = [_padded(group) for group in _padded_groups(documents, micro)]

    def step() -> float:
        total = 0.0
        for batch in batches:
            with torch.autocast("cpu", torch.bfloat16):
                loss = model(**batch).loss
            count = int((batch["labels"][:, 1:] != -100).sum())
            (loss * count / sum(map(len, documents))).backward()
            total += float(loss.detach()) * count
        optimizer.step()
        optimizer.zero_grad()
        return total

    return step


def _trainer(
    model: torch.nn.Module, documents: list[Tensor], micro: int, steps: int
) -> tuple[float, float]:
    """As `_seconds`. One epoch is one step, of all batches; what happens between two steps counts.
    ImportError without `accelerate`."""
    import transformers

    batches = [_padded(group) for group in _padded_groups(documents, micro)]
    ends: list[float] = []
    losses: list[float] = []

    class Clock(transformers.TrainerCallback):
        def on_step_end(self, *_, **__) -> None:
            ends.append(time.process_time())

        def on_log(self, args, state, control, logs, **_) -> None:
            losses.append(logs.get("loss", 0.0))

    optimizer = torch.optim.AdamW(model.parameters(), lr=_RATE)
    with tempfile.TemporaryDirectory() as folder:
        trainer = transformers.Trainer(
            model, _arguments(folder, len(batches), steps + 1), lambda items: items[0], batches,
            optimizers=(optimizer, torch.optim.lr_scheduler.ConstantLR(optimizer, 1.0)),
            callbacks=[Clock()],
        )  # fmt: skip
        trainer.remove_callback(transformers.PrinterCallback)
        trainer.train()
    predicted = sum(len(document) - 1 for document in documents)
    return min(b - a for a, b in itertools.pairwise(ends)), losses[0] * predicted


def _arguments(folder: str, batches: int, epochs: int):
    """bfloat16 on the processor; no clipping, evaluation, checkpoints or reports."""
    import transformers

    return transformers.TrainingArguments(
        folder, use_cpu=True, bf16=True, per_device_train_batch_size=1,
        gradient_accumulation_steps=batches, num_train_epochs=epochs, max_grad_norm=0.0,
        logging_steps=1, save_strategy="no", report_to="none", disable_tqdm=True,
        dataloader_pin_memory=False, remove_unused_columns=False,
    )  # fmt: skip


def _padded_groups(documents: list[Tensor], micro: int) -> list[list[Tensor]]:
    """Batches of similar lengths, of at most `micro` tokens with their padding."""
    groups: list[list[Tensor]] = [[]]
    for document in sorted(documents, key=len, reverse=True):
        if groups[-1] and len(groups[-1][0]) * (len(groups[-1]) + 1) > micro:
            groups.append([])
        groups[-1].append(document)
    return groups


def _padded(group: list[Tensor]) -> dict[str, Tensor]:
    """What `transformers` takes: (documents, tokens of the longest) each."""
    pad = torch.nn.utils.rnn.pad_sequence
    ids = pad(group, batch_first=True)
    mask = pad([torch.ones_like(one) for one in group], batch_first=True)
    labels = ids.masked_fill(mask == 0, -100)
    return {"input_ids": ids, "attention_mask": mask, "labels": labels}


def _seconds(step: Callable[[], float], steps: int) -> tuple[float, float]:
    """(best processor time of a step but for the first, sum of the first's losses)"""
    first, best = step(), float("inf")
    for _ in range(steps):
        started = time.process_time()
        step()
        best = min(best, time.process_time() - started)
    return best, first


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    sizes = {"width": 256, "layers": 6, "heads": 2, "vocabulary": 4096}
    sizes |= {"tokens": 8192, "micro": 8192, "steps": 3}
    for name, value in sizes.items():
        parser.add_argument(f"--{name}", type=int, default=value)
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


def _runs(
    options: argparse.Namespace, config: LlamaConfig, documents: list[Tensor]
) -> dict[str, tuple[float, float]]:
    """(seconds of a step, sum of the first step's losses) of each."""
    model = Llama(config)
    state = {name: value.clone() for name, value in model.state_dict().items()}
    runs = {"ozma": _seconds(_ours(model, documents, options.micro), options.steps)}
    try:
        theirs = _their_model(config, state)
        runs["transformers' Trainer"] = _trainer(theirs, documents, options.micro, options.steps)
    except ImportError as error:
        reason = str(error).strip().splitlines()[0]
        print(f"transformers' Trainer is left out: {reason}", file=sys.stderr)
    loop = _plain_loop(_their_model(config, state), documents, options.micro)
    return runs | {"transformers, plain loop": _seconds(loop, options.steps)}


def main() -> None:
    options = _options()
    torch.manual_seed(0)
    config = LlamaConfig(
        options.vocabulary, options.width, round(options.width * 8 / 3 / 32) * 32, options.layers,
        options.heads, options.heads, 4096, tie_word_embeddings=True,
    )  # fmt: skip
    lengths = _lengths(options.tokens)
    documents = [torch.randint(3, options.vocabulary, (length,)) for length in lengths]
    peak = measured_peak(torch.bfloat16, torch.device("cpu"))
    operations = sum(length * config.flops_per_token(length) for length in lengths)
    tokens = sum(lengths)
    rows = {
        name: {
            "tokens/s": round(tokens / seconds),
            "MFU": round(operations / seconds / peak, 3),
            "loss": loss / tokens,
        }
        for name, (seconds, loss) in _runs(options, config, documents).items()
    }
    facts = {
        "parameters": config.parameters(), "documents": len(lengths), "tokens": tokens,
        "threads": torch.get_num_threads(), "peak GFLOP/s": round(peak / 1e9),
    }  # fmt: skip
    print(json.dumps(facts | rows) if options.json else _table(facts, rows))


def _table(facts: dict[str, int], rows: dict[str, dict[str, float]]) -> str:
    lines = [
        ", ".join(f"{name} {value:,}" for name, value in facts.items()),
        "| | tokens/s | MFU | loss of the first step |",
        "|---" * 4 + "|",
    ]
    for name, row in rows.items():
        cells = f"{row['tokens/s']:,} | {100 * row['MFU']:.0f} % | {row['loss']:.4f}"
        lines.append(f"| {name} | {cells} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
