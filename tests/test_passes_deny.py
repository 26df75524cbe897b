"""Every measured row of the deny-list is shown again by its reproducer, on every installed LLVM."""

import re
import subprocess
from pathlib import Path

import pytest
from passes_support import TOOLCHAINS, opt

from ozma.passes import DenyKind, deny_rows
from ozma.passes.deny import Evidence

ROOT = Path(__file__).resolve().parent.parent
MEASURED = [
    (toolchain, row)
    for toolchain in TOOLCHAINS
    for row in deny_rows(toolchain.major)
    if row.evidence is Evidence.MEASURED
]
every_measured_row = pytest.mark.parametrize(
    ("toolchain", "row"), MEASURED, ids=lambda value: str(getattr(value, "major", getattr(value, "name", "")))
)


def exit_code(toolchain, module, folder):
    """What `main` of the module returns: 0 when it computed what it should."""
    source, program = folder / "program.ll", folder / "program"
    source.write_text(module)
    command = [toolchain.tool("clang"), "-O0", "-w", source, "-o", program]
    subprocess.run(command, check=True, capture_output=True)
    return subprocess.run([program], timeout=10).returncode


@every_measured_row
def test_reproducer_shows_what_the_row_says(toolchain, row, tmp_path):
    module = (ROOT / row.reproducer).read_text()
    passes = re.match(r"; opt -passes='(.+)'\n", module).group(1)
    done = opt(toolchain, "-S", f"-passes={passes}", module=module)
    assert row.name in passes
    if row.kind is DenyKind.CRASHES:
        assert done.returncode < 0
        return
    assert exit_code(toolchain, module, tmp_path) == 0
    assert done.returncode < 0 or exit_code(toolchain, done.stdout, tmp_path) != 0
