"""One conformance suite for every backend: the same ids, the same log-probabilities."""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import gc
import sys
import tempfile
import weakref
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from generate_support import TOY, ids_of, random_weights, toy_tokenizer_json

from ozma.errors import OzmaError
from ozma.model.config import LlamaConfig, read_config, write_config
from ozma.model.estimate import LLM_COMPILER_7B
from ozma.model.generate.backend import Backend, ContextOverflow, log_softmax
from ozma.model.generate.backends import load_backend
from ozma.model.generate.loading import read_model
from ozma.model.generate.numpy_attention import attend_prompt
from ozma.model.generate.numpy_llama import NumpyLlama
from ozma.model.generate.optional import required
from ozma.model.generate.priority import priority
from ozma.model.generate.ranking import best_texts, rank_texts
from ozma.model.generate.rows import Limits
from ozma.model.generate.sampling import greedy
from ozma.model.generate.trie import TextTrie
from ozma.model.weights import read_weights, write_weights


@cache
def reference():
    """`transformers`' Llama with the toy weights."""
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    torch.set_num_threads(1)
    values = TOY.to_json()
    values.pop("architectures"), values.pop("model_type")
    model = transformers.LlamaForCausalLM(transformers.LlamaConfig(**values))
    weights = {name: torch.tensor(value) for name, value in random_weights(TOY).items()}
    model.load_state_dict(weights)
    return model.eval()


@cache
def reference_logits(ids: tuple[int, ...]) -> np.ndarray:
    """(tokens, vocabulary)"""
    import torch

    with torch.no_grad():
        return reference()(torch.tensor([ids])).logits[0].numpy()


def numpy_backend() -> Backend:
    return NumpyLlama(TOY, random_weights(TOY))


def torch_backend() -> Backend:
    pytest.importorskip("torch")
    from ozma.model.generate.torch_llama import TorchLlama

    return TorchLlama(TOY, random_weights(TOY))


def llama_cpp_backend(storage: str, cache: str, path: Path | None = None) -> Backend:
    pytest.importorskip("gguf")
    from ozma.model.generate.gguf_export import export_gguf
    from ozma.model.generate.llama_cpp import LlamaCpp
    from ozma.model.generate.llama_cpp_api import installed_library

    try:
        installed_library()
    except OzmaError:
        pytest.skip("no llama.cpp is installed")
    with tempfile.TemporaryDirectory() as folder:
        path = path or Path(folder) / "toy.gguf"
        export_gguf(path, TOY, random_weights(TOY), storage)
        backend = LlamaCpp(path, cache=cache)
        backend.tolerance = 0.01 if storage == "f32" else 0.1
        return backend


def onnx_backend(
    storage: str,
    config: LlamaConfig = TOY,
    weights: Mapping[str, np.ndarray] | None = None,
    path: Path | None = None,
) -> Backend:
    pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    from ozma.model.generate.onnx_export import export_onnx
    from ozma.model.generate.onnx_llama import OnnxLlama

    with tempfile.TemporaryDirectory() as folder:
        path = path or Path(folder) / "toy.onnx"
        export_onnx(path, config, weights or random_weights(config), storage)
        return OnnxLlama(path)


BACKENDS = {
    "numpy": numpy_backend,
    "torch": torch_backend,
    "onnx-f32": lambda: onnx_backend("f32"),
    "onnx-q8": lambda: onnx_backend("q8"),
    "llama.cpp-f32": lambda: llama_cpp_backend("f32", "f32"),
    "llama.cpp-q8": lambda: llama_cpp_backend("q8_0", "f16"),
}


@pytest.fixture(scope="module", params=BACKENDS)
def backend(request) -> Backend:
    return BACKENDS[request.param]()


def close(got: np.ndarray, ids: list[int], backend: Backend) -> None:
    """`got` are logits after `ids`: as log-probabilities they must be the reference's."""
    want = log_softmax(reference_logits(tuple(ids))[-1])
    np.testing.assert_allclose(log_softmax(got), want, atol=backend.tolerance)


@pytest.mark.parametrize("length", [1, 2, 33, 150])
def test_logits_after_a_prompt(backend, length):
    ids = ids_of(length)
    close(backend.prefill(ids).logits[0], ids, backend)


def test_a_prompt_that_is_encoded_in_several_parts(backend, monkeypatch):
    module = sys.modules[type(backend).__module__]
    for name in {"CHUNK", "BATCH"} & vars(module).keys():
        monkeypatch.setattr(module, name, 32)
    for length in (64, 100):
        close(backend.prefill(ids_of(length)).logits[0], ids_of(length), backend)


