"""The house style that a machine can see (CONTRIBUTING): files and functions of a readable length, exact assertions."""

import ast

import pytest

from tests.stack import REPOSITORY

GREEDY_FOR_GOOD = ("*+", "++", "?+", "}+", "(?>")
FOLDERS = ("packages_app", "repomgr", "repomgr_client", "tests")
LONGEST_FILE = 350
LONGEST_FUNCTION = 50


@pytest.fixture(scope="module")
def files() -> dict[str, str]:
    """The text of each of our files, by its path in the repository."""
    paths = (path for folder in FOLDERS for path in (REPOSITORY / folder).rglob("*.py"))
    return {path.relative_to(REPOSITORY).as_posix(): path.read_text() for path in sorted(paths)}


@pytest.fixture(scope="module")
def nodes(files: dict[str, str]) -> list[tuple[str, ast.AST]]:
    """Every node of every file, with the file's path."""
    return [(path, node) for path, text in files.items() for node in ast.walk(_parsed(text, path))]


def _parsed(text: str, path: str) -> ast.AST:
    """Return the tree of a file; a thread that tells a traceback meanwhile, which parses too, is why it may fail once.

    Python 3.11 counts the depth of both in one place: https://github.com/python/cpython/issues/106905.
    """
    try:
        return ast.parse(text, path)
    except SystemError:
        return ast.parse(text, path)


def test_no_file_is_longer_than_a_person_reads(files: dict[str, str]) -> None:
    lengths = {path: len(text.splitlines()) for path, text in files.items()}
    long = [f"{path}: {lines} lines" for path, lines in lengths.items() if lines > LONGEST_FILE]
    assert long == [], f"split it by subject: no file has over {LONGEST_FILE} lines"


def test_no_function_is_longer_than_a_page(nodes: list[tuple[str, ast.AST]]) -> None:
    lengths = {
        f"{path}:{node.lineno} {node.name}": (node.end_lineno or 0) - node.lineno + 1
        for path, node in nodes
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    long = [f"{place}: {lines} lines" for place, lines in lengths.items() if lines > LONGEST_FUNCTION]
    assert long == [], f"take it apart: no function has over {LONGEST_FUNCTION} lines"


def test_no_assertion_is_content_with_one_or_the_other(nodes: list[tuple[str, ast.AST]]) -> None:
    asserts = [(path, node) for path, node in nodes if isinstance(node, ast.Assert)]
    either = [f"{path}:{node.lineno}" for path, node in asserts if _says_or(node.test)]
    assert either == [], "decide which of the two holds in which case, and assert that"


def _says_or(test: ast.expr) -> bool:
    return any(isinstance(node, ast.BoolOp) and isinstance(node.op, ast.Or) for node in ast.walk(test))


def test_no_pattern_is_possessive_or_atomic(nodes: list[tuple[str, ast.AST]]) -> None:
    """Python 3.11.2, which Debian 12 has, matches such patterns otherwise than later ones do."""
    found = [
        f"{path}:{node.lineno} {node.value[:60]!r}"
        for path, node in nodes
        if isinstance(node, ast.Constant) and isinstance(node.value, str | bytes) and path.startswith("packages_app/")
        for text in [node.value if isinstance(node.value, str) else node.value.decode("latin-1")]
        if any(mark in text for mark in GREEDY_FOR_GOOD)
    ]
    assert found == [], "write it plainly, so that it matches the same whichever Python runs it"
