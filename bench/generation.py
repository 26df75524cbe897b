"""Generation speed of every backend on the same weights, in one run, one thread, processor time.

    python bench/generation.py                        # 20M parameters, random weights
    python bench/generation.py --model FOLDER         # a model of one's own
    python bench/generation.py --large                # estimates for 7B and 13B from one real layer

Each backend runs in processes of its own, turn about with the others, so that a busy machine slows
all of them; the best of the rounds counts. Memory is the peak of the process without its start.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

for _name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_name] = "1"
os.environ["OMP_WAIT_POLICY"] = "passive"

import numpy as np
from large_models import large

from ozma.errors import OzmaError
from ozma.model.config import LlamaConfig, read_config, write_config
from ozma.model.weights import read_weights, write_weights

M20 = LlamaConfig(8192, 384, 1024, 8, 6, 6, 16_384)
BACKENDS = (
    "numpy", "torch", "transformers", "onnx-f32", "onnx-q8", "llama.cpp-f32", "llama.cpp-q8_0",
)  # fmt: skip
STEPS = 16
ROWS = 16


def random_weights(config: LlamaConfig, scale: float = 0.05) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    return {
        name: rng.standard_normal(shape, np.float32) * scale
        if len(shape) == 2
        else np.ones(shape, "f4")
        for name, shape in config.shapes().items()
    }


def loaded(backend: str, folder: Path):
    """The backend of that name; the model's folder holds every format."""
    if backend == "numpy":
        from ozma.model.generate.numpy_llama import NumpyLlama

        return NumpyLlama.load(folder)
    if backend == "torch":
        from ozma.model.generate.torch_llama import TorchLlama

        return TorchLlama.load(folder)
    if backend.startswith("onnx"):
        from ozma.model.generate.onnx_llama import OnnxLlama

        return OnnxLlama(folder / f"{backend}.onnx")
    from ozma.model.generate.llama_cpp import LlamaCpp

    storage = backend.removeprefix("llama.cpp-")
    cache = "f32" if storage == "f32" else "f16"
    return LlamaCpp(folder / f"{storage}.gguf", rows=2 * ROWS, answer_tokens=2 * STEPS, cache=cache)


def measured(backend: str, folder: Path, prompts: list[int]) -> dict[str, float]:
    """Tokens per second by name of the column, in this process."""
    base, started = peak_memory(), time.process_time()
    if backend == "transformers":
        run = transformers_runner(folder)
    else:
        run = backend_runner(loaded(backend, folder))
    results = {"load s": time.process_time() - started}
    vocabulary = read_config(folder).vocab_size
    for length in prompts:
        ids = np.random.default_rng(length).integers(3, vocabulary, length).tolist()
        for name, (count, seconds) in run(ids).items():
            results[f"{name} @{length}"] = count / seconds
    results["MB"] = (peak_memory() - base) / 1e6
    return results


Runner = Callable[[list[int]], dict[str, tuple[int, float]]]
"""A prompt to: name -> (tokens, seconds)."""


def backend_runner(backend) -> Runner:
    def run(ids: list[int]) -> dict[str, tuple[int, float]]:
        seconds, state = timed(lambda: backend.prefill(ids[: backend.context - 2 * STEPS]))
        results = {"prefill": (len(ids), seconds)}
        for rows in (1, ROWS):
            results[f"x{rows}"] = (rows * STEPS, steps_seconds(backend.fork(state, rows)))
        return results

    def steps_seconds(state) -> float:
        tokens = [5] * state.rows
        backend.step(state, tokens)
        return timed(lambda: [backend.step(state, tokens) for _ in range(STEPS)])[0]

    return run


def transformers_runner(folder: Path) -> Runner:
    import torch
    from transformers import LlamaForCausalLM

    torch.set_num_threads(1)
    model = LlamaForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()

    def generate(ids: list[int], rows: int, tokens: int) -> float:
        prompt = torch.tensor([ids[: model.config.max_position_embeddings - 2 * STEPS]] * rows)
        options = {"max_new_tokens": tokens, "min_new_tokens": tokens, "do_sample": False}
        with torch.inference_mode():
            return timed(
                lambda: model.generate(prompt, attention_mask=torch.ones_like(prompt), **options)
            )[0]

    def run(ids: list[int]) -> dict[str, tuple[int, float]]:
        results = {"prefill": (len(ids), first := generate(ids, 1, 1))}
        results["x1"] = (STEPS, generate(ids, 1, STEPS + 1) - first)
        if len(ids) <= 1024:  # it encodes the prompt once for each row
            several = generate(ids, ROWS, 1)
            results[f"x{ROWS}"] = (ROWS * STEPS, generate(ids, ROWS, STEPS + 1) - several)
        return results

    return run


