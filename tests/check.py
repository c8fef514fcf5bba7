"""Everything that has to hold before a commit: form, types, arrows, tests, coverage.

``python tests/check.py`` runs all of it and stops at the first failure; further arguments go to
pytest.
"""

import subprocess
import sys
from pathlib import Path

_STEPS = (
    ("ruff", "format", "--check", "."),
    ("ruff", "check", "."),
    ("mypy",),
    ("mypy", "tests"),
    ("importlinter.cli", "lint"),
    ("coverage", "erase"),
    ("coverage", "run", "-m", "pytest", *sys.argv[1:]),
    ("coverage", "combine", "--quiet"),
    ("coverage", "report"),
)


def main() -> int:
    """Run every step from the top of the checkout."""
    top = Path(__file__).resolve().parent.parent
    for step in _STEPS:
        print("$", *step, flush=True)
        code = subprocess.call([sys.executable, "-m", *step], cwd=top)
        if code:
            return code
    return 0


if __name__ == "__main__":
    sys.exit(main())
