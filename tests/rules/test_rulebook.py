"""The table of rules holds together: every rule is tested, every name of a rule exists, every source is there."""

from __future__ import annotations

import ast
import os
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from wixture.contracts.yaml_text import read_yaml

ROOT = Path(__file__).parents[2]
SEEDS = ROOT.parent / "shared" / "seeds"
TABLE = read_yaml((ROOT / "spec" / "rules.yaml").read_text(encoding="utf-8"))
RULES: Mapping[str, Mapping[str, str]] = TABLE["rules"]
PAGES: Mapping[str, Mapping[str, str]] = TABLE["pages"]
CITED = re.compile(r"\b(?P<page>%s):(?P<lines>\d+(?:-\d+)?(?:,\d+(?:-\d+)?)*)" % "|".join(PAGES))  # noqa: UP031

every_rule = pytest.mark.parametrize("rule", RULES)


# ---- what the tests name -------------------------------------------------------------------------


@cache
def _named_by_tests() -> Mapping[str, list[str]]:
    """The rules that tests name, each with the tests that do."""
    found: dict[str, list[str]] = defaultdict(list)
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        if "node_modules" not in path.parts:
            tree = ast.parse(path.read_text(encoding="utf-8"))
            for test, rule in _marks_of_functions(tree):
                found[rule].append(f"{path.relative_to(ROOT)}::{test}")
    return found


