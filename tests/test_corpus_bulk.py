"""Sources in bulk: which packages of an index, one polite connection, licences, recorded lists."""

from __future__ import annotations

import hashlib
import lzma
import shutil
import subprocess
import threading
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from corpus_support import FakeServer, make_tar, serving, write_tree
from hypothesis import given
from hypothesis import strategies as st

from ozma.corpus import source as source_module
from ozma.corpus import sysroot
from ozma.corpus.apt_sources import Mirror
from ozma.corpus.build_options import NEWEST_RULES, BuildOptions
from ozma.corpus.build_run import _give_up
from ozma.corpus.bulk import BulkOptions, choose_candidates
from ozma.corpus.choose_sources import Wanted, list_wanted, sources_of, write_list
from ozma.corpus.connection import Connection
from ozma.corpus.download import download
from ozma.corpus.fastpath import FastPath, compile_tree, list_sources
from ozma.corpus.fetch import Fetcher, Missed, fetch_each
from ozma.corpus.headers import SystemHeaders
from ozma.corpus.licence import licence_of_copyright, licence_of_tree
from ozma.corpus.packages import load_packages
from ozma.corpus.project_list import ProjectList, load_list, save_list, shipped_list
from ozma.corpus.projects import ProjectRecord, append_record
from ozma.corpus.source import DEBIAN, Source, local_source
from ozma.errors import OzmaError
from ozma.llvm.toolchain import find_toolchain

SOURCE = make_tar([("thing-1.0/main.c", b"int main(void) { return 0; }\n")])
DEP5 = (
    "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n\n"
    "Files: debian/*\nCopyright: me\nLicense: GPL-3+\n\n"
    "Files: *\nCopyright: them\nLicense: BSD-3-clause\n Redistribution and use ...\n"
)
PACKAGING = make_tar([("debian/copyright", DEP5.encode())], "w:xz")


@pytest.fixture
def server():
    with serving(FakeServer()) as started:
        yield started


def stanza(name: str, *, size=100_000, arch="any", needs="debhelper", suite="sid", body=SOURCE):
    rows = [(body, size, f"{name}_1.0.orig.tar.gz"), (PACKAGING, 9, f"{name}_1.0-1.debian.tar.xz")]
    sums = "\n".join(f" {hashlib.sha256(data).hexdigest()} {n} {file}" for data, n, file in rows)
    return (
        f"Package: {name}\nVersion: 1.0-1{suite}\nArchitecture: {arch}\nBuild-Depends: {needs},\n"
        f" libx-dev\nDirectory: pool/{suite}/{name}\nChecksums-Sha256:\n{sums}\n"
    )


def add_index(server, suite: str, stanzas: list[str]) -> None:
    body = lzma.compress("\n".join(stanzas).encode())
    server.add(f"/dists/{suite}/main/source/Sources.xz", body)


def choose(server, tmp_path, **options):
    options = BulkOptions(suites=options.pop("suites", ("sid",)), **options)
    return choose_candidates(options, mirror=Mirror(server.url, ("main",)), cache=tmp_path)


# --- choosing -------------------------------------------------------------------------------


def test_only_native_packages_of_the_right_size_and_language(server, tmp_path):
    add_index(server, "sid", [
        stanza("good"), stanza("scripts", arch="all"), stanza("huge", size=9_000_000),
        stanza("tiny", size=10), stanza("crate", needs="debhelper, dh-cargo (>= 25)"),
        stanza("gopher", needs="golang-any:native"), stanza("camel", needs="ocaml-nox"),
        stanza("lame"), stanza("both", arch="any all"), stanza("cargo-cult", needs="cargoship"),
    ])  # fmt: skip
    found = {one.name for one in choose(server, tmp_path)}
    assert found == {"good", "both", "cargo-cult"}


def test_order_is_stable_shuffled_and_depends_on_the_salt(server, tmp_path):
    names = [f"pack{chr(97 + i)}" for i in range(12)]
    add_index(server, "sid", [stanza(name) for name in names])
    first, again = choose(server, tmp_path), choose(server, tmp_path)
    assert first == again and sorted(one.name for one in first) == names
    assert [one.name for one in first] != names
    assert first != choose(server, tmp_path, salt="other")


def test_of_a_family_only_one(server, tmp_path):
    add_index(server, "sid", [stanza(name) for name in ("lua5.3", "lua5.4", "libfoo1", "libfoo2")])
    assert len(choose(server, tmp_path)) == 2


