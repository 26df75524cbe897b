"""The corpus room: mirrors, indexes, checked downloads and safe unpacking."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
import zipfile
from pathlib import Path

import pytest
from corpus_support import FakeServer, add_suite, make_tar, member, serving
from hypothesis import given
from hypothesis import strategies as st

from ozma.corpus import debian, pypi
from ozma.corpus.apt_sources import Mirror, find_mirror
from ozma.corpus.download import NotServed, download
from ozma.corpus.held_out import load_held_out
from ozma.corpus.packages import Package, fetch_package, load_packages
from ozma.corpus.unpack import UnpackLimits, unpack
from ozma.errors import OzmaError

SOURCE = make_tar([("thing-1.0/main.c", b"int main(void) { return 0; }\n")])


@pytest.fixture
def server():
    with serving(FakeServer()) as started:
        yield started


def write_apt(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return folder


# --- which mirror ---------------------------------------------------------------------------


def test_mirror_from_one_line_sources(tmp_path):
    text = (
        "# deb http://old.example/x book main\n"
        "deb [arch=amd64 signed-by=/k] http://m.example/debian/ book main contrib # mine\n"
    )
    found = find_mirror(write_apt(tmp_path, "sources.list", text), "book")
    assert found == Mirror("http://m.example/debian", ("main",))


def test_mirror_from_deb822_sources(tmp_path):
    off = "Enabled: no\nTypes: deb\nURIs: http://off.example\nSuites: noble\nComponents: main\n"
    on = (
        "Types: deb\n# a comment\nURIs: http://u.example/ubuntu\n"
        "Suites: noble\n noble-updates\nComponents: main universe\n"
    )
    write_apt(tmp_path, "sources.list.d/ubuntu.sources", f"{off}\n{on}")
    assert find_mirror(tmp_path, "noble") == Mirror("http://u.example/ubuntu", ("main", "universe"))


def test_mirror_of_a_rolling_suite(tmp_path):
    vendor = "deb http://vendor.example/browser/deb stable main\n"
    write_apt(tmp_path, "sources.list", f"{vendor}deb http://m.example/debian unstable main\n")
    assert find_mirror(tmp_path, "book").url == "http://m.example/debian"


@pytest.mark.parametrize("vendor", ["http://vendor.example", "http://vendor.example/debian"])
def test_a_vendor_with_the_distributions_names_is_not_its_mirror(tmp_path, vendor):
    own = "deb http://m.example/debian book main\ndeb http://m.example/debian book-updates main\n"
    write_apt(tmp_path, "sources.list", f"deb {vendor} book main\n{own}")
    assert find_mirror(tmp_path, "book").url == "http://m.example/debian"


def test_other_archives_are_no_mirror(tmp_path):
    text = "deb https://vendor.example/apt tool main\ndeb cdrom:[disc]/ book main\n"
    with pytest.raises(OzmaError, match="no mirror for book"):
        find_mirror(write_apt(tmp_path, "sources.list", text), "book")


@given(
    st.lists(st.sampled_from(["deb", "[", "]", "#", "http://m", "book", "main", " ", "\n", ":"]))
)
def test_any_source_file_is_read_or_refused_in_one_line(tmp_path_factory, words):
    folder = tmp_path_factory.mktemp("apt")
    write_apt(folder, "sources.list", "".join(words))
    write_apt(folder, "sources.list.d/x.sources", "".join(words))
    try:
        assert find_mirror(folder, "book").components == ("main",)
    except OzmaError as error:
        assert "no mirror" in error.message


# --- Debian ---------------------------------------------------------------------------------


def fetch(server, name, tmp_path, suites=("stable", "sid")):
    return debian.fetch_source(
        name,
        tmp_path / "out",
        suites,
        mirror=Mirror(server.url, ("main",)),
        cache=tmp_path / "cache",
    )


def test_source_is_fetched_and_unpacked(server, tmp_path):
    files = {"thing_1.0.orig.tar.gz": SOURCE, "thing_1.0-1.debian.tar.xz": b"patches"}
    add_suite(server, "stable", {"thing": files})
    server.add("/pool/thing/thing_1.0.orig.tar.gz", SOURCE)
    top = fetch(server, "thing", tmp_path)
    assert top.name == "thing-1.0"
    assert [path.name for path in top.iterdir()] == ["main.c"]
    assert not any("debian.tar" in path for path in server.requests)


def test_a_404_is_asked_once_and_the_next_suite_serves(server, tmp_path):
    add_suite(server, "stable", {"thing": {"thing_0.9.orig.tar.gz": b"gone"}})
    add_suite(server, "sid", {"thing": {"thing_1.0.orig.tar.gz": SOURCE}})
    server.add("/pool/thing/thing_1.0.orig.tar.gz", SOURCE)
    assert fetch(server, "thing", tmp_path).name == "thing-1.0"
    assert server.requests.count("/pool/thing/thing_0.9.orig.tar.gz") == 1


def test_index_and_archive_are_fetched_once(server, tmp_path):
    add_suite(server, "stable", {"thing": {"thing_1.0.orig.tar.gz": SOURCE}})
    server.add("/pool/thing/thing_1.0.orig.tar.gz", SOURCE)
    for _ in range(2):
        debian.download_source(
            "thing", ("stable",), mirror=Mirror(server.url, ("main",)), cache=tmp_path / "cache"
        )
    assert len(server.requests) == len(set(server.requests)) == 2


def test_a_wrong_checksum_is_refused_and_nothing_is_kept(server, tmp_path):
    add_suite(server, "stable", {"thing": {"thing_1.0.orig.tar.gz": SOURCE}})
    server.add("/pool/thing/thing_1.0.orig.tar.gz", SOURCE + b"x")
    with pytest.raises(OzmaError, match="sha256"):
        fetch(server, "thing", tmp_path)
    assert list((tmp_path / "cache" / "archives").iterdir()) == []


def test_an_unknown_package_names_every_suite(server, tmp_path):
    for suite in ("stable", "sid"):
        add_suite(server, suite, {"thing": {"thing_1.0.orig.tar.gz": SOURCE}})
    with pytest.raises(OzmaError, match="stable has no source package thin, sid has no"):
        fetch(server, "thin", tmp_path)


@pytest.mark.parametrize(
    ("files", "chosen"),
    [
        (["a_1.orig-extra.tar.gz", "a_1.orig.tar.xz", "a_1.orig.tar.xz.asc"], "a_1.orig.tar.xz"),
        (["a_1.dsc", "a_1.tar.xz"], "a_1.tar.xz"),
        (["a_1.dsc", "a_1-1.debian.tar.xz"], None),
        (["a_1.orig-data.tar.xz"], None),
    ],
)
def test_only_the_plain_upstream_tarball_is_taken(files, chosen):
    assert debian._choose_tarball(files) == chosen


# --- PyPI -----------------------------------------------------------------------------------


def add_index(server, as_json: bool, body: bytes = SOURCE) -> str:
    digest = hashlib.sha256(body).hexdigest()
    names = [
        "my_pkg-1.9.tar.gz",
        "my_pkg-1.10.tar.gz",
        "my_pkg-2.0rc1.tar.gz",
        "my_pkg-1.11-py3-none-any.whl",
    ]
    if as_json:
        files = [{"url": f"../../files/{name}", "hashes": {"sha256": digest}} for name in names]
        page, kind = json.dumps({"files": files}), "application/vnd.pypi.simple.v1+json"
    else:
        page = "".join(
            f'<a href="../../files/{name}#sha256={digest}">{name}</a>\n' for name in names
        )
        kind = "text/html"
    server.add("/simple/my-pkg/", page.encode(), kind)
    for name in names:
        server.add(f"/files/{name}", SOURCE)
    return f"{server.url}/simple"


@pytest.mark.parametrize("as_json", [True, False])
def test_newest_final_sdist(server, tmp_path, as_json):
    index = add_index(server, as_json)
    sdist, path = pypi.download_sdist("My.Pkg", index=index, cache=tmp_path)
    assert (sdist.version, path.name) == ("1.10", "my_pkg-1.10.tar.gz")
    assert (
        pypi.fetch_sdist("My.Pkg", tmp_path / "out", index=index, cache=tmp_path).name
        == "thing-1.0"
    )


def test_sdist_of_one_version_and_of_none(server, tmp_path):
    index = add_index(server, as_json=True)
    assert pypi.locate_sdist("my-pkg", "1.9", index=index).version == "1.9"
    with pytest.raises(OzmaError, match="no source distribution of my-pkg 7"):
        pypi.locate_sdist("my-pkg", "7", index=index)
    with pytest.raises(NotServed, match="answered 404"):
        pypi.locate_sdist("other", index=index)


def test_sdist_with_another_sum_is_refused(server, tmp_path):
    with pytest.raises(OzmaError, match="sha256"):
        pypi.download_sdist("my-pkg", index=add_index(server, True, b"other"), cache=tmp_path)


def test_pip_tells_its_index():
    assert pypi.index_url().startswith(("http", "file"))


# --- download and unpack --------------------------------------------------------------------


def test_download_limits_and_refusals(server, tmp_path):
    server.add("/big", b"x" * 1000)
    with pytest.raises(OzmaError, match="over 999 bytes"):
        download(f"{server.url}/big", tmp_path / "big", limit=999)
    with pytest.raises(OzmaError, match="http"):
        download("file:///etc/hostname", tmp_path / "name")
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "file").write_text("")
    with pytest.raises(OzmaError, match="cannot write .*/file/big: "):
        download(f"{server.url}/big", tmp_path / "file/big")
    with pytest.raises(OzmaError, match="cannot make .*/file/tree: "):
        unpack(tmp_path / "file", tmp_path / "file/tree")


def test_no_server_is_one_clear_line(tmp_path):
    with serving(FakeServer()) as gone:
        url = gone.url
    with pytest.raises(OzmaError, match="cannot fetch"):
        download(f"{url}/file", tmp_path / "file")


def unpack_tar(tmp_path, entries, limits=None) -> Path:
    archive = tmp_path / "a.tar.gz"
    archive.write_bytes(make_tar(entries))
    return unpack(archive, tmp_path / "out", limits)


@pytest.mark.parametrize("name", ["../evil", "/evil", "a/../../evil", ".."])
def test_no_entry_lands_outside(tmp_path, name):
    with pytest.raises(OzmaError, match="outside its own tree"):
        unpack_tar(tmp_path, [("ok", b"1"), (name, b"2")])
    assert not (tmp_path / "evil").exists() and not Path("/evil").exists()
    assert not (tmp_path / "out").exists()


def test_links_that_lead_outside_are_left_out(tmp_path):
    top = unpack_tar(tmp_path, [
        (member("t/up", tarfile.SYMTYPE, "../../.."), b""),
        (member("t/abs", tarfile.SYMTYPE, "/etc"), b""),
        (member("t/device", tarfile.CHRTYPE), b""),
        ("t/real", b"data"),
        (member("t/soft", tarfile.SYMTYPE, "real"), b""),
        (member("t/hard", tarfile.LNKTYPE, "t/real"), b""),
    ])  # fmt: skip
    assert sorted(path.name for path in top.iterdir()) == ["hard", "real", "soft"]
    assert (top / "hard").read_bytes() == (top / "soft").read_bytes() == b"data"


def test_nothing_is_written_through_a_link(tmp_path):
    (tmp_path / "outside").mkdir()
    top = unpack_tar(tmp_path, [
        (member("t/way", tarfile.SYMTYPE, "../../outside"), b""),
        ("t/way/file", b"x"),
    ])  # fmt: skip
    assert list((tmp_path / "outside").iterdir()) == []
    assert (top / "way" / "file").read_bytes() == b"x"


def test_a_bomb_is_stopped_and_removed(tmp_path):
    with pytest.raises(OzmaError, match="unpacks to over 1000 bytes"):
        unpack_tar(tmp_path, [("a", b"0" * 600), ("b", b"0" * 600)], UnpackLimits(1000, 10))
    with pytest.raises(OzmaError, match="over 10 entries"):
        unpack_tar(tmp_path, [(f"f{i}", b"") for i in range(11)], UnpackLimits(1000, 10))
    assert not (tmp_path / "out").exists()


def test_times_are_kept_so_that_make_rebuilds_nothing(tmp_path):
    old = tarfile.TarInfo("t/configure")
    old.mtime, old.mode = 1_000_000, 0o755
    top = unpack_tar(tmp_path, [(old, b"#!/bin/sh\n")])
    state = (top / "configure").stat()
    assert (state.st_mtime, state.st_mode & 0o777) == (1_000_000, 0o755)


def test_zip_archives(tmp_path):
    for name, good in (("t/a.c", True), ("../a.c", False)):
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as zipped:
            zipped.writestr(name, "int x;")
        (tmp_path / "a.zip").write_bytes(buffer.getvalue())
        if good:
            assert (unpack(tmp_path / "a.zip", tmp_path / "good") / "a.c").read_text() == "int x;"
        else:
            with pytest.raises(OzmaError, match="outside"):
                unpack(tmp_path / "a.zip", tmp_path / "bad")


@given(st.binary(max_size=200), st.integers(0, len(SOURCE)))
def test_broken_archives_are_one_clear_line(tmp_path_factory, noise, cut):
    folder = tmp_path_factory.mktemp("broken")
    (folder / "a.tar.gz").write_bytes(SOURCE[:cut] + noise)
    try:
        assert unpack(folder / "a.tar.gz", folder / "out").is_dir()
    except OzmaError:
        assert not (folder / "out").exists()


def test_unpack_limits_name_the_field():
    with pytest.raises(ValueError, match="total_bytes must be at least 1"):
        UnpackLimits(total_bytes=0)


# --- the recorded sets ----------------------------------------------------------------------


def test_recorded_sets_share_no_project():
    search = {package.name for package in load_packages("search")}
    bench = {package.name for package in load_packages("bench")}
    held_out = load_held_out()
    assert len(search) >= 80 and len(bench) >= 20
    assert not search & bench
    assert not [name for name in search | bench if held_out.names_package(name)]
    assert all(
        len(package.sha256) == 64 for kind in ("search", "bench") for package in load_packages(kind)
    )


def test_a_changed_package_is_refused(monkeypatch, tmp_path):
    found = Package("thing", "2", "sid", "b" * 64)
    monkeypatch.setattr(
        "ozma.corpus.packages.download_package", lambda *_, **__: (found, Path("x"))
    )
    with pytest.raises(OzmaError, match="sid now has thing 2, recorded 1"):
        fetch_package(Package("thing", "1", "sid", "a" * 64), tmp_path / "out")
