"""`ozma fetch`: a package's sources by name, from Debian's mirror or PyPI, unpacked safely."""

from __future__ import annotations

from pathlib import Path

from ozma.cli.parser import Parser
from ozma.corpus.debian import fetch_source
from ozma.corpus.pypi import fetch_sdist


def main(words: list[str]) -> int:
    """Prints the folder that holds the sources."""
    parser = Parser(
        prog="ozma fetch",
        description="Fetch a package's sources by name through this machine's own mirrors; "
        "checksums are verified and nothing of the package is run.",
    )
    parser.add_argument("package", help="name of a Debian source package, or a PyPI project")
    parser.add_argument("--pypi", action="store_true", help="from PyPI instead of Debian")
    parser.add_argument("--to", type=Path, metavar="DIR", help="default: a folder with its name")
    options = parser.parse_args(words)
    fetch = fetch_sdist if options.pypi else fetch_source
    print(fetch(options.package, options.to or Path(options.package)))
    return 0