def test_suites_in_order_and_the_newest_version(server, tmp_path):
    old = stanza("thing", suite="old").replace("1.0-1old", "0.9-1")
    add_index(server, "stable", [old, stanza("thing", suite="stable")])
    add_index(server, "sid", [stanza("thing", suite="sid")])
    (found,) = choose(server, tmp_path, suites=("stable", "sid"))
    assert [one.version for one in found.archives] == ["1.0-1stable", "1.0-1sid"]


@given(st.lists(st.sampled_from(["Package: a\n", "\n", "Architecture: any\n", "Checksums-Sha256:",
                                 " x 1 a_1.tar.gz\n", "Directory: d\n", "Version: 1\n", ":"])))  # fmt: skip
def test_any_index_is_read_or_refused_in_one_line(tmp_path_factory, parts):
    cache = tmp_path_factory.mktemp("cache")
    (cache / "indexes").mkdir()
    (cache / "indexes/sid-main-Sources.xz").write_bytes(lzma.compress("".join(parts).encode()))
    try:
        choose_candidates(BulkOptions(suites=("sid",)), mirror=Mirror("http://m", ("main",)), cache=cache)
    except OzmaError as error:
        assert "\n" not in str(error)


@pytest.mark.parametrize(
    ("field", "values"),
    [("max_bytes", {"max_bytes": 5}), ("min_bytes", {"min_bytes": -1}), ("salt", {"salt": ""})],
)
def test_bulk_options_name_the_field(field, values):
    with pytest.raises(ValueError, match=field):
        BulkOptions(**values)


# --- fetching -------------------------------------------------------------------------------


def fetcher_for(server, tmp_path, **options) -> Fetcher:
    return Fetcher(mirror=server.url, cache=tmp_path / "cache", **options)


def serve_thing(server, suite="sid", name="thing"):
    server.add(f"/pool/{suite}/{name}/{name}_1.0.orig.tar.gz", SOURCE)


def test_the_first_suite_that_serves_and_a_licence_from_the_packaging(server, tmp_path):
    add_index(server, "stable", [stanza("thing", suite="stable")])
    add_index(server, "sid", [stanza("thing", suite="sid")])
    serve_thing(server)
    server.add("/pool/sid/thing/thing_1.0-1.debian.tar.xz", PACKAGING)
    (candidate,) = choose(server, tmp_path, suites=("stable", "sid"))
    source = fetcher_for(server, tmp_path).fetch_candidate(candidate)
    assert (source.version, source.licence, source.role) == ("1.0-1sid", "BSD-3-clause", "train")
    assert source.url == f"{DEBIAN}/pool/sid/thing/thing_1.0.orig.tar.gz"
    assert source.location.read_bytes() == SOURCE
    refused = [path for path in server.requests if path.startswith("/pool/stable")]
    assert len(refused) == 1


def test_a_404_everywhere_is_final_and_the_next_package_follows(server, tmp_path):
    add_index(server, "sid", [stanza("gone"), stanza("thing")])
    serve_thing(server)
    fetch = fetcher_for(server, tmp_path).fetch_candidate
    found = {one.name: one for one in fetch_each(choose(server, tmp_path), fetch, 5)}
    assert isinstance(found["gone"], Missed) and found["gone"].final
    assert "404" in found["gone"].reason and isinstance(found["thing"], Source)


def test_a_wrong_checksum_is_not_final(server, tmp_path):
    add_index(server, "sid", [stanza("thing", body=b"other")])
    serve_thing(server)
    fetch = fetcher_for(server, tmp_path).fetch_candidate
    (missed,) = fetch_each(choose(server, tmp_path), fetch, 5)
    assert not missed.final and "sha256" in missed.reason


def test_bench_packages_are_for_tests_only(server, tmp_path):
    name = load_packages("bench")[0].name
    add_index(server, "sid", [stanza(name)])
    serve_thing(server, name=name)
    (candidate,) = choose(server, tmp_path)
    assert fetcher_for(server, tmp_path).fetch_candidate(candidate).role == "test"


@contextmanager
def counting_server(body: bytes):
    """Keeps connections open, and counts them."""
    seen: list = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            seen.append(self.client_address)
            self.send_response(200 if "no" not in self.path else 404)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    listener = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=listener.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.server_port}", seen
    finally:
        listener.shutdown()
        thread.join()
        listener.server_close()


def test_one_connection_is_kept_for_all_files(tmp_path):
    with counting_server(b"data") as (url, seen):
        connection = Connection()
        for name in ("a", "no", "b", "c"):
            try:
                download(f"{url}/{name}", tmp_path / name, opener=connection)
            except OzmaError as error:
                assert "404" in error.message and name == "no"
        connection.close()
    assert len(seen) == 4 and len(set(seen)) == 1


