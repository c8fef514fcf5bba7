"""The house: arrows point down, the pure parts are pure, and every room is small and labelled."""

import ast
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

TOP = Path(__file__).parent.parent
PACKAGES = {
    "certgate": "controlplane",
    "certgate_broker": "broker",
    "certgate_certs": "certs",
    "certgate_controlplane": "controlplane",
}
MODULES = sorted(
    file for package, floor in PACKAGES.items() for file in (TOP / floor / package).rglob("*.py")
)
PURE_ACCESS = [
    "claim",
    "moment",
    "nonces",
    "permissions",
    "policies",
    "refusals",
    "signatures",
    "throttle",
    "v1",
    "v3",
]
PURE = [
    "certs/certgate_certs/view.py",
    "certs/certgate_certs/chain.py",
    "certs/certgate_certs/serial_number.py",
    "certs/certgate_certs/possession.py",
    "broker/certgate_broker/client_hello.py",
    "broker/certgate_broker/connect.py",
    "broker/certgate_broker/decision.py",
    "broker/certgate_broker/reasons.py",
    "broker/certgate_broker/fields.py",
    "broker/certgate_broker/limits.py",
    "broker/certgate_broker/login.py",
    "broker/certgate_broker/packets.py",
    "broker/certgate_broker/policy.py",
    "broker/certgate_broker/waiting.py",
    *(f"controlplane/certgate_controlplane/access/{name}.py" for name in PURE_ACCESS),
    "controlplane/certgate_controlplane/errors.py",
    "controlplane/certgate_controlplane/fleet/behaviour.py",
    "controlplane/certgate_controlplane/statuses.py",
]
IMPURE = {"socket", "ssl", "asyncio", "sqlite3", "aiosqlite", "time", "uvicorn", "amqtt"}
CLOCKS = {"now", "utcnow", "today", "time", "time_ns", "monotonic"}

EVERY_MODULE = pytest.mark.parametrize("file", MODULES, ids=lambda file: file.stem)


def parsed(file: Path) -> ast.Module:
    """Parse a module."""
    return ast.parse(file.read_text())


def imported(tree: ast.Module) -> Iterator[str]:
    """Name the top-level packages that a module imports, anywhere in it."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (name.name.partition(".")[0] for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module.partition(".")[0]


def impurities(tree: ast.Module) -> set[str]:
    """Name what a module imports or asks that makes its answers depend on more than arguments."""
    asked = {
        node.func.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
    }
    return (set(imported(tree)) & IMPURE) | (asked & CLOCKS)


def lint_imports(top: Path) -> subprocess.CompletedProcess[str]:
    """Hold the packages below a folder against the contracts in its pyproject.toml."""
    paths = os.pathsep.join(str(top / floor) for floor in PACKAGES.values())
    program = "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports("
    return subprocess.run(
        [sys.executable, "-c", f"{program}no_cache=True))"],
        cwd=top,
        env=os.environ | {"PYTHONPATH": paths},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """Copy the packages and the contracts."""
    for floor in set(PACKAGES.values()):
        shutil.copytree(TOP / floor, tmp_path / floor)
    shutil.copy(TOP / "pyproject.toml", tmp_path)
    return tmp_path


def test_contracts_are_kept() -> None:
    """import-linter finds every contract kept."""
    ended = lint_imports(TOP)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "0 broken" in ended.stdout


@pytest.mark.parametrize(
    ("floor", "module", "statement"),
    [
        ("certs", "certgate_certs/view.py", "import certgate_broker.tls"),
        ("broker", "certgate_broker/reasons.py", "import certgate_controlplane.lab"),
        ("certs", "certgate_certs/chain.py", "import certgate_controlplane.errors"),
        ("controlplane", "certgate_controlplane/errors.py", "import certgate"),
    ],
)
def test_arrow_that_points_up_is_found(copy: Path, floor: str, module: str, statement: str) -> None:
    """One import from below to above breaks a contract."""
    file = copy / floor / module
    file.write_text(f"{file.read_text()}\n{statement}\n")
    ended = lint_imports(copy)
    assert ended.returncode == 1
    assert "BROKEN" in ended.stdout


@pytest.mark.parametrize("name", PURE)
def test_pure_part_is_pure(name: str) -> None:
    """No socket, database or clock is imported or asked by what only computes."""
    assert impurities(parsed(TOP / name)) == set()


@pytest.mark.parametrize(
    "source",
    [
        "import socket",
        "def f():\n    from sqlite3 import connect",
        "from datetime import datetime\ndatetime.now()",
        "import time",
    ],
)
def test_impurity_is_found(source: str) -> None:
    """The check of the pure parts finds what it looks for."""
    assert impurities(ast.parse(source)) != set()


@EVERY_MODULE
def test_module_says_what_it_is(file: Path) -> None:
    """Every module has a docstring."""
    assert ast.get_docstring(parsed(file))


@EVERY_MODULE
def test_module_is_small(file: Path) -> None:
    """No module is longer than 250 lines."""
    assert len(file.read_text().splitlines()) <= 250


@EVERY_MODULE
def test_functions_are_small(file: Path) -> None:
    """No function is longer than 40 lines, its docstring not counted."""
    long = {name: lines for name, lines in functions(parsed(file)) if lines > 40}
    assert long == {}


def functions(tree: ast.Module) -> Iterator[tuple[str, int]]:
    """Give every function with its number of lines, without docstring."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            end = node.end_lineno or node.lineno
            docstring = (ast.get_docstring(node, clean=False) or "").count("\n") + 1
            yield node.name, end - node.lineno + 1 - docstring


def test_long_function_is_found() -> None:
    """The check of the functions finds what it looks for."""
    body = "    pass\n" * 41
    assert dict(functions(ast.parse(f'def long():\n    """Do it."""\n{body}'))) == {"long": 42}


def test_all_packages_were_looked_at() -> None:
    """The checks see modules of each package."""
    seen = {file.relative_to(TOP).parts[1] for file in MODULES}
    assert seen == set(PACKAGES)
