"""Read by each Python that starts with this directory on its path: plants the bug that the environment names.

Not a part of any program: only worlds of `python -m tests.faults --planted` have this on their path.
"""

import os
import sys
from pathlib import Path

if name := os.environ.get("SIGNALOS_TEST_PLANT"):
    sys.path.append(str(Path(__file__).parents[3]))
    from tests.faults.plants import arrange

    arrange(name)
