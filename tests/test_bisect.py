"""Finding the translation units that a project's own tests refuse."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from cc_support import STRUCTURIZE, SWITCH_IN_A_LOOP, group_lives, wait_until
from hypothesis import given
from hypothesis import strategies as st

from ozma.cli import verify
from ozma.errors import OzmaError
from ozma.optimize import project as project_module
from ozma.optimize.bisect import all_guilty, minimal_failing, remembered
from ozma.optimize.cc.exclude import read_exclusions
from ozma.optimize.project import Project, ProjectConfig
from ozma.optimize.verification import verify_project
from ozma.verify.verdict import Verdict


@given(st.integers(1, 60), st.sets(st.integers(0, 59), min_size=1, max_size=4))
def test_the_guilty_items_are_found_and_no_others(size: int, wanted: set[int]) -> None:
    guilty = {item % size for item in wanted}
    found = all_guilty(range(size), lambda items: bool(guilty & set(items)))
    assert sorted(found) == sorted(guilty)


@given(st.integers(2, 40), st.data())
def test_items_that_fail_only_together(size: int, data: st.DataObject) -> None:
    pair = data.draw(st.sets(st.integers(0, size - 1), min_size=2, max_size=2))
    found = minimal_failing(range(size), lambda items: pair <= set(items))
    assert set(found) == pair


def test_one_of_a_thousand_takes_about_twenty_builds() -> None:
    asked: list[int] = []

    def fails(items) -> bool:
        asked.append(len(items))
        return 700 in items

    assert minimal_failing(range(1000), remembered(fails)) == [700]
    assert len(asked) <= 20


def test_a_question_is_asked_once() -> None:
    asked = []
    ask = remembered(lambda items: asked.append(items) or True)
    assert ask([1, 2]) and ask([2, 1]) and len(asked) == 1


STRAIGHT = "int {name}(int x) {{ return x * 3 + 1; }}\n"
STRAIGHT += "int {name}_twin(int x) {{ return x * 3 + 1; }}\n"
STRAIGHT += "int {name}_user(int x) {{ return {name}(x) - {name}_twin(x + 1); }}\n"

MAIN = """
int machine(const char *);
int main(void) {
    return machine("aax") == 1005 && machine("ab") == 21 && machine("ac") == -3 ? 0 : 1;
}
"""

MAKEFILE = """
OBJECTS = main.o machine.o one.o two.o
program: $(OBJECTS)
\t$(CC) -Oz -o $@ $(OBJECTS)
%.o: %.c
\t$(CC) -Oz -c -o $@ $<
check: program
\t./program
clean:
\trm -f program *.o
"""


@pytest.fixture
def lying_pack(tmp_path: Path) -> Path:
    """Lists of which one really miscompiles a switch in a loop, and looks smallest for it."""
    path = tmp_path / "lists.json"
    lists = ["default<Oz>,mergefunc", STRUCTURIZE]
    path.write_text(json.dumps({"lists": [{"passes": passes} for passes in lists]}))
    return path


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    folder = tmp_path / "tree"
    folder.mkdir()
    (folder / "Makefile").write_text(MAKEFILE)
    (folder / "main.c").write_text(MAIN)
    (folder / "machine.c").write_text(SWITCH_IN_A_LOOP)
    for name in ("one", "two"):
        (folder / f"{name}.c").write_text(STRAIGHT.format(name=name))
    return folder


@pytest.fixture
def make_project(tmp_path: Path, tree: Path, lying_pack: Path, monkeypatch: pytest.MonkeyPatch):
    """A project whose CC is `ozma cc`, given as a script because `ozma` need not be on PATH."""
    script = tmp_path / "ozcc"
    body = "import sys\nfrom ozma.cli import cc\nsys.exit(cc.main(sys.argv[1:]))\n"
    script.write_text(f"#!{sys.executable}\n{body}")
    script.chmod(0o755)
    monkeypatch.delenv("CC", raising=False)

    def make(test: str = "make check", clean: str | None = "make clean", **more) -> Project:
        config = ProjectConfig(
            test=f"{test} CC={script}" if test.startswith("make") else test,
            build=f"make CC={script}",
            folder=tree,
            cache=tmp_path / "cache",
            clean=clean,
            options=(f"--ozma-lists={lying_pack}", "--ozma-verify=none"),
            **more,
        )
        return Project(config)

    return make


@pytest.mark.parametrize("clean", ["make clean", None])
def test_a_miscompiled_unit_is_found_and_left_to_clang(
    make_project, tree: Path, clean: str | None, capsys: pytest.CaptureFixture
) -> None:
    project = make_project(clean=clean)
    lines: list[str] = []
    result = verify_project(project, lines.append)
    assert result.verdict is Verdict.OUTPUT_DIFFERS and result.improved > 1
    (guilty,) = result.guilty
    assert guilty.source == str(tree / "machine.c") and guilty.passes == STRUCTURIZE
    assert (guilty.reproducer / "passes.txt").read_text().strip() == STRUCTURIZE
    subprocess.run([guilty.reproducer / "run.sh"], check=True, capture_output=True)
    assert guilty.rule in read_exclusions(result.exclude_file).rules
    assert subprocess.run([tree / "program"]).returncode == 0
    assert "machine.c" in result.paragraph() and lines

    config = project.config
    words = ["--test", config.test, "--build", config.build, "--clean", "make clean", "--json"]
    words += ["--cache", str(config.cache), "--folder", str(tree)]
    words += [f"--cc-option={option}" for option in config.options]
    assert verify.main(words) == 0
    again = json.loads(capsys.readouterr().out)
    assert (again["verdict"], again["builds"], again["guilty"]) == ("tests passed", 1, [])


def test_tests_that_fail_anyway_are_not_our_fault(make_project) -> None:
    with pytest.raises(OzmaError, match="fails with clang's own objects as well"):
        verify_project(make_project(test="false"))


def test_a_test_that_never_ends_has_failed(make_project) -> None:
    started = time.monotonic()
    assert not make_project(test="sleep 60", timeout=0.2).tests_pass()
    assert time.monotonic() - started < 30


def test_a_termination_ends_the_build_too(tmp_path: Path) -> None:
    code = "import sys; from ozma.cli import main; sys.exit(main())"
    build = "echo $$ > builder; sleep 60"
    words = ["verify", "--build", build, "--test", "true", "--cache", str(tmp_path / "cache")]
    child = subprocess.Popen([sys.executable, "-c", code, *words], cwd=tmp_path)
    builder = tmp_path / "builder"
    wait_until(lambda: builder.exists() and builder.read_text().strip())
    child.terminate()
    assert child.wait(30) == -signal.SIGTERM
    wait_until(lambda: not group_lives(int(builder.read_text())))


def test_a_build_that_compiles_nothing_is_told(make_project, tree: Path) -> None:
    (tree / "Makefile").write_text("all:\n\ttrue\nclean:\n\ttrue\n")
    with pytest.raises(OzmaError, match="compiled nothing"):
        verify_project(make_project())


def test_a_failing_build_names_its_log(make_project, tree: Path) -> None:
    (tree / "one.c").write_text("#error no\n")
    with pytest.raises(OzmaError, match=r"code 2: .*error: no; its output is in .*build-1.log"):
        verify_project(make_project())


def test_configuration_names_the_field(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="test is empty"):
        ProjectConfig(test=" ", build="make", folder=tmp_path, cache=tmp_path)


def test_compiler_command_names_this_installation() -> None:
    assert project_module.compiler_command("cc").endswith(" cc")
    assert os.access(project_module.compiler_command("cc").split()[0], os.X_OK)
