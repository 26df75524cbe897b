"""`ozma disassemble` and `translate`, object files, merged modules, and the tables of the bench."""

from __future__ import annotations

import json
import math
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ozma.cli import disassemble, translate
from ozma.errors import OzmaError
from ozma.evaluate.disassembly_report import PAPER, read_results, render
from ozma.evaluate.disassembly_tables import facts, wilson
from ozma.evaluate.records import RecordFile, record_path
from ozma.lift.answers import Answer, Job, Verdict, answer_all
from ozma.lift.answers.report import write_report
from ozma.lift.asm.object_data import plain
from ozma.lift.asm.object_text import object_text
from ozma.lift.asm.source import read_source
from ozma.lift.judging.compile_back import Compiler
from ozma.lift.program.merge import merge_modules
from ozma.llvm.objects import ObjectError, symbol_sizes
from ozma.tasks.assembly import code_lines
from ozma.tasks.bleu import assembly_bleu, assembly_tokens, bleu

SOURCE = """
extern int g; int puts(const char *); int pub = 3;
static const int table[4] = {1, 5, 9, 2};
int twice(int a) { return a * 2 + g; }
int lookup(unsigned i) { return table[i & 3] + pub; }
int choose(int a) {
    switch (a) { case 0: return 5; case 1: return g; case 2: return 77; case 3: return 21;
                 case 4: return 12; case 5: return 19; case 6: return -3; }
    return 0;
}
double half(double x) { puts("half"); return x * 0.5; }
"""