def timed(work: Callable) -> tuple[float, object]:
    started = time.process_time()
    result = work()
    return max(time.process_time() - started, 1e-6), result


def peak_memory() -> int:
    """Bytes; `getrusage` would give the parent's peak where that was larger."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) * 1024


def prepared(folder: Path, model: Path | None, backends: list[str]) -> list[str]:
    """The model as a Hugging Face folder and in the backends' formats; the backends that have
    theirs. Of the others is said what is missing."""
    config = read_config(model) if model else M20
    weights = read_weights(model, config) if model else random_weights(config)
    write_config(folder, config)
    write_weights(folder, weights)
    ready = []
    for backend in backends:
        try:
            export(folder, backend, config, weights)
            ready.append(backend)
        except OzmaError as error:
            print(f"{backend}: {error}", file=sys.stderr)
    return ready


def export(folder: Path, backend: str, config: LlamaConfig, weights: dict) -> None:
    """The file that a backend reads, if it is not the folder's own."""
    name, _, storage = backend.partition("-")
    if name == "llama.cpp":
        from ozma.model.generate.gguf_export import export_gguf

        export_gguf(folder / f"{storage}.gguf", config, weights, storage)
    elif name == "onnx":
        from ozma.model.generate.onnx_export import export_onnx

        export_onnx(folder / f"{backend}.onnx", config, weights, storage)


def in_turn(folder: Path, backends: list[str], prompts: list[int], rounds: int) -> dict[str, dict]:
    """Best of the rounds for each backend and column; a backend that fails says why."""
    best: dict[str, dict[str, float]] = {}
    for _ in range(rounds):
        for backend in backends:
            command = [sys.executable, __file__, "--child", backend, "--model", str(folder)]
            done = subprocess.run(
                [*command, "--prompts", *map(str, prompts)], capture_output=True, text=True
            )
            if done.returncode:
                print(f"{backend}: {done.stderr.strip().splitlines()[-1]}", file=sys.stderr)
                continue
            for name, value in json.loads(done.stdout).items():
                lower = name in ("load s", "MB")
                known = best.setdefault(backend, {}).get(name, value)
                best[backend][name] = min(known, value) if lower else max(known, value)
    return best


def import_seconds(module: str) -> float:
    """Processor seconds of a bare `import`, best of five, without the interpreter's own start."""

    def run(code: str) -> float:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, "-c", code], check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    return min(run(f"import {module}") for _ in range(5)) - min(run("pass") for _ in range(5))


def table(results: dict[str, dict[str, float]]) -> str:
    columns = list(dict.fromkeys(name for row in results.values() for name in row))
    lines = ["| backend | " + " | ".join(columns) + " |", "|---" * (len(columns) + 1) + "|"]
    for backend, row in results.items():
        cells = (
            f"{row[c]:,.2f}" if c == "load s" else f"{row[c]:,.0f}" if c in row else "–"
            for c in columns
        )
        lines.append(f"| {backend} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", type=Path, help="a model's folder; random weights if not given")
    parser.add_argument("--prompts", type=int, nargs="+", default=[1024, 4096])
    parser.add_argument("--backends", nargs="+", default=BACKENDS)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--large", action="store_true", help="estimate 7B and 13B instead")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.child:
        print(json.dumps(measured(asked.child, asked.model, asked.prompts)))
        return
    with tempfile.TemporaryDirectory() as folder:
        if asked.large:
            print(large(Path(folder), prompt=1024))
            return
        backends = prepared(Path(folder), asked.model, asked.backends)
        results = in_turn(Path(folder), backends, asked.prompts, asked.rounds)
    imports = {
        f"import {m}": import_seconds(m) for m in ("ozma.cli", "ozma.model.generate.numpy_llama")
    }
    print(json.dumps(results | imports) if asked.json else table(results))
    if not asked.json:
        print(
            "\n" + "\n".join(f"{name}: {1e3 * seconds:.0f} ms" for name, seconds in imports.items())
        )


if __name__ == "__main__":
    main()
