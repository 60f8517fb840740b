"""The measures of the house as tests: each says what to do instead."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MODULE_LINES_MAX = 300
TEST_LINES_MAX = 400
FUNCTION_LINES_MAX = 40
STRICTNESS_DEBT_MAX_PER_KLOC = 3.0
"""`# type: ignore`, `cast(` and `# noqa` in source together; may only fall."""

SERVICE_FILES = {
    "__init__.py", "api.py", "bodies.py", "commands.py", "decider.py", "main.py", "reactions.py", "rulebook.py",
    "state.py",
}  # fmt: skip
PROJECTION_FILES = {"__init__.py", "README.md", "api.py", "queries.py", "table.sql", "view.py"}
CORE_MAY_IMPORT = {
    "__future__", "bisect", "collections", "dataclasses", "datetime", "enum", "functools", "itertools", "math",
    "operator", "pydantic", "types", "typing", "hashlib", "orjson", "libs", "services", "projections",
}  # fmt: skip
"""An allow-list: a deny-list cannot stop a library that nobody thought of."""
BANNED_STEMS = {"utils", "common", "helpers", "base", "core", "manager", "service", "misc"}


def _sources(*folders: str) -> list[Path]:
    return [path for folder in folders for path in sorted((ROOT / folder).rglob("*.py")) if path.stat().st_size]


SOURCES = _sources("services", "projections", "portal", "libs", "nrm")
TESTS = _sources("tests")
CORE = [
    path
    for path in SOURCES
    if (path.parts[-3] == "services" and path.stem in {"commands", "state", "decider", "reactions"})
    or (path.parts[-3] == "projections" and path.stem == "view")
    or "catalogue" in path.parts
    or path.relative_to(ROOT).as_posix() in {"libs/events/event.py", "libs/events/decider.py", "libs/events/consume.py"}
]


def _shown(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("path", SOURCES, ids=_shown)
def test_a_module_is_one_idea(path: Path) -> None:
    lines = len(path.read_text(encoding="utf-8").splitlines())
    assert lines <= MODULE_LINES_MAX, f"{_shown(path)} has {lines} lines: split it by noun"


@pytest.mark.parametrize("path", TESTS, ids=_shown)
def test_a_test_module_can_be_read(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= TEST_LINES_MAX


def test_a_function_fits_on_a_screen() -> None:
    long = [
        f"{_shown(path)}:{node.lineno} {node.name} has {length} lines"
        for path in SOURCES
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (length := (node.end_lineno or 0) - node.lineno + 1) > FUNCTION_LINES_MAX
    ]
    assert not long, "say the parts by name: " + "; ".join(long)


@pytest.mark.parametrize("path", SOURCES, ids=_shown)
def test_a_module_opens_with_its_law(path: Path) -> None:
    assert ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))), f"{_shown(path)} has no docstring"


def test_names_say_what_is_inside() -> None:
    assert not [_shown(path) for path in SOURCES if path.stem in BANNED_STEMS and path.parent.name != "runtime"]


@pytest.mark.parametrize("service", ["identification", "referral", "aftercare", "justice", "repatriation"])
def test_one_service_reads_like_the_next(service: str) -> None:
    files = {path.name for path in (ROOT / "services" / service).glob("*.py")}
    assert files == SERVICE_FILES


@pytest.mark.parametrize("folder", sorted((ROOT / "projections").glob("[a-z]*/")), ids=_shown)
def test_one_projection_reads_like_the_next(folder: Path) -> None:
    assert {path.name for path in folder.iterdir() if path.is_file()} == PROJECTION_FILES


@pytest.mark.parametrize("path", CORE, ids=_shown)
def test_the_core_imports_only_what_is_allowed(path: Path) -> None:
    assert set(_imported(path)) <= CORE_MAY_IMPORT, f"{_shown(path)}: IO and libraries stand at the edges"


def test_strictness_debt_may_only_fall() -> None:
    marks = ("# type: ignore", "# noqa", " cast(")
    texts = [path.read_text(encoding="utf-8") for path in SOURCES]
    debt = sum(text.count(mark) for text in texts for mark in marks)
    lines = sum(text.count("\n") for text in texts)
    assert debt * 1_000 / lines <= STRICTNESS_DEBT_MAX_PER_KLOC


def test_every_exception_to_a_rule_gives_its_reason() -> None:
    bare = [
        f"{_shown(path)}:{number}"
        for path in SOURCES
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if ("# noqa: " in line and " - " not in line.partition("# noqa: ")[2])
        or ("# type: ignore" in line and "  # " not in line.partition("# type: ignore")[2])
    ]
    assert not bare


def test_no_work_is_left_for_later() -> None:
    marks = ("TODO", "FIXME", "except: pass", "NotImplementedError")
    assert not [_shown(path) for path in SOURCES for mark in marks if mark in path.read_text(encoding="utf-8")]


def test_no_test_is_skipped() -> None:
    """Except where a test is about root's or an ordinary user's rights, and this user is the other one."""
    marks = ("pytest.mark." + "skip", "pytest." + "skip(", "mark." + "xfail")
    tests = [path for path in TESTS if path.parent.name != "platform"]
    assert not [_shown(path) for path in tests for mark in marks if mark in path.read_text(encoding="utf-8")]


def _imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module.partition(".")[0]
