"""`python -m ozma` is `ozma`."""

import sys

from ozma.cli import main

sys.exit(main())
