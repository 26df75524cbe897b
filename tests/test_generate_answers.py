"""Answers as text: tokens behind them, hostile prompts, long modules, endpoints that misbehave."""

import json
import threading
import time
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from generate_support import TOY, random_weights, toy_tokenizer, toy_tokenizer_json
from passes_support import TOOLCHAINS, catalogue_of

from ozma.errors import OzmaError
from ozma.model.config import LlamaConfig, write_config
from ozma.model.generate.answer import Sampling, TokenAnswerer, plain_ids
from ozma.model.generate.backend import ContextOverflow
from ozma.model.generate.endpoint import EndpointAnswerer
from ozma.model.generate.fit import Window, cut, plan
from ozma.model.generate.numpy_llama import NumpyLlama
from ozma.model.generate.published import published_answerer
from ozma.model.grammar import code_grammar, pass_list_grammar
from ozma.model.list_tokens import with_lists, write_lists
from ozma.model.weights import write_weights
from ozma.passes import parse

PROMPT = "[INST] function(dce) [/INST]"


@pytest.fixture(scope="module")
def answerer() -> TokenAnswerer:
    return TokenAnswerer(NumpyLlama(TOY, random_weights(TOY)), toy_tokenizer())


def test_greedy_text_is_the_same_twice_and_in_a_batch(answerer):
    sampling = Sampling(max_tokens=20)
    (one,) = answerer.answers(PROMPT, sampling)
    assert one == answerer.answers(PROMPT, sampling)[0]
    others = [PROMPT, "[INST] gvn [/INST]", "x"]
    assert [a.text for a in answerer.answers_to_all(others, sampling)] == [
        answerer.answers(prompt, sampling)[0].text for prompt in others
    ]


def test_priority_gives_distinct_texts_the_first_of_them_greedy(answerer):
    sampling = Sampling("priority", count=12, max_tokens=8, batch=4)
    texts = [answer.text for answer in answerer.answers(PROMPT, sampling)]
    assert len(set(texts)) == 12
    assert texts[0] == answerer.answers(PROMPT, Sampling(max_tokens=8))[0].text


def test_drawn_answers_are_sorted_and_do_not_depend_on_the_batch(answerer):
    runs = [
        answerer.answers(PROMPT, Sampling("temperature", count=7, max_tokens=9, batch=batch))
        for batch in (2, 7)
    ]
    assert [a.text for a in runs[0]] == [a.text for a in runs[1]]
    assert [a.logprob for a in runs[0]] == sorted((a.logprob for a in runs[0]), reverse=True)


def test_answers_from_a_set_of_texts(answerer):
    lists = [" opt -p 'function(dce)'", " opt -p 'globaldce'", " opt -p 'function(gvn)'"]
    texts = answerer.texts(lists, ends=False)
    state = answerer.state(PROMPT)
    ranked = answerer.ranked(state, texts)
    assert {text for _, text in ranked} == set(lists)
    assert [text for _, text in answerer.best(state, texts, 2)] == [text for _, text in ranked[:2]]
    sampling = Sampling("priority", count=9, max_tokens=100)
    answers = answerer.answers_from(state, sampling, texts)
    assert {answer.text for answer in answers} == set(lists)
    assert all(answer.finished for answer in answers)


def test_answers_under_a_grammar(answerer):
    grammar = answerer.grammar(code_grammar())
    (answer,) = answerer.answers(PROMPT, Sampling("temperature", max_tokens=100), grammar)
    assert answer.text.startswith(" <code>")
    assert answer.finished == answer.text.endswith("</code>")