def _marks_of_functions(tree: ast.Module) -> Iterator[tuple[str, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
            for decorator in node.decorator_list:
                yield from ((node.name, rule) for rule in _rules_of_marks(decorator))


def _rules_of_marks(decorator: ast.expr) -> Iterator[str]:
    """The arguments of each `pytest.mark.rule(…)` in a decorator, also of a parameter's `marks`."""
    for node in ast.walk(decorator):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "pytest.mark.rule":
            yield from (ast.literal_eval(argument) for argument in node.args)


@every_rule
def test_every_rule_is_named_by_a_test(rule):
    assert _named_by_tests().get(rule), f"No test of tests/ carries @pytest.mark.rule({rule!r})."


def test_tests_name_only_rules_of_the_table():
    unknown = {rule: tests for rule, tests in _named_by_tests().items() if rule not in RULES}
    assert not unknown


@pytest.mark.parametrize(
    ("source", "rules"),
    [
        ('@pytest.mark.rule("a", "b")\ndef test_x(): ...', ["a", "b"]),
        (
            '@pytest.mark.parametrize("n", [pytest.param(1, marks=pytest.mark.rule("a"))])\ndef test_x(n): ...',
            ["a"],
        ),
        ('@pytest.mark.rule("a")\nasync def test_x(): ...', ["a"]),
        ('class TestX:\n    @pytest.mark.rule("a")\n    def test_x(self): ...', ["a"]),
        ('@pytest.mark.rule("a")\ndef helper(): ...', []),
        ('"""@pytest.mark.rule("a")"""\ndef test_x(): ...', []),
    ],
    ids=["two", "of a parameter", "async", "in a class", "of no test", "in a text"],
)
def test_marks_are_read_from_the_code_and_not_from_its_text(source, rules):
    assert [rule for _, rule in _marks_of_functions(ast.parse(source))] == rules


# ---- what the contract and the code name ---------------------------------------------------------


def _x_rules(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(node.get("x-rule"), str):
            yield node["x-rule"]
        node = list(node.values())
    for child in node if isinstance(node, list) else ():
        yield from _x_rules(child)


@pytest.mark.parametrize("name", ["openapi.yaml", "control.yaml"])
def test_every_x_rule_of_a_contract_is_in_the_table(name):
    named = set(_x_rules(read_yaml((ROOT / "spec" / name).read_text(encoding="utf-8"))))
    assert named <= set(RULES)
    assert named or name == "control.yaml"


def _rules_in_code(tree: ast.Module) -> Iterator[str]:
    """The texts given as `rule=…`, assigned to `rule`, third for `invalid_field`, or returned by a `_rule…`."""
    for node in ast.walk(tree):
        given: list[ast.expr | None] = []
        if isinstance(node, ast.Call):
            given += [keyword.value for keyword in node.keywords if keyword.arg == "rule"]
            if ast.unparse(node.func) == "invalid_field":
                given += node.args[2:3]
        elif isinstance(node, ast.Assign) and [ast.unparse(target) for target in node.targets] == ["rule"]:
            given.append(node.value)
        elif isinstance(node, ast.FunctionDef):
            if node.name.startswith("_rule"):
                given += [inner.value for inner in ast.walk(node) if isinstance(inner, ast.Return)]
            named = zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True)
            given += [default for argument, default in named if argument.arg == "rule"]
        yield from (text for expression in given if expression for text in _texts(expression))


def _texts(expression: ast.expr) -> Iterator[str]:
    branches = [expression.body, expression.orelse] if isinstance(expression, ast.IfExp) else [expression]
    for branch in branches:
        if isinstance(branch, ast.Constant) and isinstance(branch.value, str):
            yield branch.value


@pytest.mark.parametrize("folder", ["mockserver", "contracts"])
def test_every_rule_that_code_refuses_by_is_in_the_table(folder):
    files = [path for path in (ROOT / folder).rglob("*.py") if "lint" not in path.parts]
    named = {rule for path in files for rule in _rules_in_code(ast.parse(path.read_text(encoding="utf-8")))}
    assert named
    assert named <= set(RULES)


@pytest.mark.parametrize("name", ["marketing_consent", "followed_channels", "consent_fields", "query", "links"])
def test_every_rule_that_a_docstring_or_comment_of_the_rules_quotes_is_in_the_table(name):
    text = (ROOT / "mockserver" / "rules" / f"{name}.py").read_text(encoding="utf-8")
    quoted = set(re.findall(r"'([a-z]+(?:-[a-z0-9]+)+)'", text))
    assert quoted
    assert quoted <= set(RULES)


# ---- the table itself ----------------------------------------------------------------------------


@every_rule
def test_a_rule_says_a_sentence_and_what_speaks_for_it(rule):
    row = RULES[rule]
    assert set(row) <= {"says", "evidence", "source", "otherwise", "switch"}
    assert row["says"].endswith(".")
    assert row["evidence"] in ("measured", "documented", "inferred")


@every_rule
def test_a_rule_that_is_documented_or_measured_has_a_source(rule):
    row = RULES[rule]
    assert row["evidence"] == "inferred" or row.get("source", "").strip()


def _citations() -> list[tuple[str, str, int, int]]:
    """Rule, page, first and last line of each part of a source that names lines of a page."""
    found = []
    for rule, row in RULES.items():
        for cited in CITED.finditer(row.get("source", "")):
            for part in cited["lines"].split(","):
                first, _, last = part.partition("-")
                found.append((rule, cited["page"], int(first), int(last or first)))
    return found


@pytest.fixture(scope="session")
def lines_of() -> Mapping[str, list[str]]:
    """The lines of the vendor's pages; without the pages the tests skip, or fail where they are required."""
    if not SEEDS.is_dir():
        message = f"THE SOURCES OF THE RULES WERE NOT CHECKED: there is no {SEEDS}."
        if "seeds" in re.split(r"[,\s]+", os.environ.get("WIXTURE_REQUIRE", "")):
            pytest.fail(f"{message} WIXTURE_REQUIRE names seeds, so this is a failure.", pytrace=False)
        pytest.skip(message)
    return {page: (SEEDS / row["file"]).read_text(encoding="utf-8").splitlines() for page, row in PAGES.items()}


@pytest.mark.parametrize(("rule", "page", "first", "last"), _citations())
def test_the_lines_that_a_source_names_are_there(lines_of, rule, page, first, last):
    lines = lines_of[page]
    assert 1 <= first <= last <= len(lines)
    assert any(line.strip() for line in lines[first - 1 : last])


@every_rule
def test_a_source_names_a_page_in_the_form_that_is_checked(rule):
    source = RULES[rule].get("source", "")
    mentioned = sum(source.count(f"{page}:") for page in PAGES)
    assert mentioned == len(CITED.findall(source))
