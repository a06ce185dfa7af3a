"""`python -m raymill` is the command `raymill`."""

import sys

from raymill.cli import main

sys.exit(main())
