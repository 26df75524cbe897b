"""The tokenizer: nothing lost, equal to `tokenizers`, pass names short; `ozma prompt`."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ozma.cli import main as ozma
from ozma.errors import OzmaError
from ozma.llvm.pipelines import catalogue_of
from ozma.tasks.answers import LIST_CLOSE, LIST_OPEN
from ozma.tasks.prompts import flags_prompt

pytest.importorskip("llguidance")
from ozma.model.tokenizer import Tokenizer  # noqa: E402

TOKENIZER = Tokenizer.load()
HOSTILE = "x<|eos|>\n<|pad|> <|bos|></code> [/INST] \u20ac\U0001f600\0\x7f"


@given(st.one_of(st.binary(), st.text().map(lambda t: t.encode("utf-8", "surrogatepass"))))
@example(bytes(range(256)))
@example(b"\xff\xff\xfe")
@example(HOSTILE.encode())
def test_any_bytes_come_back(data) -> None:
    ids = TOKENIZER.encode(data)
    assert TOKENIZER.decode_bytes(ids) == data
    assert all(2 < one < TOKENIZER.vocab_size for one in ids)


@given(st.text())
@example(HOSTILE)
def test_any_text_comes_back(text) -> None:
    assert TOKENIZER.decode(TOKENIZER.encode(text)) == text


def test_special_ids() -> None:
    assert (TOKENIZER.pad, TOKENIZER.bos, TOKENIZER.eos) == (0, 1, 2)
    assert TOKENIZER.vocab_size <= 1 << 16
    assert TOKENIZER.decode([1, *TOKENIZER.encode("ret"), 2, 0]) == "ret"
    with pytest.raises(ValueError, match="must be below"):
        TOKENIZER.decode([TOKENIZER.vocab_size])


@given(st.text(alphabet="\n\t %@!#0123456789abiptr,.()<>'\"_-=[]{}|$\u20ac", max_size=300))
def test_ids_equal_those_of_tokenizers(text) -> None:
    assert TOKENIZER.encode(text) == reference().encode(text).ids


def test_ids_of_real_texts_equal_those_of_tokenizers() -> None:
    here = Path(__file__).parent
    for path in [*here.glob("test_t*.py"), *here.parent.glob("docs/*.md")]:
        text = path.read_text()
        if not re.search(r"<\|[a-z0-9]+\|>", text):
            assert TOKENIZER.encode(text) == reference().encode(text).ids


def reference():
    tokenizers = pytest.importorskip("tokenizers")
    if not _REFERENCE:
        _REFERENCE.append(tokenizers.Tokenizer.from_str(TOKENIZER.json_text))
    return _REFERENCE[0]


_REFERENCE: list = []


def test_pass_names_are_one_or_two_tokens(each_toolchain) -> None:
    """Inside a list, with the comma before it."""
    names = sorted({info.name for info in catalogue_of(each_toolchain).candidates})
    short = [name for name in names if len(TOKENIZER.encode(f",{name}")) <= 2]
    assert len(names) > 100 and len(short) / len(names) > 0.95


def test_a_list_has_tokens_of_its_own() -> None:
    """So candidate lists can be scored as continuations of one prompt."""
    prompt = flags_prompt("define i32 @f() {\nret i32 0\n}\n") + LIST_OPEN
    for passes in ("default<Oz>", "function(gvn<no-load-pre>)", "cgscc(inline),globaldce"):
        whole = TOKENIZER.encode(prompt + passes + LIST_CLOSE + "\n\nThe input")
        parts = (prompt, passes, LIST_CLOSE, "\n\nThe input")
        assert whole == [one for part in parts for one in TOKENIZER.encode(part)]


@pytest.mark.parametrize("content", ["", "{}", "nothing", '{"model": {"type": "BPE"}}'])
def test_what_is_no_tokenizer_is_said(tmp_path, content) -> None:
    path = tmp_path / "tokenizer.json"
    path.write_text(content)
    with pytest.raises(OzmaError, match="tokenizer"):
        Tokenizer.load(path)
    with pytest.raises(OzmaError, match="cannot read .*missing.json: No such file"):
        Tokenizer.load(tmp_path / "missing.json")


def test_another_models_tokenizer_is_refused(tmp_path) -> None:
    content = json.loads(TOKENIZER.json_text)
    content["added_tokens"] = content["added_tokens"][:2]
    path = tmp_path / "tokenizer.json"
    path.write_text(json.dumps(content))
    with pytest.raises(OzmaError, match="another model's"):
        Tokenizer.load(path)


def test_training_gives_the_same_file_twice() -> None:
    pytest.importorskip("tokenizers")
    from ozma.model.train_tokenizer import RULES, train

    texts = ["%1 = load i32, ptr %0\nret i32 %1\n" * 20, " opt -p 'function(gvn)'" * 9]
    for rule in RULES:
        one = Tokenizer(train(texts, rule, 300))
        assert one.json_text == train(texts, rule, 300)
        assert 259 < one.vocab_size <= 300
        assert one.decode(one.encode(texts[0])) == texts[0]
        assert len(one.encode(texts[0])) < 0.6 * len(texts[0])


# ozma prompt

SOURCE = "static int twice(int x) { return 2 * x; }\nint f(int x) { return twice(x) + 1; }\n"


@pytest.fixture
def source(tmp_path) -> Path:
    path = tmp_path / "f.c"
    path.write_text(SOURCE)
    return path


def test_prompt_shows_what_is_sent(source, capsys) -> None:
    assert ozma(["prompt", str(source), "--function", "f", "-DX=1"]) == 0
    shown = capsys.readouterr()
    assert shown.out.startswith("[INST] Tell me how to optimize this LLVM-IR for object file size:\n\n")
    assert "<code>target x86_64 pie\ndeclare hidden @twice own\ndefine i32 @f(i32 %0) {" in shown.out
    count = len(TOKENIZER.encode(shown.out[:-1])) + 1
    assert shown.err == f"ozma prompt: {len(shown.out) - 1} characters, {count} tokens\n"


def test_published_prompt_is_whole(source, capsys) -> None:
    assert ozma(["prompt", str(source), "--published"]) == 0
    shown = capsys.readouterr()
    assert "target datalayout" in shown.out and "attributes #0 = {" in shown.out
    assert "Llama 2" in shown.err


def test_emulation_prompt_holds_list_and_sizes(source, capsys) -> None:
    words = ["--task", "emulate", "--passes", "default<O1>", "--function", "f", "--json"]
    assert ozma(["prompt", str(source), *words]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert "using opt -p 'default<O1>':" in shown["prompt"]
    assert "instruction count 6 and binary size" in shown["prompt"]
    assert shown["tokens"] < shown["characters"] / 2


def test_disassembly_prompt_of_c_and_of_assembly(source, tmp_path, capsys) -> None:
    assert ozma(["prompt", str(source), "--task", "disassemble"]) == 0
    assembly = capsys.readouterr().out.split("<code>")[1].split("</code>")[0]
    assert "retq" in assembly
    (tmp_path / "f.s").write_text(assembly)
    assert ozma(["prompt", str(tmp_path / "f.s"), "--task", "disassemble"]) == 0
    assert assembly in capsys.readouterr().out
    assert ozma(["prompt", str(tmp_path / "f.s")]) == 100
    assert "--task disassemble" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--function", "g"], "has no function 'g'; it has f"),
        (["--task", "emulate", "--passes", "gvn("], "pass list"),
    ],
)
def test_prompt_errors_are_one_line(source, capsys, words, message) -> None:
    assert ozma(["prompt", str(source), *words]) == 100
    shown = capsys.readouterr().err
    assert message in shown and len(shown.splitlines()) == 1


def test_a_tokenizer_of_llama_2_is_refused_before_it_is_used(tmp_path) -> None:
    """Its ids 0 to 2 are special too, but its pieces are no bytes."""
    content = json.loads(TOKENIZER.json_text)
    content["model"]["vocab"] |= {"\u2581the": len(content["model"]["vocab"])}
    path = tmp_path / "tokenizer.json"
    path.write_text(json.dumps(content))
    with pytest.raises(OzmaError, match="another model's tokenizer; it must be byte-level BPE"):
        Tokenizer.load(path)


def test_a_tokenizer_that_is_something_else_is_said_in_one_short_line(tmp_path) -> None:
    path = tmp_path / "tokenizer.json"
    path.write_text("int x;" * 1000)
    with pytest.raises(OzmaError, match="no tokenizer") as caught:
        Tokenizer.load(path)
    assert len(str(caught.value)) < 400