def test_logits_step_by_step(backend):
    ids = ids_of(60)
    state = backend.prefill(ids[:20])
    for position in range(20, 60):
        logits = backend.step(state, [ids[position]])
    close(logits[0], ids, backend)
    assert state.positions.tolist() == [60]
    assert state.lengths.tolist() == [40]


def test_a_shared_prompt_for_16_rows_equals_16_single_runs(backend):
    prompt, answers = ids_of(50), [ids_of(8, seed=row) for row in range(16)]
    together = backend.fork(backend.prefill(prompt), 16)
    for column in range(8):
        backend.step(together, [answer[column] for answer in answers])
    for row, answer in enumerate(answers):
        close(together.logits[row], prompt + answer, backend)


def test_a_fork_leaves_the_state_that_it_came_from(backend):
    prompt = ids_of(10)
    first = backend.prefill(prompt)
    second = backend.fork(first, 2)
    backend.step(second, [5, 6])
    close(first.logits[0], prompt, backend)
    close(backend.step(first, [7])[0], [*prompt, 7], backend)
    close(second.logits[1], [*prompt, 6], backend)


def test_rows_may_get_different_numbers_of_tokens(backend):
    prompt, parts = ids_of(12), [ids_of(9, seed=1), [], ids_of(1, seed=2), ids_of(4, seed=3)]
    state = backend.fork(backend.prefill(prompt), 4)
    backend.extend(state, parts)
    backend.extend(state, parts[::-1])
    for row, (one, two) in enumerate(zip(parts, parts[::-1], strict=True)):
        close(state.logits[row], prompt + one + two, backend)


def test_selected_rows_in_any_order_any_number_of_times(backend):
    prompt, answers = ids_of(6), [ids_of(5, seed=row) for row in range(3)]
    state = backend.fork(backend.prefill(prompt), 3)
    backend.extend(state, answers)
    chosen = backend.select(state, [2, 0, 2])
    backend.step(chosen, [9, 10, 11])
    for row, (source, token) in enumerate([(2, 9), (0, 10), (2, 11)]):
        close(chosen.logits[row], [*prompt, *answers[source], token], backend)


def test_selected_rows_cut_to_a_length_grow_anew(backend):
    prompt, answer = ids_of(6), ids_of(10, seed=4)
    state = backend.prefill(prompt)
    backend.extend(state, [answer])
    cut = backend.select(state, [0, 0], [3, 7])
    backend.extend(cut, [[5, 6], [8]])
    close(cut.logits[0], [*prompt, *answer[:3], 5, 6], backend)
    close(cut.logits[1], [*prompt, *answer[:7], 8], backend)


