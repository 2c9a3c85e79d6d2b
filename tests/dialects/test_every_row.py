"""Every row of the ledger is held by a test that names it, and tests name only rows of the ledger.

A test names a row by `@pytest.mark.row("the-row")`, also as a parameter's mark, or by a case: when it is
parametrised over a table of this module that is written out, and one of the parameters is called `row`.
"""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

import pytest

from wixture.contracts.ledger import rows

ROOT = Path(__file__).parents[2]


# ---- how a module's tests name rows --------------------------------------------------------------


def rows_of_tests(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """Each test of a module with each row that it names."""
    named = _assigned(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
            for decorator in node.decorator_list:
                meant = named.get(ast.unparse(decorator), decorator)
                yield from ((node.name, row) for row in (*_marks(meant), *_cases(meant, named)))


def _assigned(tree: ast.Module) -> Mapping[str, ast.expr]:
    """What the names at the top of a module stand for."""
    found: dict[str, ast.expr] = {}
    for node in tree.body:
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            found.update((ast.unparse(target), node.value) for target in targets)
    return found


def _marks(decorator: ast.expr) -> Iterator[str]:
    for node in ast.walk(decorator):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "pytest.mark.row":
            yield from (ast.literal_eval(argument) for argument in node.args)


def _cases(decorator: ast.expr, named: Mapping[str, ast.expr]) -> Iterator[str]:
    for node in ast.walk(decorator):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "pytest.mark.parametrize":
            names, table = node.args[:2]
            parameters = [item.value for item in getattr(names, "elts", [names]) if isinstance(item, ast.Constant)]
            if "row" in parameters:
                yield from _column(_table(table, named), parameters.index("row"))


def _table(written: ast.expr, named: Mapping[str, ast.expr]) -> list[ast.expr]:
    """The cases of a table, where the module writes them out: a list, or the values of a dictionary."""
    of_values = isinstance(written, ast.Call) and ast.unparse(written.func).endswith(".values")
    name = ast.unparse(written).removesuffix(".values()") if of_values else ast.unparse(written)
    table = named.get(name, written)
    return table.values if isinstance(table, ast.Dict) else getattr(table, "elts", [])


def _column(cases: list[ast.expr], position: int) -> Iterator[str]:
    for case in cases:
        values = case.args if isinstance(case, ast.Call) else getattr(case, "elts", [case])
        if isinstance(values[position], ast.Constant):
            yield str(values[position].value)


TABLE = 'T = {"x": ("a", 1)}\n'
BY_CASES = 'pytest.mark.parametrize(("row", "n"), T.values())\n'
TEST = "def test_x(): ..."


@pytest.mark.parametrize(
    ("source", "named"),
    [
        (f'@pytest.mark.row("a", "b")\n{TEST}', ["a", "b"]),
        (f'@pytest.mark.parametrize("n", [pytest.param(1, marks=pytest.mark.row("a"))])\n{TEST}', ["a"]),
        (f'@pytest.mark.row("a")\nasync {TEST}', ["a"]),
        (f'class TestX:\n    @pytest.mark.row("a")\n    {TEST}', ["a"]),
        (f"{TABLE}each = {BY_CASES}@each\n{TEST}", ["a"]),
        (f"{TABLE}@{BY_CASES}{TEST}", ["a"]),
        (f'T = [(1, "a"), (2, "b")]\n@pytest.mark.parametrize(("n", "row"), T)\n{TEST}', ["a", "b"]),
        (f'@pytest.mark.parametrize("row", ["a"])\n{TEST}', ["a"]),
        (f"{TABLE}each = {BY_CASES}{TEST}", []),
        (f'{TABLE}@pytest.mark.parametrize(("id", "n"), T.values())\n{TEST}', []),
        (f'@pytest.mark.parametrize("row", rows().values())\n{TEST}', []),
        (f'@pytest.mark.rule("a")\n{TEST}', []),
        ('@pytest.mark.row("a")\ndef helper(): ...', []),
        (f'"""@pytest.mark.row("a")"""\n{TEST}', []),
    ],
    ids=[
        "two", "of a parameter", "async", "in a class", "of cases by a name", "of cases", "of a list of cases",
        "of a list", "of cases that no test uses", "of cases without rows", "of a table made elsewhere", "a rule",
        "of no test", "in a text",
    ],
)  # fmt: skip
def test_rows_are_read_from_the_code_and_not_from_its_text(source: str, named: list[str]) -> None:
    assert [row for _, row in rows_of_tests(ast.parse(source))] == named


# ---- the rows ------------------------------------------------------------------------------------


@cache
def _named_by_tests() -> Mapping[str, list[str]]:
    """The rows that tests name, each with the tests that do."""
    found: dict[str, list[str]] = defaultdict(list)
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        if "node_modules" not in path.parts:
            for test, row in rows_of_tests(ast.parse(path.read_text(encoding="utf-8"))):
                found[row].append(f"{path.relative_to(ROOT)}::{test}")
    return found


@pytest.mark.parametrize("row_id", rows())
def test_every_row_is_named_by_a_test(row_id: str) -> None:
    assert _named_by_tests().get(row_id), f"No test of tests/ carries @pytest.mark.row({row_id!r})."


def test_tests_name_only_rows_of_the_ledger() -> None:
    unknown = {row: tests for row, tests in _named_by_tests().items() if row not in rows()}
    assert not unknown
