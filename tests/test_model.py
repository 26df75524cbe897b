"""The model's shape, its weights on disk, and that it computes what `transformers` computes."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import pytest

np = pytest.importorskip("numpy")

from hypothesis import given, settings
from hypothesis import strategies as st

from ozma.errors import OzmaError
from ozma.model.config import LlamaConfig, read_config, write_config
from ozma.model.list_tokens import ListTokens, read_lists, with_lists, write_lists
from ozma.model.safetensors import read_tensors
from ozma.model.weights import (
    FILE,
    INDEX,
    STORAGES,
    dequantize,
    from_bf16,
    quantize,
    read_weights,
    to_bf16,
    write_weights,
)

SMALL = LlamaConfig(300, 64, 96, 3, 4, 2, 1024)
ERROR = {"f32": 0.0, "f16": 2e-3, "bf16": 2e-2, "q8": 3e-2}
TRANSFORMERS = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")


def random_weights(config: LlamaConfig = SMALL) -> dict:
    rng = np.random.default_rng(0)
    return {n: rng.normal(size=s).astype(np.float32) for n, s in config.shapes().items()}


# --- config.json


def test_config_round_trips_through_json(tmp_path):
    write_config(tmp_path, SMALL)
    assert read_config(tmp_path) == SMALL


@pytest.mark.parametrize(
    "change, word",
    [
        ({"vocab_size": 0}, "vocab_size"),
        ({"num_key_value_heads": 3}, "num_key_value_heads"),
        ({"hidden_size": 60}, "hidden_size"),
        ({"rms_norm_eps": 0.0}, "rms_norm_eps"),
        ({"eos_token_id": 300}, "eos_token_id"),
    ],
)
def test_a_wrong_field_is_named(change, word):
    with pytest.raises(ValueError, match=word):
        replace(SMALL, **change)


def test_legacy_and_absent_keys_have_the_values_of_transformers():
    """Llama 2's config.json has no rope_theta; Code Llama's has it at the top."""
    legacy = {
        "vocab_size": 32000, "hidden_size": 128, "intermediate_size": 256, "num_hidden_layers": 2,
        "num_attention_heads": 4, "model_type": "llama", "torch_dtype": "float16",
        "rope_scaling": None, "eos_token_id": [2, 7], "pad_token_id": None,
    }  # fmt: skip
    config = LlamaConfig.from_json(legacy)
    assert (config.rope_theta, config.rms_norm_eps, config.num_key_value_heads) == (1e4, 1e-6, 4)
    assert (config.eos_token_id, config.pad_token_id) == (2, 0)
    assert LlamaConfig.from_json(legacy | {"rope_theta": 1e6}).rope_theta == 1e6
    new = {"rope_parameters": {"rope_theta": 5e5, "rope_type": "default"}}
    assert LlamaConfig.from_json(legacy | new).rope_theta == 5e5


@pytest.mark.parametrize(
    "key, value, word",
    [
        ("model_type", "gpt2", "model_type"),
        ("attention_bias", True, "attention_bias"),
        ("hidden_act", "gelu", "hidden_act"),
        ("rope_scaling", {"type": "linear", "factor": 2.0}, "rope_scaling"),
        ("head_dim", 32, "head_dim"),
        ("hidden_size", "wide", "hidden_size is 'wide'"),
        ("hidden_size", 10**400, "config.json"),
        ("num_hidden_layers", 1.5, "num_hidden_layers is 1.5: give a whole number"),
        ("num_attention_heads", 0, "num_attention_heads is 0"),
        ("rope_parameters", {"rope_theta": float("nan")}, "rope_theta is nan"),
        ("bos_token_id", "1", "bos_token_id"),
    ],
)
def test_another_architecture_is_refused_in_one_line(tmp_path, key, value, word):
    (tmp_path / "config.json").write_text(json.dumps(SMALL.to_json() | {key: value}))
    with pytest.raises(OzmaError, match=word):
        read_config(tmp_path)


def test_the_paper_s_sizes_have_the_paper_s_parameters():
    seven = LlamaConfig(32000, 4096, 11008, 32, 32, 32, 16384)
    thirteen = LlamaConfig(32000, 5120, 13824, 40, 40, 40, 16384)
    assert round(seven.parameters() / 1e9, 2) == 6.74
    assert round(thirteen.parameters() / 1e9, 2) == 13.02


# --- weights


@pytest.mark.parametrize("storage", STORAGES)
def test_weights_come_back_in_every_storage(tmp_path, storage):
    weights = random_weights()
    write_weights(tmp_path, weights, storage)
    back = read_weights(tmp_path, SMALL)
    assert list(back) == list(SMALL.shapes())
    assert max(np.abs(back[name] - weights[name]).max() for name in weights) <= ERROR[storage]


def test_q8_takes_a_little_more_than_a_byte_a_weight(tmp_path):
    write_weights(tmp_path, random_weights(), "q8")
    assert (tmp_path / FILE).stat().st_size < 1.25 * SMALL.parameters()


def test_shards_are_found_through_their_index(tmp_path):
    weights = random_weights()
    write_weights(tmp_path, weights, shard=60_000)
    assert (tmp_path / INDEX).exists() and not (tmp_path / FILE).exists()
    back = read_weights(tmp_path, SMALL)
    assert all((back[name] == weights[name]).all() for name in weights)


def test_files_are_those_of_the_safetensors_package(tmp_path):
    package = pytest.importorskip("safetensors.numpy")
    weights = random_weights()
    write_weights(tmp_path, weights)
    loaded = package.load_file(tmp_path / FILE)
    assert all((loaded[name] == weights[name]).all() for name in weights)
    package.save_file(weights, tmp_path / FILE)
    assert read_weights(tmp_path, SMALL).keys() == weights.keys()


@given(st.binary(max_size=200))
@settings(max_examples=60)
def test_garbage_is_one_clear_error(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("garbage") / FILE
    path.write_bytes(data)
    with pytest.raises(OzmaError, match="damaged"):
        read_tensors(path)


@given(st.integers(0, 10_000), st.booleans())
@settings(max_examples=30)
def test_a_cut_or_longer_file_is_one_clear_error(tmp_path_factory, place, longer):
    folder = tmp_path_factory.mktemp("cut")
    write_weights(folder, {"a": np.ones((40, 64), np.float32)})
    data = (folder / FILE).read_bytes()
    (folder / FILE).write_bytes(data + b"x" if longer else data[: place % len(data)])
    with pytest.raises(OzmaError, match="damaged"):
        read_weights(folder)


def test_weights_of_another_shape_are_named(tmp_path):
    write_weights(tmp_path, random_weights(replace(SMALL, vocab_size=301)))
    with pytest.raises(OzmaError, match=r"embed_tokens.*\(301, 64\)"):
        read_weights(tmp_path, SMALL)
    write_weights(tmp_path, random_weights(replace(SMALL, num_hidden_layers=2)))
    with pytest.raises(OzmaError, match="lacks the tensor model.layers.2"):
        read_weights(tmp_path, SMALL)
    write_weights(tmp_path, random_weights(replace(SMALL, num_hidden_layers=4)))
    with pytest.raises(OzmaError, match="knows nothing"):
        read_weights(tmp_path, SMALL)


@given(st.integers(1, 8), st.integers(1, 4), st.floats(1e-3, 1e3))
@settings(max_examples=40)
def test_q8_is_off_by_half_a_step_at_most(rows, groups, scale):
    values = np.random.default_rng(rows).normal(size=(rows, 32 * groups)) * scale
    whole, scales = quantize(values)
    step = np.repeat(scales.astype(np.float32), 32, axis=1)
    assert (np.abs(dequantize(whole, scales) - values) <= 0.57 * step + 1e-7).all()


@given(st.lists(st.floats(width=32, allow_infinity=False), min_size=1, max_size=20))
def test_bfloat16_rounds_as_torch_does(values):
    torch = pytest.importorskip("torch")
    array = np.array(values, np.float32)
    ours = from_bf16(to_bf16(array))
    theirs = torch.from_numpy(array).bfloat16().float().numpy()
    assert np.array_equal(ours, theirs, equal_nan=True)


# --- known lists as tokens


class Bytes:
    """A tokenizer of single characters."""

    def encode(self, text):
        return list(text.encode())

    def decode(self, ids):
        return bytes(ids).decode()


def test_a_known_list_is_one_token_and_comes_back_as_text():
    codec = ListTokens(Bytes(), ("globaldce", "function(sroa)"), 300)
    text = "use opt -p 'function(sroa)' or opt -p 'dce' or function(sroa)"
    ids = codec.encode(text)
    assert ids.count(301) == 1 and len(ids) == len(text) - len("function(sroa)") + 1
    assert codec.decode(ids) == text


def test_lists_are_kept_beside_the_tokenizer(tmp_path):
    text, first = with_lists(json.dumps({"model": {"vocab": {"a": 0, "b": 1}}}), ("x", "y"))
    assert first == 2 and [one["id"] for one in json.loads(text)["added_tokens"]] == [2, 3]
    assert read_lists(tmp_path) == ((), 0)
    write_lists(tmp_path, ("x", "y"), first)
    assert read_lists(tmp_path) == (("x", "y"), 2)
    (tmp_path / "lists.json").write_text("{")
    with pytest.raises(OzmaError, match=r"lists.json is damaged"):
        read_lists(tmp_path)


# --- Llama


@pytest.fixture
def torch():
    torch = pytest.importorskip("torch")
    torch.set_num_threads(1)
    torch.manual_seed(0)
    return torch


def documents(torch, config=SMALL, lengths=(100, 700, 3)):
    return torch.randint(0, config.vocab_size, (sum(lengths),)), list(lengths)


@TRANSFORMERS
@pytest.mark.parametrize("tied, groups", [(False, 4), (True, 2)])
def test_logits_equal_those_of_transformers(torch, tmp_path, tied, groups):
    """Both ways through the folder: theirs reads ours, ours reads theirs; documents apart."""
    transformers = pytest.importorskip("transformers")
    from ozma.model.hf import export_model, load_model
    from ozma.model.llama import Llama

    config = replace(SMALL, tie_word_embeddings=tied, num_key_value_heads=groups)
    ours = Llama(config).eval()
    export_model(ours, tmp_path / "ours", "{}", "a card")
    theirs = transformers.LlamaForCausalLM.from_pretrained(tmp_path / "ours").eval()
    theirs.save_pretrained(tmp_path / "theirs")
    back = load_model(tmp_path / "theirs").eval()
    tokens, lengths = documents(torch)
    with torch.no_grad():
        expected = torch.cat([theirs(one[None]).logits[0] for one in tokens.split(lengths)])
        assert (ours(tokens, lengths) - expected).abs().max() < 1e-5
        assert (back(tokens, lengths) - expected).abs().max() < 1e-5


def test_the_blockwise_attention_of_cpus_is_the_fused_one(torch):
    from ozma.model import llama

    lengths = [5, 256, 700]
    q, k, v = (torch.randn(heads, sum(lengths), 16) for heads in (4, 2, 2))
    half = [x.bfloat16() for x in (q, k, v)]
    assert (llama.attend(q, k, v, lengths) - llama.attend(*half, lengths)).abs().max() < 0.05
    exact = torch.cat([
        llama._blockwise(*parts)
        for parts in zip(*(x.split(lengths, 1) for x in (q, k, v)), strict=True)
    ], 1)  # fmt: skip
    assert (llama.attend(q, k, v, lengths) - exact).abs().max() < 1e-5


def test_the_chunked_loss_and_its_gradients_are_those_of_cross_entropy(torch):
    from ozma.model.llama import Llama

    model = Llama(SMALL)
    tokens, lengths = documents(torch)
    places = torch.randint(0, len(tokens), (1300,))
    targets, weights = torch.randint(0, 300, (1300,)), torch.rand(1300)
    model(tokens, lengths, places, targets, weights).backward()
    ours = [parameter.grad.clone() for parameter in model.parameters()]
    model.zero_grad()
    logits = model(tokens, lengths)[places]
    (torch.nn.functional.cross_entropy(logits, targets, reduction="none") * weights).sum().backward()
    for mine, parameter in zip(ours, model.parameters(), strict=True):
        assert (mine - parameter.grad).abs().max() < 1e-4 * parameter.grad.abs().max() + 1e-6


def test_recomputed_layers_give_the_same_gradients(torch):
    from ozma.model.llama import Llama

    plain, again = Llama(SMALL), Llama(SMALL, recompute=True)
    again.load_state_dict(plain.state_dict())
    tokens, lengths = documents(torch)
    for model in (plain, again):
        model(tokens, lengths).square().mean().backward()
    pairs = zip(plain.parameters(), again.parameters(), strict=True)
    assert all(torch.equal(one.grad, other.grad) for one, other in pairs)


def test_a_document_longer_than_the_window_is_refused(torch):
    from ozma.model.llama import Llama

    with pytest.raises(ValueError, match="window is 1024"):
        Llama(SMALL)(torch.zeros(1025, dtype=torch.long), [1025])


def test_a_folder_of_another_shape_is_refused(torch, tmp_path):
    from ozma.model.hf import export_model, load_into
    from ozma.model.llama import Llama

    export_model(Llama(SMALL), tmp_path, "{}", "")
    wider = Llama(replace(SMALL, hidden_size=128))
    with pytest.raises(OzmaError, match="another shape"):
        load_into(wider, tmp_path)
    more = Llama(replace(SMALL, vocab_size=310))
    load_into(more, tmp_path)  # list tokens are new, the rest is the folder's
    first = more.state_dict()["lm_head.weight"][:300]
    assert np.array_equal(first.numpy(), read_weights(tmp_path)["lm_head.weight"])


@pytest.mark.parametrize("tied", [True, False])
def test_parameters_are_counted_without_naming_every_tensor(tied):
    config = replace(SMALL, tie_word_embeddings=tied)
    assert config.parameters() == sum(math.prod(shape) for shape in config.shapes().values())
    assert replace(config, num_hidden_layers=10**12).parameters() > 10**12
