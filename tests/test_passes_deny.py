"""Every measured row of the deny-list is shown again by its reproducer, on every installed LLVM."""

import subprocess
from fnmatch import fnmatchcase
from importlib.resources import files

import pytest
from passes_support import TOOLCHAINS

from ozma.passes import deny_rows
from ozma.passes.deny import Evidence

DATA = files("ozma.passes").joinpath("data")
MEASURED = [
    (toolchain, row)
    for toolchain in TOOLCHAINS
    for row in deny_rows(toolchain.major)
    if row.evidence is Evidence.MEASURED
]
every_measured_row = pytest.mark.parametrize(
    ("toolchain", "row"), MEASURED, ids=lambda value: str(getattr(value, "major", getattr(value, "name", "")))
)


@every_measured_row
def test_reproducer_shows_what_the_row_says(toolchain, row):
    folder = DATA.joinpath(row.reproducer)
    script, bindir = str(folder.joinpath("run.sh")), str(toolchain.bindir)
    done = subprocess.run(["sh", script, bindir], capture_output=True, text=True, timeout=120)
    assert row.name in folder.joinpath("passes.txt").read_text()
    assert done.returncode == 1, done.stderr


def test_every_reproducer_belongs_to_a_row():
    named = {row.reproducer for toolchain in TOOLCHAINS for row in deny_rows(toolchain.major)}
    kept = {f"reproducers/{folder.name}" for folder in DATA.joinpath("reproducers").iterdir()}
    assert kept == named - {None}


def test_a_specific_row_comes_before_the_pattern_that_covers_it():
    for toolchain in TOOLCHAINS:
        names = [row.name for row in deny_rows(toolchain.major) if not row.params]
        for index, name in enumerate(names):
            assert not any(fnmatchcase(name, earlier) for earlier in names[:index])