def test_no_server_is_one_clear_line(tmp_path):
    with serving(FakeServer()) as gone:
        url = gone.url
    with pytest.raises(OzmaError, match="cannot fetch"):
        download(f"{url}/file", tmp_path / "file", opener=Connection())


def test_a_mirror_that_keeps_failing_is_left_alone():
    misses = (Missed(f"p{i}", "no route") for i in range(100))
    with pytest.raises(OzmaError, match="12 fetches in a row failed, the last: no route"):
        list(_give_up(misses))
    assert len(list(_give_up(Missed(f"p{i}", "404", True) for i in range(100)))) == 100


# --- lists ----------------------------------------------------------------------------------


def recorded(name="thing", body=SOURCE) -> Source:
    url = f"{DEBIAN}/pool/sid/{name}/{name}_1.0.orig.tar.gz"
    return Source(name, "1.0", url, hashlib.sha256(body).hexdigest(), licence="MIT", path="fast")


@pytest.mark.parametrize("file", ["list.jsonl", "list.jsonl.xz"])
def test_a_list_is_read_as_it_was_written(tmp_path, file):
    projects = ProjectList((recorded("a"), recorded("b")), "20250101", "clang 19.1.7", "glibc 2.36")
    save_list(projects, tmp_path / file)
    assert load_list(tmp_path / file) == projects
    with pytest.raises(OzmaError, match="cannot write"):
        save_list(projects, tmp_path / file / "below")


@given(st.binary(max_size=60))
def test_a_broken_list_is_one_clear_line(tmp_path_factory, noise):
    path = tmp_path_factory.mktemp("list") / "a.jsonl.xz"
    path.write_bytes(noise)
    with pytest.raises(OzmaError, match="no list of projects"):
        load_list(path)


def test_recorded_archives_come_from_the_own_mirror_or_the_snapshot(server, tmp_path, monkeypatch):
    monkeypatch.setattr(source_module, "SNAPSHOT", f"{server.url}/snapshot")
    server.add("/pool/sid/here/here_1.0.orig.tar.gz", SOURCE)
    server.add("/snapshot/20250101T000000Z/pool/sid/gone/gone_1.0.orig.tar.gz", SOURCE)
    save_list(ProjectList((recorded("here"), recorded("gone"), recorded("lost")), "20250101"),
              tmp_path / "list.jsonl")  # fmt: skip
    wanted = Wanted(recorded=tmp_path / "list.jsonl", mirror=server.url, cache=tmp_path / "cache")
    found = {one.name: one for one in sources_of(wanted)}
    assert found["here"].location.read_bytes() == found["gone"].location.read_bytes() == SOURCE
    assert isinstance(found["lost"], Missed)


def test_done_projects_are_not_fetched_again(server, tmp_path):
    add_index(server, "sid", [stanza("done"), stanza("thing")])
    serve_thing(server)
    wanted = Wanted(count=2, mirror=server.url, cache=tmp_path / "cache",
                    bulk=BulkOptions(suites=("sid",)))  # fmt: skip
    done = {"done": ProjectRecord("done", sha256="0" * 64)}
    assert [one.name for one in sources_of(wanted, done)] == ["thing"]
    assert not any("done" in path for path in server.requests)


def test_the_list_of_a_corpus_holds_what_gave_units(tmp_path):
    bench = load_packages("bench")[0].name
    for name, units in (("good", 3), ("empty", 0), (bench, 1)):
        append_record(tmp_path, ProjectRecord(name, "1", "0" * 64, f"{DEBIAN}/x", units=units))
    assert write_list(tmp_path, tmp_path / "list.jsonl.xz", BuildOptions(units=7, rules=2)) == 2
    written = load_list(tmp_path / "list.jsonl.xz")
    assert {one.name: one.role for one in written.sources} == {"good": "train", bench: "test"}
    assert (written.units, written.rules) == (7, 2) and written.compiler.startswith("clang ")
    assert written.headers.startswith("glibc 2.")


# --- licences and names ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("files", "licence"),
    [
        ({"debian/copyright": DEP5, "COPYING": "GNU GENERAL PUBLIC LICENSE"}, "BSD-3-clause"),
        ({"PKG-INFO": "Name: x\nLicense: MIT\n\nLong text"}, "MIT"),
        ({"COPYING": "GNU GENERAL\n PUBLIC LICENSE\n   Version 2, June 1991"}, "GPL-2"),
        ({"LICENSE.txt": "Permission is hereby granted, free of charge, to"}, "MIT"),
        ({"COPYING.LIB": "GNU LESSER GENERAL PUBLIC LICENSE\nVersion 2.1"}, "LGPL-2.1"),
        ({"README": "GPL"}, "unknown"),
    ],
)
def test_licence_of_a_tree(tmp_path, files, licence):
    assert licence_of_tree(write_tree(tmp_path, files)) == licence


