"""What the tests of training share: a tokenizer of single bytes, and data that can be learnt."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("llguidance")

from ozma.model.list_tokens import with_lists, write_lists
from ozma.model.tokenizer import SPECIAL, Tokenizer
from ozma.model.training.recipes import Recipe, debug_cpu, overridden
from ozma.model.training.shards import ShardWriter
from ozma.tasks.answers import LIST_OPEN
from ozma.tasks.prompts import flags_prompt

LISTS = ("default<Oz>", "function(sroa)", "function(gvn)", "globaldce")
TINY = (
    "hidden_size=32", "intermediate_size=64", "num_hidden_layers=2", "num_attention_heads=2",
    "num_key_value_heads=1", "max_position_embeddings=512", "batch_tokens=512", "micro_tokens=512",
    "warmup=2", "check_documents=4", "check_every=1000", "steps=8",
)  # fmt: skip


def byte_tokenizer() -> str:
    """A tokenizer.json whose tokens are the 256 bytes, after the three special ones."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in printable]
    characters = sorted([chr(b) for b in printable] + [chr(0x100 + i) for i in range(len(others))])
    flags = dict.fromkeys(("single_word", "lstrip", "rstrip", "normalized"), False)
    added = [
        {"id": number, "content": text} | flags | {"special": True}
        for number, text in enumerate(SPECIAL)
    ]
    level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": False, "use_regex": False}
    vocabulary = {text: number for number, text in enumerate((*SPECIAL, *characters))}
    model = {
        "type": "BPE", "dropout": None, "unk_token": None, "continuing_subword_prefix": None,
        "end_of_word_suffix": None, "fuse_unk": False, "byte_fallback": False,
        "ignore_merges": False, "vocab": vocabulary, "merges": [],
    }  # fmt: skip
    return json.dumps({
        "version": "1.0", "truncation": None, "padding": None, "added_tokens": added,
        "normalizer": None, "pre_tokenizer": level, "post_processor": None, "decoder": level,
        "model": model,
    })  # fmt: skip


def write_data(folder: Path, single: bool = True) -> Path:
    """A data folder of all four tasks. The best list is told by the question's letter."""
    text, first = with_lists(byte_tokenizer(), LISTS if single else ())
    tokenizer = Tokenizer(text)
    rng = np.random.default_rng(0)
    for split, count in (("train", 40), ("validation", 8)):
        flags = ShardWriter(folder / split / "flags")
        for number in range(count):
            best = number % len(LISTS)
            prompt = [1, *tokenizer.encode(flags_prompt('abcd'[best] * 20) + LIST_OPEN)]
            sizes = [100, *(60 if place == best else 110 for place in range(1, len(LISTS)))]
            flags.add(prompt, len(prompt), sizes=sizes, counts=sizes, before=(50, 200))
        flags.flush()
        for task in ("pretraining", "emulation", "disassembly"):
            writer = ShardWriter(folder / split / task)
            for _ in range(count):
                body = tokenizer.encode("add i32 %0, %1 " * int(rng.integers(1, 8)))
                prompt = 1 if task == "pretraining" else 10
                writer.add([1, *body, 2], prompt)
            writer.flush()
    (folder / "tokenizer.json").write_text(text)
    if single:
        write_lists(folder, LISTS, first)
    facts = {"lists": LISTS, "labels": "made up", "llvm": "19", "counts": {"documents": 160}}
    (folder / "data.json").write_text(json.dumps(facts))
    return folder


def tiny(*settings: str) -> Recipe:
    """A recipe that takes a second."""
    return overridden(debug_cpu(), (*TINY, *settings))
