"""`python -m walmart_bi.cli`, for places where the command is not on the path."""

import sys

from walmart_bi.cli.main import main

sys.exit(main())