def test_a_licence_file_that_is_a_link_is_not_read(tmp_path):
    (tmp_path / "COPYING").symlink_to("/etc/passwd")
    assert licence_of_tree(tmp_path) == "unknown"


@given(st.text(alphabet="Files: *\nLicense: GPL\n\t", max_size=100))
def test_any_copyright_file_is_read(text):
    assert "\n" not in licence_of_copyright(text)


def test_source_fields_are_checked(tmp_path):
    for values in ({"name": "../x"}, {"name": ""}, {"role": "other"}):
        with pytest.raises(ValueError, match=next(iter(values))):
            replace(Source("a"), **values)
    with pytest.raises(OzmaError, match="does not exist"):
        local_source(tmp_path / "nowhere")


# --- headers that are the same everywhere ---------------------------------------------------


@pytest.fixture
def headers(server, tmp_path, monkeypatch):
    """A mirror with two packages of headers, one of which needs the other."""
    if not shutil.which("dpkg-deb"):
        pytest.skip("no dpkg-deb")
    monkeypatch.setattr(sysroot, "recorded_debs", lambda rules: None)
    rows = []
    for name, needs, header in (("libc6-dev", "", "usr/include/thing.h"),
                                ("zlib1g-dev", "libc6-dev (>= 2)", "usr/include/deep/er/other.h")):  # fmt: skip
        control = f"Package: {name}\nVersion: 1\nArchitecture: amd64\nMaintainer: m <m@m>\n"
        tree = write_tree(tmp_path / name, {"DEBIAN/control": f"{control}Description: d\n",
                                            header: "#define N 7\n", "usr/lib/big.a": "no\n"})  # fmt: skip
        (tree / "usr/include/out").symlink_to("/etc")
        deb = tmp_path / f"{name}.deb"
        subprocess.run(["dpkg-deb", "--build", tree, deb], check=True, capture_output=True)
        digest = hashlib.sha256(deb.read_bytes()).hexdigest()
        rows.append(f"{control}Depends: {needs}\nFilename: pool/{name}.deb\nSize: 9\nSHA256: {digest}\n")
        server.add(f"/pool/{name}.deb", deb.read_bytes())
    server.add("/dists/bookworm/main/binary-amd64/Packages.xz", lzma.compress("\n".join(rows).encode()))
    return server


def test_headers_are_unpacked_once_and_nothing_else_is(headers, tmp_path):
    folder = sysroot.fetch_sysroot(headers.url, tmp_path / "cache")
    assert sysroot.fetch_sysroot(headers.url, tmp_path / "cache") == folder
    kept = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir()}
    assert kept == {"debs.json", "usr/include/thing.h", "usr/include/deep/er/other.h"}
    assert len(headers.requests) == len(set(headers.requests)) == 3
    system = SystemHeaders(folder)
    assert system.has("thing.h") and not system.has("stdio.h")
    assert system.folder_of("er/other.h") == folder / "usr/include/deep"
    assert system.folder_of("none.h") is system.folder_of("../thing.h") is None


def test_files_are_compiled_with_those_headers_alone(headers, tmp_path):
    system = SystemHeaders(sysroot.fetch_sysroot(headers.url, tmp_path / "cache"))
    source = "#include <thing.h>\n#include <er/other.h>\nint f(void) { return N; }\n"
    root = write_tree(tmp_path / "tree", {"a.c": source, "b.c": "#include <stdio.h>\nint g;\n"})
    limits = FastPath(find_toolchain(), system=system)
    units = {unit.source.name: unit for unit in compile_tree(root, list_sources(root), limits)}
    assert units["a.c"].bitcode and units["b.c"].reason == "'stdio.h' file not found"


def test_a_list_keeps_its_rules_and_its_headers(tmp_path):
    shipped = Wanted(recorded=shipped_list())
    assert list_wanted(shipped).rules == 1 and list_wanted(Wanted()).rules == NEWEST_RULES
    folder = sysroot.sysroot_folder(sysroot.recorded_debs(1)[1], tmp_path)
    assert folder.name == load_list(shipped.recorded).headers


@pytest.mark.parametrize("rules", [1, NEWEST_RULES])
def test_recorded_headers_are_whole(rules):
    date, debs = sysroot.recorded_debs(rules)
    assert len(date) == 8 and len(debs) > 250
    assert {"libc6-dev", "libstdc++-12-dev", "zlib1g-dev"} <= {deb.name for deb in debs}
    assert all(len(deb.sha256) == 64 and deb.path.startswith("pool/") for deb in debs)
    assert sysroot.recorded_debs(NEWEST_RULES + 1) is None
