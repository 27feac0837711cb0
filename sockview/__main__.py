"""``python -m sockview``."""

from __future__ import annotations

import sys

from sockview.cli import main

if __name__ == "__main__":
    sys.exit(main())