def test_joined_states_of_several_prompts(backend):
    prompts = [ids_of(7, seed=1), ids_of(30, seed=2)]
    states = [backend.fork(backend.prefill(prompt), 2) for prompt in prompts]
    backend.extend(states[0], [[4, 5, 6], [7]])
    state = backend.join(states)
    backend.step(state, [10, 11, 12, 13])
    backend.extend(state, [[], [], [14], [15, 16]])
    texts = [[4, 5, 6, 10], [7, 11], [12, 14], [13, 15, 16]]
    for row, text in enumerate(texts):
        close(state.logits[row], prompts[row // 2] + text, backend)


def test_scores_are_the_log_probabilities_of_the_same_ids(backend):
    prompt, answer = ids_of(11), ids_of(20, seed=5)
    state = backend.prefill(prompt)
    got = backend.score(state, answer)
    table = log_softmax(reference_logits(tuple(prompt + answer)))
    want = [table[len(prompt) - 1 + i, token] for i, token in enumerate(answer)]
    np.testing.assert_allclose(got, want, atol=backend.tolerance)
    close(state.logits[0], prompt, backend)


@pytest.mark.parametrize("chunk", [256, 8])
def test_a_tree_scores_as_its_paths_one_by_one(backend, chunk, monkeypatch):
    monkeypatch.setattr("ozma.model.generate.cached_llama.CHUNK", chunk)
    prompt, rng = ids_of(20), np.random.default_rng(6)
    tokens = rng.integers(3, TOY.vocab_size, 60).tolist()
    parents = [-1, *(int(rng.integers(max(-1, node - 5), node)) for node in range(1, 60))]
    state = backend.prefill(prompt)
    backend.extend(state, [[4, 5]])
    got = backend.score_tree(state, tokens, parents)
    want = Backend.score_tree(backend, state, tokens, parents)
    # a difference in the last bit may round an int8 activation to its other neighbour
    np.testing.assert_allclose(got, want, atol=max(1e-4, backend.tolerance / 10))
    close(backend.step(state, [6])[0], [*prompt, 4, 5, 6], backend)


def test_priority_and_ranking_run_on_every_backend(backend):
    state, limits = backend.prefill(ids_of(30)), Limits(ends=(TOY.eos_token_id,), max_tokens=6)
    samples = priority(backend, state, limits, 9, batch=4)
    assert len({sample.tokens for sample in samples}) == 9
    assert samples[0] == greedy(backend, state, limits)[0]
    texts = {"ab": [5, 6], "ac": [5, 7], "b": [8, 9, 10]}
    trie = TextTrie(texts, texts.get, TOY.eos_token_id, TOY.vocab_size)
    ranked = rank_texts(backend, state, trie)
    want = rank_texts(*numpy_twin(ids_of(30)), trie)
    assert dict(map(reversed, ranked)) == pytest.approx(dict(map(reversed, want)), abs=0.2)
    assert [t for _, t in best_texts(backend, state, trie, 2)] == [t for _, t in ranked[:2]]


def numpy_twin(ids: list[int]):
    backend = numpy_backend()
    return backend, backend.prefill(ids)


def test_what_does_not_fit_into_the_window_is_an_error(backend):
    with pytest.raises(
        ContextOverflow, match="161 tokens do not fit into the model's window of 160"
    ):
        backend.prefill(ids_of(161))
    state = backend.prefill(ids_of(159))
    assert backend.room(state) == 1
    backend.step(state, [5])
    with pytest.raises(ContextOverflow, match="window of 160"):
        backend.step(state, [5])


@pytest.mark.parametrize("token", [-1, 320, 32_000])
def test_tokens_of_another_vocabulary_are_an_error(backend, token):
    with pytest.raises(OzmaError, match=f"token {token} is outside the model's vocabulary of 320"):
        backend.prefill([1, token])
    with pytest.raises(OzmaError, match="the tokenizer belongs to another model"):
        backend.extend(backend.prefill([1]), [[token]])


def test_an_empty_prompt_is_an_error(backend):
    with pytest.raises(OzmaError, match="prompt is empty"):
        backend.prefill([])


def test_one_list_for_each_row(backend):
    with pytest.raises(ValueError, match="ids has 1 rows: give one for each of 2"):
        backend.extend(backend.fork(backend.prefill([1]), 2), [[5]])


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A Hugging Face folder as published: bfloat16, in shards."""
    path = tmp_path_factory.mktemp("model")
    write_config(path, TOY, "bfloat16")
    write_weights(path, random_weights(TOY, seed=3), "bf16", shard=1 << 16)
    assert len(list(path.glob("model-*.safetensors"))) > 2
    return path


def first_tokens(backend: Backend) -> tuple[int, ...]:
    """The greedy answer; each of its tokens is ahead of the next best by more than rounding."""
    limits = Limits(ends=(TOY.eos_token_id,), max_tokens=24)
    state = backend.prefill(ids_of(40))
    tokens = greedy(backend, state, limits)[0].tokens
    if backend.name == "numpy":
        for token in tokens:
            best, second = np.sort(state.logits[0])[[-1, -2]]
            assert best - second > 0.002
            backend.step(state, [token])
    return tokens


def test_a_published_checkpoint_gives_the_same_tokens_by_every_way(folder):
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    from ozma.model.generate.torch_llama import TorchLlama

    tokens = first_tokens(NumpyLlama.load(folder))
    assert len(tokens) == 24
    assert first_tokens(TorchLlama.load(folder)) == tokens
    model = transformers.LlamaForCausalLM.from_pretrained(folder, dtype=torch.float32)
    with torch.no_grad():
        whole = model.generate(torch.tensor([ids_of(40)]), max_new_tokens=24, do_sample=False)
    assert tuple(whole[0, 40:].tolist()) == tokens


def test_the_same_checkpoint_as_gguf_gives_the_same_tokens(folder, tmp_path):
    llama_cpp = BACKENDS["llama.cpp-f32"]()
    from ozma.model.generate.gguf_export import export_gguf

    path = tmp_path / "model.gguf"
    export_gguf(path, read_config(folder), read_weights(folder), "f32")
    backend = type(llama_cpp)(path, cache="f32")
    assert first_tokens(backend) == first_tokens(NumpyLlama.load(folder))


def test_the_same_checkpoint_as_onnx_gives_the_same_tokens(folder):
    backend = onnx_backend("f32", *read_model(folder, bits=32))
    assert first_tokens(backend) == first_tokens(NumpyLlama.load(folder))


@pytest.mark.parametrize("name", ["numpy", "torch", "onnx", "llama.cpp"])
def test_a_backend_is_chosen_by_its_name(name, tmp_path):
    write_config(tmp_path, TOY)
    write_weights(tmp_path, random_weights(TOY))
    if name == "torch":
        pytest.importorskip("torch")
    if name == "onnx":
        onnx_backend("f32", path=tmp_path / "model.onnx")
    if name == "llama.cpp":
        llama_cpp_backend("f32", "f16", tmp_path / "model.gguf")
    backend = load_backend(name, tmp_path)
    assert backend.name == name
    np.testing.assert_allclose(
        backend.prefill([5]).logits, numpy_backend().prefill([5]).logits, atol=0.02
    )


def test_a_backend_that_is_not_there_is_one_clear_line(tmp_path):
    with pytest.raises(
        OzmaError, match="no backend 'tpu'; there are numpy, torch, onnx, llama.cpp"
    ):
        load_backend("tpu", tmp_path)
    pytest.importorskip("onnxruntime")
    with pytest.raises(OzmaError, match=f"there is no file {tmp_path / 'model.onnx'}"):
        load_backend("onnx", tmp_path)


@pytest.mark.parametrize("storage", ["f32", "q8"])
def test_an_onnx_file_holds_tied_embeddings_once(storage, tmp_path):
    config = replace(TOY, hidden_size=256, vocab_size=2048, tie_word_embeddings=True)
    weights = random_weights(config, scale=0.05)
    path = tmp_path / "toy.onnx"
    backend = onnx_backend(storage, config, weights, path)
    bits = 32 if storage == "f32" else 9
    assert path.stat().st_size < 1.05 * config.parameters() * bits / 8 + 30_000
    state, twin = backend.prefill(ids_of(30)), NumpyLlama(config, weights).prefill(ids_of(30))
    got, want = (log_softmax(each.logits) for each in (state, twin))
    np.testing.assert_allclose(got, want, atol=backend.tolerance)


def test_int8_storage_stays_near_the_float_model(tmp_path):
    write_config(tmp_path, TOY)
    write_weights(tmp_path, random_weights(TOY), "q8")
    small = NumpyLlama.load(tmp_path)
    small.tolerance = 0.1
    close(small.prefill(ids_of(30)).logits[0], ids_of(30), small)


def test_a_gguf_file_holds_the_tokens_and_the_weights(tmp_path):
    gguf = pytest.importorskip("gguf")
    from ozma.model.generate.gguf_export import export_gguf

    (tmp_path / "tokenizer.json").write_text(toy_tokenizer_json())
    path = tmp_path / "toy.gguf"
    export_gguf(path, TOY, random_weights(TOY), "f16", tmp_path / "tokenizer.json")
    reader = gguf.GGUFReader(path)
    assert reader.fields["tokenizer.ggml.tokens"].contents(2) == "</s>"
    assert len(reader.fields["tokenizer.ggml.tokens"].contents()) == TOY.vocab_size
    assert reader.fields["llama.rope.freq_base"].contents() == 1e6
    tensors = {tensor.name: tensor for tensor in reader.tensors}
    assert len(tensors) == len(TOY.shapes())
    down = random_weights(TOY)["model.layers.1.mlp.down_proj.weight"].astype(np.float16)
    assert (tensors["blk.1.ffn_down.weight"].data == down).all()


def damaged_weights(folder: Path) -> None:
    file = folder / "model.safetensors"
    file.write_bytes(file.read_bytes()[:-100])


def missing_tensor(folder: Path) -> None:
    weights = random_weights(TOY)
    weights.pop("model.norm.weight")
    write_weights(folder, weights)


def another_shape(folder: Path) -> None:
    write_config(folder, replace(TOY, vocab_size=321))


def no_config(folder: Path) -> None:
    (folder / "config.json").unlink()


@pytest.mark.parametrize("damage", [damaged_weights, missing_tensor, another_shape, no_config])
def test_a_damaged_folder_is_one_clear_line(tmp_path, damage):
    write_config(tmp_path, TOY)
    write_weights(tmp_path, random_weights(TOY))
    damage(tmp_path)
    with pytest.raises(OzmaError) as caught:
        NumpyLlama.load(tmp_path)
    assert str(tmp_path) in str(caught.value) and "\n" not in str(caught.value)


def test_a_model_that_is_too_large_is_not_even_read(tmp_path):
    write_config(tmp_path, LLM_COMPILER_7B)  # and no weights: reading would be another error
    with pytest.raises(OzmaError, match="the model needs 28.*2.0 GB are free; use a smaller model"):
        read_model(tmp_path, 32, free=2 * 10**9)


def test_a_gguf_file_that_is_too_large_is_not_read(tmp_path, monkeypatch):
    llama_cpp = type(BACKENDS["llama.cpp-f32"]())
    path = tmp_path / "large.gguf"
    path.write_bytes(b"x" * 1000)
    monkeypatch.setattr("ozma.model.generate.loading.free_memory", lambda: 999)
    with pytest.raises(OzmaError, match="memory are free; use a file with fewer bits"):
        llama_cpp(path)


def test_a_damaged_gguf_file_is_one_clear_line(tmp_path):
    llama_cpp = BACKENDS["llama.cpp-f32"]()
    path = tmp_path / "broken.gguf"
    path.write_bytes(b"GGUF\x03\0\0\0" + b"\xff" * 64)
    for wrong in (path, tmp_path / "none.gguf"):
        with pytest.raises(OzmaError, match=f"{wrong}"):
            type(llama_cpp)(wrong)


def test_a_dropped_gguf_model_leaves_the_log_function_that_others_use():
    """llama.cpp keeps one for all: one that took its own away broke those still open."""
    one = BACKENDS["llama.cpp-f32"]()
    log = weakref.ref(BACKENDS["llama.cpp-f32"]()._library._log)
    gc.collect()
    assert log() is one._library._log


def test_an_onnx_file_that_cannot_be_read_is_one_clear_line(tmp_path, monkeypatch):
    onnx = pytest.importorskip("onnx")
    onnx_llama = type(onnx_backend("f32"))
    from ozma.model.generate.onnx_export import export_onnx

    whole, cut, other = (tmp_path / name for name in ("whole.onnx", "cut.onnx", "other.onnx"))
    export_onnx(whole, TOY, random_weights(TOY))
    cut.write_bytes(whole.read_bytes()[:-1000])
    model = onnx.load(whole)
    del model.metadata_props[:]
    onnx.save(model, other)
    for wrong in (cut, other, tmp_path / "none.onnx"):
        with pytest.raises(OzmaError, match=f"{wrong}") as caught:
            onnx_llama(wrong)
        assert "\n" not in str(caught.value)
    monkeypatch.setattr("ozma.model.generate.loading.free_memory", lambda: 999)
    with pytest.raises(OzmaError, match="memory are free; use a file with fewer bits"):
        onnx_llama(whole)


def test_an_onnx_file_that_cannot_be_written_is_one_clear_line(tmp_path):
    pytest.importorskip("onnx")
    from ozma.model.generate.onnx_export import export_onnx

    with pytest.raises(OzmaError, match=f"cannot write {tmp_path}: "):
        export_onnx(tmp_path, TOY, random_weights(TOY))
    with pytest.raises(OzmaError, match="the model has 27.0 GB as f32, an ONNX file holds 2 GB"):
        export_onnx(tmp_path / "large.onnx", LLM_COMPILER_7B, {})
    with pytest.raises(ValueError, match="storage is 'q4': give one of f32, q8"):
        export_onnx(tmp_path / "q4.onnx", TOY, {}, "q4")


def test_a_backend_whose_package_is_missing_says_what_to_install(monkeypatch):
    import ozma.model.generate.llama_cpp_api as api

    with pytest.raises(OzmaError, match="needs the package 'no_such_runtime'.*pip install it"):
        required("no_such_runtime", "pip install it")
    monkeypatch.setattr(api, "find_spec", lambda name: None)
    with pytest.raises(OzmaError, match="no llama.cpp is installed; pip install xllamacpp"):
        api.installed_library()


def test_scores_far_above_the_rest_of_the_prompt_do_not_overflow():
    """A key far back that fits a query by far better than its neighbours."""
    rng = np.random.default_rng(0)
    keys = rng.standard_normal((1, 900, 8)).astype(np.float32)
    keys[0, 3] = 60
    values = np.ones((1, 900, 9), np.float32)
    values[0, :, 0] = np.arange(900)
    query = np.full((1, 60, 1, 8), 2, np.float32)
    seen = attend_prompt(query, keys, values, 840)
    np.testing.assert_allclose(seen[0, :, 0, 0], 3, atol=1e-3)
