"""The house: folders in the order of the data, and no import against it."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

SOURCES = Path(__file__).parents[1] / "src"
HOUSE = (
    "errors", "lines", "whole_file", "passes", "llvm", "corpus", "search", "verify", "labels", "tasks", "model",
    "optimize", "lift", "evaluate", "cli",
)  # fmt: skip
LIFT = (
    "decisions", "asm", "reading", "flow", "stack", "calls", "ssa", "printing", "x86", "aarch64",
    "machines", "lifter", "editing", "judging", "emulator", "behaviour", "program", "searching",
    "answers",
)  # fmt: skip


def imported(path: Path) -> Iterator[str]:
    """Modules that a file imports, also late ones; not those that only type checkers read."""
    skipped: set[ast.AST] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            skipped.update(ast.walk(node))
        elif node in skipped:
            continue
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}: a relative import"
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def against(order: tuple[str, ...], folder: Path, package: str) -> set[str]:
    """What imports a room that stands later in `order`; `package` is the name of `folder`."""
    found = set()
    for path in folder.rglob("*.py"):
        room = path.relative_to(folder).parts[0].removesuffix(".py")
        if room.startswith("__"):
            continue
        for name in imported(path):
            other = name.removeprefix(f"{package}.").split(".")[0]
            if name.startswith(f"{package}.") and other in order:
                if order.index(other) > order.index(room):
                    found.add(f"{path.relative_to(SOURCES)} imports {name}")
    return found


def rooms(folder: Path) -> set[str]:
    """Folders with code and files, but for those that Python itself asks for."""
    found = {path.parent.name for path in folder.glob("*/*.py")}
    found |= {path.stem for path in folder.glob("*.py")}
    return {name for name in found if not name.startswith("__")}


@pytest.mark.parametrize(
    ("order", "package"), [(HOUSE, "ozma"), (LIFT, "ozma.lift")], ids=["house", "lift"]
)
def test_no_import_runs_upward(order: tuple[str, ...], package: str) -> None:
    folder = SOURCES.joinpath(*package.split("."))
    assert rooms(folder) == set(order)
    assert against(order, folder, package) == set()


def test_an_import_that_runs_upward_is_found(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("test_architecture.SOURCES", tmp_path)
    for room in ("low", "high"):
        (tmp_path / "a" / room).mkdir(parents=True)
    (tmp_path / "a" / "low" / "one.py").write_text("def f():\n    from a.high import two\n")
    (tmp_path / "a" / "high" / "two.py").write_text("import a.low.one\n")
    assert against(("low", "high"), tmp_path / "a", "a") == {
        "a/low/one.py imports a.high",
        "a/low/one.py imports a.high.two",
    }


def test_the_lifter_lists_its_rooms_in_their_order() -> None:
    page = ast.get_docstring(ast.parse((SOURCES / "ozma" / "lift" / "__init__.py").read_text()))
    listed = [line.split()[0] for line in page.splitlines() if line.startswith("    ")]
    assert tuple(listed) == LIFT
