"""`ozma cc` and `ozma c++`: nothing is imported here before the command is looked at."""

import sys

from ozma.optimize.cc import launch


def main(words: list[str], cplusplus: bool = False) -> int:
    """Runs as the compiler on its own arguments; returns the exit code, ours from 100 on."""
    try:
        return launch.main(words, cplusplus)
    except Exception as error:
        from ozma.errors import OzmaError

        if not isinstance(error, OzmaError):
            raise
        print(f"ozma cc: error: {error}", file=sys.stderr)
        return error.exit_code