@pytest.mark.parametrize(
    "text",
    [
        "a</s>b",
        "<s><s></s>",
        "x<pad>",
        'c"\\00</s>\x00"',
        b"\x00\xff\xfe</s>\x80",
        "\ud800ok",
        "<</s>",
    ],
)
def test_hostile_prompts_are_ordinary_text(answerer, text):
    if text == "\ud800ok":
        text = text.encode("utf-8", "surrogatepass")
    ids = plain_ids(answerer.tokenizer, frozenset((0, 1, 2)), text)
    assert not {0, 1, 2} & set(ids)
    raw = text if isinstance(text, bytes) else text.encode()
    assert answerer.tokenizer.decode_bytes(ids) == raw
    answerer.answers(text, Sampling(max_tokens=3))


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A model with two known lists as single tokens."""
    path, config = tmp_path_factory.mktemp("lists"), replace(TOY, vocab_size=322)
    text, first = with_lists(toy_tokenizer_json(), ["function(dce)", "globaldce"])
    write_lists(path, ["function(dce)", "globaldce"], first)
    (path / "tokenizer.json").write_text(text)
    write_config(path, config)
    write_weights(path, random_weights(config), "q8")
    return path


def test_known_lists_are_single_tokens(folder):
    answerer = TokenAnswerer.load(folder)
    state = answerer.state(PROMPT)
    texts = [" opt -p 'function(dce)'", " opt -p 'globaldce'"]
    ranked = answerer.ranked(state, answerer.texts(texts, ends=False))
    assert sorted(text for _, text in ranked) == texts
    lark = pass_list_grammar(catalogue_of(TOOLCHAINS[0]), list_tokens=range(320, 322))
    cursor = answerer.grammar(lark).start()
    for token in cursor.forced():
        cursor.advance(token)
    assert cursor.mask()[320:].all()
    cursor.advance(320)
    assert answerer.tokenizer.decode(cursor.forced()) == "'"
    sampling = Sampling("temperature", count=30, max_tokens=60, temperature=3)
    answers = answerer.answers_from(state, sampling, answerer.grammar(lark))
    for answer in answers:
        assert not answer.finished or parse(answer.text[9:-1])
    assert not {320, 321} & set(answerer.ids("x<|list0|><|list1|>"))
    assert 320 in answerer.ids("opt -p 'function(dce)'")


def test_special_tokens_are_never_generated():
    config = LlamaConfig(330, 32, 64, 1, 2, 1, 64)
    weights = random_weights(config)
    weights["lm_head.weight"][[0, 1, *range(320, 330)]] = weights["lm_head.weight"][5] * 100
    answerer = TokenAnswerer(NumpyLlama(config, weights), toy_tokenizer())
    for answer in answerer.answers("x", Sampling("temperature", count=4, max_tokens=30)):
        assert answer.text
    assert set(answerer._banned) == {0, 1, *range(320, 330)}


def test_a_tokenizer_of_another_model_is_refused():
    config = LlamaConfig(64, 32, 64, 1, 2, 1, 64)
    with pytest.raises(OzmaError, match="the tokenizer has 320 tokens, the model 64"):
        TokenAnswerer(NumpyLlama(config, random_weights(config)), toy_tokenizer())


def test_a_prompt_that_is_too_long_says_by_how_much(answerer):
    with pytest.raises(ContextOverflow, match="tokens do not fit into the model's window of 160"):
        answerer.answers("gvn," * 200, Sampling())
    exact = answerer.backend.prefill([5] * 160)
    with pytest.raises(ContextOverflow, match="no room for an answer"):
        answerer.answers_from(exact, Sampling())


def test_damaged_weights_are_one_clear_line():
    weights = random_weights(TOY)
    weights["model.layers.1.mlp.down_proj.weight"][3, 5] = float("nan")
    answerer = TokenAnswerer(NumpyLlama(TOY, weights), toy_tokenizer())
    with pytest.raises(OzmaError, match="output is not a number.*weights are damaged"):
        answerer.answers("x", Sampling())


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"method": "beam"}, "method is 'beam'"),
        ({"count": 2}, "greedy gives 1"),
        ({"max_tokens": 0}, "max_tokens is 0"),
        ({"method": "temperature", "temperature": 0}, "temperature is 0"),
    ],
)
def test_options_that_make_no_sense_name_their_field(values, message):
    with pytest.raises(ValueError, match=message):
        Sampling(**values)


# Long modules


def words(text: str) -> int:
    return len(text.split())


def test_a_module_that_fits_is_asked_whole():
    result = plan(Window(100, 20), words, "w " * 80, iter(()))
    assert [piece.tokens for piece in result.pieces] == [80]
    assert str(result) == "the module is asked whole (80 tokens)"


def test_a_long_module_is_asked_by_function_and_what_is_left_out_is_said():
    functions = [("f", "w " * 30), ("big", "w " * 81), ("g", "w " * 80)]
    result = plan(Window(100, 20), words, "w " * 191, functions)
    assert [piece.functions for piece in result.pieces] == [("f",), ("g",)]
    assert result.left_out == ("big",)
    assert str(result) == (
        "the module's prompt has 191 tokens, 80 fit: it is asked function by function, "
        "2 of 3 functions; too long alone or left over: big"
    )


def test_a_module_of_which_nothing_fits_says_so():
    result = plan(Window(100, 20), words, "w " * 191, [("f", "w " * 90)])
    assert not result.pieces
    assert "it is not asked, none of its 1 functions fits either" in str(result)


def test_a_cut_module_holds_as_many_functions_as_fit():
    names = [f"f{i}" for i in range(30)]
    asked = []

    def prompt_of(some):
        asked.append(len(some))
        return "declare " * 30 + "define it " * len(some)

    result = cut(Window(90, 20), words, names, prompt_of)
    assert result.pieces[0].functions == tuple(names[:20])
    assert result.pieces[0].tokens == 70
    assert len(asked) < 10
    assert "cut at a function's end, 20 of 30 functions" in str(result)
    assert "f20, f21, f22, f23, f24 and 5 more" in str(result)


def test_a_window_without_room_for_an_answer_is_refused():
    with pytest.raises(ValueError, match="answer is 100"):
        Window(100, 100)


# Endpoints


class Served(BaseHTTPRequestHandler):
    """A completions server with the behaviour of the function `server.behaviour`."""

    def do_GET(self):
        self.reply(json.dumps({"data": [{"id": "toy"}]}).encode())

    def do_POST(self):
        self.asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.behaviour(self)

    def reply(self, body: bytes, status: int = 200):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture
def serve():
    servers = []

    def start(behaviour) -> str:
        server = ThreadingHTTPServer(("127.0.0.1", 0), Served)
        server.behaviour, server.stopped = behaviour, threading.Event()
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_port}/v1"

    yield start
    for server in servers:
        server.stopped.set()
        server.shutdown()
        server.server_close()


def choices(*texts: str) -> bytes:
    rows = [{"text": text, "finish_reason": "stop"} for text in texts]
    return json.dumps({"choices": rows}).encode()


def test_an_endpoint_gets_the_prompt_as_it_is(serve):
    asked = []

    def behaviour(handler):
        asked.append(handler.asked)
        handler.reply(choices("one", "two"))

    answers = EndpointAnswerer(serve(behaviour)).answers(
        "a\x00b</s>", Sampling("temperature", count=2, max_tokens=9, temperature=0.5)
    )
    assert [answer.text for answer in answers] == ["one", "two"]
    assert asked[0]["prompt"] == "a\x00b</s>"
    assert (asked[0]["model"], asked[0]["n"], asked[0]["max_tokens"]) == ("toy", 2, 9)


def test_an_endpoint_that_serves_the_model_gives_its_greedy_answer(serve, answerer):
    def behaviour(handler):
        sampling = Sampling(max_tokens=handler.asked["max_tokens"])
        (answer,) = answerer.answers(handler.asked["prompt"], sampling)
        handler.reply(choices(answer.text))

    want = answerer.answers(PROMPT, Sampling(max_tokens=12))[0].text
    assert (
        EndpointAnswerer(serve(behaviour)).answers(PROMPT, Sampling(max_tokens=12))[0].text == want
    )


def hanging(handler):
    handler.server.stopped.wait(30)


def dripping(handler):
    handler.send_response(200)
    handler.end_headers()
    while not handler.server.stopped.wait(0.05):
        handler.wfile.write(b" ")


def dripping_headers(handler):
    while not handler.server.stopped.wait(0.05):
        handler.wfile.write(b"H")


@pytest.mark.parametrize("behaviour", [hanging, dripping, dripping_headers])
def test_an_endpoint_that_hangs_is_given_up_in_time(serve, behaviour):
    endpoint = EndpointAnswerer(serve(behaviour), model="toy", seconds=0.4)
    started = time.monotonic()
    with pytest.raises(OzmaError, match="does not answer within 0.4 s"):
        endpoint.answers("x", Sampling())
    assert time.monotonic() - started < 5


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        (b"<html>", 200, "something else than JSON"),
        (b"[]", 200, "gives no answer"),
        (b"null", 200, "gives no answer"),
        (b'{"choices": []}', 200, "gives no answer"),
        (b'{"choices": [{"text": 5}]}', 200, "an answer without text"),
        (b'{"choices": ["x"]}', 200, "an answer without text"),
        (b'{"error": {"message": "no\\nsuch model"}}', 404, "status 404: no such model"),
        (b"\xff\xfe", 500, "status 500"),
        (b"\x1b[31mred", 500, r"status 500: \[31mred"),
        (b"[" * 100_000, 200, "something else than JSON"),
        (b"[" * 100_000, 500, "status 500"),
    ],
)
def test_an_endpoint_that_lies_is_one_clear_line(serve, body, status, message):
    endpoint = EndpointAnswerer(serve(lambda handler: handler.reply(body, status)), model="toy")
    with pytest.raises(OzmaError, match=message) as caught:
        endpoint.answers("x", Sampling())
    assert "\n" not in str(caught.value)


def closing(handler):
    handler.connection.close()


def test_an_endpoint_that_hangs_up_or_is_not_there(serve):
    with pytest.raises(OzmaError, match="cannot be used"):
        EndpointAnswerer(serve(closing), model="toy").answers("x", Sampling())
    with pytest.raises(OzmaError, match="cannot be used"):
        EndpointAnswerer("http://127.0.0.1:9/v1", model="toy", seconds=5).answers("x", Sampling())


def test_addresses_that_are_none_and_methods_that_an_endpoint_lacks():
    for address in ("localhost:8000", "ftp://x/v1", "", "http://", "http://[::1", "http://a:99999"):
        with pytest.raises(OzmaError, match="is no endpoint"):
            EndpointAnswerer(address)
    with pytest.raises(OzmaError, match="cannot be used"):
        EndpointAnswerer("http://a..b/v1", model="toy").answers("x", Sampling())
    with pytest.raises(OzmaError, match="cannot sample by priority"):
        EndpointAnswerer("http://127.0.0.1:9/v1").answers("x", Sampling("priority", count=2))


def test_openvino_answers_as_the_reference(tmp_path):
    pytest.importorskip("openvino_genai")
    pytest.importorskip("gguf")
    from ozma.model.generate.gguf_export import export_gguf
    from ozma.model.generate.openvino import OpenVinoAnswerer

    weights = random_weights(TOY, seed=3)
    (tmp_path / "tokenizer.json").write_text(toy_tokenizer_json())
    path = tmp_path / "toy.gguf"
    export_gguf(path, TOY, weights, "f16", tmp_path / "tokenizer.json")
    tokenizer = toy_tokenizer()
    answerer = OpenVinoAnswerer(path, tokenizer, TOY.max_position_embeddings)
    want = TokenAnswerer(NumpyLlama(TOY, weights), tokenizer).answers(
        PROMPT, Sampling(max_tokens=12)
    )
    assert answerer.answers(PROMPT, Sampling(max_tokens=12))[0].text == want[0].text
    drawn = answerer.answers(PROMPT, Sampling("temperature", count=3, max_tokens=5))
    assert len(drawn) == 3
    with pytest.raises(ContextOverflow, match="do not fit"):
        answerer.answers("gvn," * 200, Sampling())
    path.write_bytes(b"GGUF" + b"\xff" * 64)
    with pytest.raises(OzmaError, match="OpenVINO cannot read"):
        OpenVinoAnswerer(path, tokenizer, 160)


def llama2_like_tokenizer() -> str:
    """Sentencepiece's manner: a mark for the space, unknown characters as bytes."""
    from tokenizers import Tokenizer, decoders, models, normalizers

    pieces = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256))]
    pieces += [*"\u2581abcdefg-p'", "\u2581d", "dc", "dce", "\u2581g"]
    vocabulary = {piece: number for number, piece in enumerate(pieces)}
    merges = [("\u2581", "d"), ("d", "c"), ("dc", "e"), ("\u2581", "g")]
    tokenizer = Tokenizer(
        models.BPE(vocabulary, merges, unk_token="<unk>", byte_fallback=True, fuse_unk=True)
    )
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.Prepend("\u2581"), normalizers.Replace(" ", "\u2581")]
    )
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("\u2581", " "), decoders.ByteFallback(), decoders.Fuse(),
         decoders.Strip(" ", 1, 0)]
    )  # fmt: skip
    tokenizer.add_special_tokens(["<unk>", "<s>", "</s>"])
    return tokenizer.to_str()


