"""Archives made on the spot, and small servers on the loopback that behave like real mirrors."""

from __future__ import annotations

import hashlib
import io
import lzma
import tarfile
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


def make_tar(entries: list[tuple[tarfile.TarInfo | str, bytes]], mode: str = "w:gz") -> bytes:
    """A tarball of (name or prepared member, content)."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode) as tar:
        for entry, content in entries:
            member = tarfile.TarInfo(entry) if isinstance(entry, str) else entry
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def member(name: str, kind: bytes, target: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


class FakeServer:
    """Serves `pages` (path -> type and bytes) and notes each request; all else is a 404."""

    def __init__(self) -> None:
        self.pages: dict[str, tuple[str, bytes]] = {}
        self.requests: list[str] = []
        self.url = ""

    def add(self, path: str, body: bytes, kind: str = "application/octet-stream") -> None:
        self.pages[path] = (kind, body)


@contextmanager
def serving(server: FakeServer):
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            server.requests.append(self.path)
            kind, body = server.pages.get(self.path, ("text/plain", b"none"))
            self.send_response(200 if self.path in server.pages else 404)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    listener = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=listener.serve_forever)
    thread.start()
    server.url = f"http://127.0.0.1:{listener.server_port}"
    try:
        yield server
    finally:
        listener.shutdown()
        thread.join()
        listener.server_close()


def add_suite(server: FakeServer, suite: str, packages: dict[str, dict[str, bytes]]) -> None:
    """A suite whose index names every file of `packages` (name -> file -> bytes)."""
    stanzas = []
    for name, files in packages.items():
        rows = [
            f" {hashlib.sha256(data).hexdigest()} {len(data)} {file}"
            for file, data in files.items()
        ]
        stanzas.append(
            f"Package: {name}\nBinary: {name}\nVersion: 1.0-{suite}\nDirectory: pool/{name}\n"
            "Checksums-Sha256:\n" + "\n".join(rows) + "\n"
        )
    index = lzma.compress("\n".join(stanzas).encode() + b"\n")
    server.add(f"/dists/{suite}/main/source/Sources.xz", index)


def write_tree(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root
