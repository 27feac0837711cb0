"""A still screen: no animation, no colour switch of the environment, one time zone."""

from __future__ import annotations

import os
import time

# Textual reads these when it is imported, so they are set before any test module is.
os.environ["TEXTUAL_ANIMATIONS"] = "none"
os.environ["TZ"] = "UTC"
for _name in ("NO_COLOR", "TEXTUAL_THEME", "TEXTUAL_COLOR_SYSTEM", "COLUMNS", "LINES"):
    os.environ.pop(_name, None)
time.tzset()
