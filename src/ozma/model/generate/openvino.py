"""GGUF models through OpenVINO GenAI: the fastest on x86 and ARM processors with matrix units.

It gives answers, no logits: greedy or at a temperature, without grammars and scores. Reads q8_0 and
f16 files that hold their tokenizer (`gguf_export`), not f32. Needs the package `openvino-genai`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from ozma.errors import OzmaError
from ozma.model.generate.answer import Answer, Sampling, plain_ids
from ozma.model.generate.backend import ContextOverflow
from ozma.model.generate.loading import check_file
from ozma.model.generate.optional import required
from ozma.model.tokenizer import Tokenizer

_INSTALL = "pip install openvino-genai"
PRECISIONS = ("f32", "bf16")


class OpenVinoAnswerer:
    """`context` is the model's window in tokens; "bf16" is faster where the processor has it."""

    name = "openvino"

    def __init__(
        self,
        path: Path,
        tokenizer: Tokenizer,
        context: int,
        precision: str = "f32",
        threads: int = 1,
    ) -> None:
        if precision not in PRECISIONS:
            raise ValueError(f"precision is '{precision}': give one of {', '.join(PRECISIONS)}")
        self._genai = required("openvino_genai", _INSTALL)
        self._tensor = required("openvino", _INSTALL).Tensor
        self.tokenizer, self.context = tokenizer, context
        check_file(path, "a GGUF file")
        hints = {"INFERENCE_PRECISION_HINT": precision, "INFERENCE_NUM_THREADS": threads}
        try:
            self._pipeline = self._genai.LLMPipeline(str(path), "CPU", **hints)
        except (RuntimeError, IndexError, ValueError) as error:
            reason = (str(error).strip() or "no reason given").splitlines()[-1]
            raise OzmaError(f"OpenVINO cannot read {path}: {reason}") from error

    def answers(self, prompt: str, sampling: Sampling) -> list[Answer]:
        """Greedy or at a temperature, the most probable first."""
        if sampling.method == "priority":
            raise OzmaError("OpenVINO cannot sample by priority", hint="choose another backend")
        special = frozenset((self.tokenizer.pad, self.tokenizer.bos, self.tokenizer.eos))
        ids = [self.tokenizer.bos, *plain_ids(self.tokenizer, special, prompt)]
        room = self.context - len(ids)
        if room < 1:
            raise ContextOverflow(
                f"{len(ids)} tokens do not fit into the model's window of {self.context}"
            )
        options = self._options(sampling, min(room, sampling.max_tokens))
        inputs = self._genai.TokenizedInputs(
            self._tensor(np.array([ids], np.int64)), self._tensor(np.ones((1, len(ids)), np.int64))
        )
        result = self._pipeline.generate(inputs, options)
        return [self._answer(tokens) for tokens in result.tokens]

    def _options(self, sampling: Sampling, max_tokens: int) -> Any:
        options = self._genai.GenerationConfig()
        options.max_new_tokens = max_tokens
        options.eos_token_id = self.tokenizer.eos
        options.stop_token_ids = {self.tokenizer.eos}
        options.num_return_sequences = sampling.count
        options.do_sample = sampling.method == "temperature"
        if options.do_sample:
            options.temperature, options.rng_seed = sampling.temperature, sampling.seed
        return options

    def _answer(self, tokens: list[int]) -> Answer:
        finished = bool(tokens) and tokens[-1] == self.tokenizer.eos
        kept = tokens[:-1] if finished else tokens
        return Answer(self.tokenizer.decode(kept), finished, None, len(kept))
