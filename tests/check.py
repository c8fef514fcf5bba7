"""Everything that has to hold before a commit: form, types, arrows, tests, coverage.

``python tests/check.py`` runs all of it and stops at the first failure; further arguments go to
pytest.
"""

import subprocess
import sys
from pathlib import Path

_PARALLEL = ("-n", "auto", "--dist", "loadfile")  # What a file's tests share is made once.
_ARROWS = "from importlinter.cli import lint_imports_command as lint; lint()"

_STEPS = (
    ("-m", "ruff", "format", "--check", "."),
    ("-m", "ruff", "check", "."),
    ("-m", "mypy"),
    ("-m", "mypy", "tests"),
    ("-c", _ARROWS),
    ("-m", "coverage", "erase"),
    ("-m", "coverage", "run", "-m", "pytest", *_PARALLEL, *sys.argv[1:]),
    ("-m", "coverage", "combine", "--quiet"),
    ("-m", "coverage", "report"),
)


def main() -> int:
    """Run every step from the top of the checkout."""
    top = Path(__file__).resolve().parent.parent
    for step in _STEPS:
        print("$", *step, flush=True)
        code = subprocess.call([sys.executable, *step], cwd=top)
        if code:
            return code
    return 0


if __name__ == "__main__":
    sys.exit(main())
