"""Files of lines and files as a whole: nothing torn, whatever kills the writer."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ozma.errors import OzmaError
from ozma.lines import append_lines, read_lines
from ozma.whole_file import replacing, write_to, write_whole


@given(st.lists(st.binary().map(lambda data: data.replace(b"\n", b"").replace(b"\r", b""))), st.binary())
def test_a_torn_line_costs_itself_only(tmp_path_factory, lines, torn):
    path = tmp_path_factory.mktemp("lines") / "new" / "x.jsonl"
    whole = [line for line in lines if line]
    append_lines(path, b"".join(line + b"\n" for line in whole))
    with path.open("ab") as file:
        file.write(torn.replace(b"\n", b""))
    assert [line for line in read_lines(path)] == b"\n".join(whole).splitlines()
    append_lines(path, b"next\n")
    assert read_lines(path) == [*b"\n".join(whole).splitlines(), b"next"]


def test_a_torn_line_longer_than_the_tail(tmp_path):
    path = tmp_path / "x"
    path.write_bytes(b"a\n" + b"b" * 200_000)
    append_lines(path, b"c\n")
    assert path.read_bytes() == b"a\nc\n"


def test_writers_do_not_mix(tmp_path):
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: append_lines(tmp_path / "x", b"%d\n" % n), range(100)))
    assert sorted(map(int, read_lines(tmp_path / "x"))) == list(range(100))


def test_a_refusal_is_one_line_and_leaves_the_file(tmp_path):
    (tmp_path / "full").symlink_to("/dev/full")
    with pytest.raises(OzmaError, match="No space left.*run the same command again"):
        append_lines(tmp_path / "full", b"a\n")
    assert read_lines(tmp_path / "none") == []
    with pytest.raises(OzmaError, match="cannot read"):
        read_lines(tmp_path)


def test_a_file_is_replaced_whole_or_stays(tmp_path):
    path = tmp_path / "new" / "x"
    write_whole(path, b"old")
    with pytest.raises(ZeroDivisionError), replacing(path) as part:
        part.write_bytes(b"half")
        raise ZeroDivisionError
    with pytest.raises(OzmaError, match="cannot write .*x: No space left.*free some space"):
        with replacing(path) as part:
            part.symlink_to("/dev/full")
            part.write_bytes(b"new")
    assert (path.read_bytes(), list(path.parent.iterdir())) == (b"old", [path])
    with pytest.raises(OzmaError, match="cannot write"):
        write_whole(path / "below", b"")


def test_what_a_user_names_stays_what_it_is(tmp_path):
    link, device = tmp_path / "link", tmp_path / "full"
    link.symlink_to(tmp_path / "file")
    write_to(link, b"through")
    assert link.is_symlink() and (tmp_path / "file").read_bytes() == b"through"
    write_to(tmp_path / "file", b"again")
    assert link.read_bytes() == b"again"
    device.symlink_to("/dev/full")
    with pytest.raises(OzmaError, match="No space left"):
        write_to(device, b"x")