def test_a_published_checkpoint_answers_with_its_own_tokenizer(tmp_path):
    write_config(tmp_path, TOY)
    (tmp_path / "tokenizer.json").write_text(llama2_like_tokenizer())
    answerer = published_answerer(tmp_path, NumpyLlama(TOY, random_weights(TOY)))
    ids = answerer.ids("dce </s> \x00\xe4")
    assert ids[0] == 1 and not {0, 1, 2} & set(ids[1:])
    assert answerer.tokenizer.decode(ids) == "dce </s> \x00\xe4"
    texts = answerer.texts(["dce -p", "dce 'g'"])
    state = answerer.state("abc")
    assert sorted(text for _, text in answerer.ranked(state, texts)) == sorted(texts.texts)
    (answer,) = answerer.answers(
        "abc", Sampling(max_tokens=60), answerer.grammar('start: "dce" " g"+\n')
    )
    assert answer.text.startswith("dce g")
    (tmp_path / "tokenizer.json").write_text("{}")
    with pytest.raises(OzmaError, match="not a tokenizer.json"):
        published_answerer(tmp_path, answerer.backend)


def test_half_a_character_of_an_endpoint_can_be_printed(serve):
    behaviour = lambda handler: handler.reply(b'{"choices": [{"text": "a\\ud800b"}]}', 200)  # noqa: E731
    (answer,) = EndpointAnswerer(serve(behaviour), model="toy").answers("x", Sampling())
    assert answer.text.encode() == b"a?b"