@pytest.fixture(scope="module")
def source(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("source") / "f.c"
    path.write_text(SOURCE)
    return path


def _clang(toolchain, source: Path, *words: str) -> Path:
    machine = "".join(word for word in words if word.startswith("--"))
    out = source.with_name(f"{source.stem}{machine}{'.s' if '-S' in words else '.o'}")
    subprocess.run([toolchain.tool("clang"), "-Oz", "-fPIC", *words, source, "-o", out], check=True)
    return out


@pytest.fixture(scope="module")
def assembly(toolchain, source) -> Path:
    return _clang(toolchain, source, "-S")


@pytest.fixture(scope="module")
def object_file(toolchain, source) -> Path:
    return _clang(toolchain, source, "-c")


def _run(capsys, verb, *words) -> tuple[int, str, str]:
    code = verb.main([str(word) for word in words])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_ir_on_stdout_and_a_verdict_for_each_function(toolchain, assembly, capsys):
    code, out, err = _run(capsys, disassemble, assembly, "--budget", "8", "-j", "1")
    lines = dict(line.split(": ", 1) for line in err.splitlines())
    assert set(lines) == {"twice", "lookup", "choose", "half"}
    assert lines["twice"].startswith("identical assembly")
    assert code == (100 if any(w in err for w in ("failed", "differs")) else 0)
    with Compiler(toolchain) as compiler:
        made = compiler.compile(out)
        assert made.ok and "twice:" in made.assembly
    assert out.count("\ndefine ") == sum("failed" not in line for line in lines.values())


def test_one_function_as_json_and_as_a_page(assembly, tmp_path, capsys):
    page = tmp_path / "r.html"
    words = (assembly, "--function", "twice", "--json", "--report", page, "--budget", "4", "-S")
    code, out, _ = _run(capsys, disassemble, *words)
    found = json.loads(out)
    assert code == 0 and found["target"] == "x86-64" and found["ir"].count("define ") == 1
    assert [one["verdict"] for one in found["functions"]] == ["identical assembly"]
    assert "twice" in page.read_text() and "<script" not in page.read_text()


def test_behaviour_is_run_or_nothing_is_said_of_it(assembly, capsys):
    _, _, err = _run(capsys, disassemble, assembly, "--budget", "1", "--inputs", "0", "-j", "1")
    assert "same behaviour" not in err and "differs" not in err


def test_a_folder_without_a_model_is_one_clear_line(assembly, tmp_path, capsys):
    with pytest.raises(OzmaError, match="cannot read .*tokenizer.json: No such file"):
        disassemble.main([str(assembly), "--model", str(tmp_path)])


@pytest.mark.parametrize(
    "text, words, expected",
    [
        ("int f(void);", (), "defines no function"),
        ("", (), "defines no function"),
        ("\t.type\tf,@function\nf:\n\tretq\n", ("--function", "g"), "no function 'g'; it has f"),
        ("\t.type\tf,@function\nf:\n\tretq\n", ("--budget", "x"), "budget 'x'"),
    ],
)
def test_what_cannot_be_read_is_one_clear_line(tmp_path, text, words, expected):
    path = tmp_path / "f.s"
    path.write_text(text)
    with pytest.raises(OzmaError, match=expected) as error:
        disassemble.main([str(path), *words])
    assert "\n" not in str(error.value)


def test_damaged_and_foreign_files_are_refused(toolchain, tmp_path):
    for data in (b"\x7fELF\x02\x01\x01", b"\x7fELF" + b"\0" * 60, b"\xff\xfe\x00"):
        path = tmp_path / "x.o"
        path.write_bytes(data)
        with pytest.raises(OzmaError):
            read_source(toolchain, str(path))
    with pytest.raises(OzmaError, match="cannot read"):
        read_source(toolchain, str(tmp_path / "none.s"))


def test_a_result_is_not_left_out_to_come_nearer(toolchain, tmp_path, capsys):
    source = tmp_path / "loop.c"
    source.write_text("unsigned f(unsigned n) { unsigned h = 7; while (n--) h = h * 33 ^ n; return h; }")
    assembly = _clang(toolchain, source, "-O0", "-S")
    _, ir, _ = _run(capsys, disassemble, str(assembly), "--budget", "30")
    assert "void @f(" not in ir and " @f(i32" in ir


def test_a_refusal_names_line_and_instruction(tmp_path, capsys):
    path = tmp_path / "f.s"
    path.write_text(
        "\t.globl\tf\n\t.type\tf,@function\nf:\n\tvfrobnicate\t%eax\n\tretq\n\t.size\tf, .-f\n"
    )
    code, out, err = _run(capsys, disassemble, path)
    assert code == 100 and out == "" and "line 4" in err and "vfrobnicate" in err


def test_the_machine_is_seen_in_the_text(toolchain, source):
    for target, flag in (
        ("x86-64", "--target=x86_64-linux-gnu"),
        ("aarch64", "--target=aarch64-linux-gnu"),
    ):
        text = _clang(toolchain, source, "-S", flag)
        assert read_source(toolchain, str(text)).target == target


def _sections(toolchain, path: Path) -> list[str]:
    """Disassembly without addresses, which alignment between functions shifts."""
    words = [
        toolchain.tool("llvm-objdump"),
        "-d",
        "-r",
        "--no-show-raw-insn",
        "--no-leading-addr",
        path,
    ]
    text = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    return [line.strip() for line in text.splitlines()[3:]]


@pytest.mark.parametrize("flag", ["--target=x86_64-linux-gnu", "--target=aarch64-linux-gnu"])
def test_the_text_of_an_object_assembles_to_the_same_code(toolchain, source, flag, tmp_path):
    original = _clang(toolchain, source, "-c", flag)
    text, target = object_text(toolchain, original.read_bytes())
    assert target in flag.replace("x86_64", "x86-64")
    again = tmp_path / "again.s"
    again.write_text(text)
    made = _clang(toolchain, again, "-c", flag)
    found, wanted = (symbol_sizes(path.read_bytes()) for path in (made, original))
    assert {n: size for n, size in wanted.items() if n[:2] != ".L"} == found
    ours, theirs = (_sections(toolchain, path) for path in (made, original))
    assert len(ours) > 40 and ours == theirs


def test_objects_are_lifted_and_linked_files_are_not(toolchain, object_file, capsys):
    code, out, err = _run(capsys, disassemble, object_file, "--function", "twice", "--budget", "8")
    assert code == 0 and "define" in out and ("identical" in err or "same behaviour" in err)
    with pytest.raises(ObjectError, match="linked file"):
        object_text(toolchain, Path("/bin/true").read_bytes())


@given(st.binary(min_size=1, max_size=40))
def test_data_becomes_directives_of_the_same_bytes(data):
    made = b""
    for line in plain(data):
        word, value = line.strip().split("\t", 1)
        if word == ".zero":
            made += bytes(int(value))
        elif word == ".asciz":
            made += value[1:-1].encode("latin-1").decode("unicode_escape").encode("latin-1") + b"\0"
        else:
            width = {".quad": 8, ".long": 4, ".short": 2, ".byte": 1}[word]
            made += int(value).to_bytes(width, "little")
    assert made == data


def test_modules_go_together_again(toolchain):
    head = 'target triple = "x86_64-pc-linux-gnu"\n@s = internal global i32 0\n'
    tail = 'attributes #0 = { minsize }\n!llvm.module.flags = !{!0}\n'
    tail += '!0 = !{i32 8, !"PIC Level", i32 2}\n'
    body = "  %1 = call i32 @g()\n  ret i32 %1\n"
    one = f"{head}declare i32 @g()\ndefine dso_local i32 @f() #0 {{\n{body}}}\n{tail}"
    other = (
        f"{head}define dso_local i32 @g() #0 {{\n  %1 = load i32, ptr @s\n  ret i32 %1\n}}\n{tail}"
    )
    merged = merge_modules([("first", one), ("", other)], local=["g"])
    assert merged.count("@s = ") == 1 and "declare" not in merged and "; first\ndefine" in merged
    with Compiler(toolchain) as compiler:
        made = compiler.compile(merged)
    assert made.ok and ".globl\tf" in made.assembly and ".globl\tg" not in made.assembly


def test_processes_give_the_answers_of_one(assembly):
    from ozma.lift.answers import AnswerOptions
    from ozma.search.budget import Budget

    text = assembly.read_text()
    options = AnswerOptions(settings=2, search=False, budget=Budget(6))
    jobs = [Job(text, name, options, inputs=0) for name in ("twice", "choose")]
    alone = {job.function: (answer.verdict, answer.ir) for job, answer in answer_all(jobs, 1)}
    several = {job.function: (answer.verdict, answer.ir) for job, answer in answer_all(jobs, 2)}
    assert alone == several and len(alone) == 2


def test_translated_code_is_for_the_other_machine_and_was_run(toolchain, assembly, capsys):
    words = (assembly, "--target", "aarch64", "--function", "twice", "--budget", "4")
    code, out, err = _run(capsys, translate, *words)
    assert code == 0 and "same behaviour" in err.split(" (lifted")[0]
    assert "twice:" in out and any(line.startswith("\tret") for line in code_lines(out, "aarch64"))
    with pytest.raises(OzmaError, match="is for x86-64 already"):
        translate.main([str(assembly), "--target", "x86-64"])


def test_a_function_that_is_asked_for_twice_is_answered_once(assembly, capsys):
    words = ["--function", "twice", "--function", "twice", "--budget", "1", "-j", "1"]
    assert disassemble.main([str(assembly), *words]) == 0
    assert capsys.readouterr().out.count("@twice(") == 1


def test_an_archive_is_named_as_one(tmp_path):
    (tmp_path / "x.a").write_bytes(b"!<arch>\n\xff")
    with pytest.raises(OzmaError, match="is an archive") as caught:
        disassemble.main([str(tmp_path / "x.a")])
    assert "ar x" in caught.value.hint


def test_the_page_escapes_names(tmp_path):
    hostile = '<script>alert("1")</script>'
    answer = Answer(hostile, Verdict.FAILED, reason=hostile)
    write_report(hostile, "", "x86-64", [answer], tmp_path / "r.html")
    assert "<script>" not in (tmp_path / "r.html").read_text()
    with pytest.raises(OzmaError, match="cannot write"):
        write_report("t", "", "x86-64", [answer], tmp_path / "r.html" / "below")


def test_bleu_is_that_of_the_paper_of_2002():
    answer, reference = "a b c d e f".split(), "a b c d f e".split()
    assert bleu(answer, answer) == 1.0 and bleu([], answer) == 0.0 and bleu([], []) == 1.0
    precisions = (1.0, 3 / 5, 2 / 4, 1 / 3)
    assert bleu(answer, reference) == pytest.approx(math.prod(precisions) ** 0.25)
    assert bleu(answer[:5], answer) == pytest.approx(math.exp(1 - 6 / 5))
    assert bleu("a b c x y z".split(), reference) == 0.0
    assert bleu(["a", "a"], ["a"]) == pytest.approx(1 / 2)


def test_assembly_is_split_into_names_and_marks():
    assert assembly_tokens("\tmovl\t$1, .L.str(%rip)") == [
        "movl",
        "$1",
        ",",
        ".L.str",
        "(",
        "%rip",
        ")",
    ]
    tokens, words = assembly_bleu("a\tb\nc d e", "a b c d e")
    assert words == 1.0 and tokens < 1.0


def _row(number: int, **facts) -> dict:
    return {
        "hash": str(number), "project": f"p{number % 3}", "near": False, "fits": True,
        "instructions": 5 + 10 * number, "lowered": True, "exact": False, "strict": False,
        "bleu": 0.9, "bleu_words": 0.8, "confidence": 0.8, "behaviour": "same", "flags": [],
        "verdict": "same behaviour", "compiles": 10, "seconds": 0.5,
    } | facts  # fmt: skip


def test_every_function_counts_and_failures_are_zero(tmp_path):
    rows = [_row(0, exact=True, strict=True, bleu=1.0, bleu_words=1.0, confidence=1.0), _row(1)]
    rows += [
        _row(2, behaviour="differs"),
        _row(3, lowered=False, bleu=0.0, bleu_words=0.0, behaviour="", verdict="failed"),
    ]
    rows[0]["verdict"] = "identical assembly"
    found = facts(rows)
    assert found["wrongly_same"][0] == 0.5 and found["verdicts"]["failed"] == 1
    assert found["lowered"][0] == 0.75 and found["exact"][0] == 0.25
    assert found["exact_or_same"][0] == 0.5 and found["shown_different"][0] == 0.25
    assert found["bleu_all"][0] == pytest.approx(2.6 / 4)
    assert found["bleu_lowered"][0] == pytest.approx(2.6 / 3)
    assert sum(one["functions"] for one in found["bins"]) == 4
    RecordFile(record_path(tmp_path / "x86-64-Oz-test", "one setting"), "old", ("hash",)).append(
        [_row(9)]
    )
    file = RecordFile(record_path(tmp_path / "x86-64-Oz-test", "one setting"), "new", ("hash",))
    file.append(rows)
    read = read_results(tmp_path)
    assert len(read["x86-64-Oz-test"]["one setting"]) == 4
    text = render({"x86-64-Oz-test": {"ways": {"one setting": found}, "steps": []}})
    assert "| one setting | 4 |" in text and PAPER[0][0] in text
    assert "| one setting | 1 | 2 | 0 | 0 | 1 | 50.0" in text


@given(st.integers(0, 50), st.integers(1, 50))
def test_the_interval_holds_the_share(hits, total):
    share, low, high = wilson(min(hits, total), total)
    assert 0 <= low <= share + 1e-9 and share <= high + 1e-9 and high <= 1
