"""Sixteen equations, each with a home that claims it, a lesson and a numerical test."""

import inspect
import re
from pathlib import Path

import pytest

from spikedu import equations

ROOT = Path(__file__).parent.parent
NUMBERS = range(1, 17)


def claimed(text: str) -> set[int]:
    """Numbers in "Eq. (3)", "Eqs. (8), (9)" and "Eqs. (12)-(16)"."""
    found = set()
    for run in re.findall(r"Eqs?\. (\(\d+\)(?:(?:-|, | and |\s)\(\d+\))*)", text):
        for first, last in re.findall(r"\((\d+)\)(?:-\((\d+)\))?", run):
            found |= set(range(int(first), int(last or first) + 1))
    return found


def test_the_reader_of_claims():
    text = "Eq. (3) and Eqs. (8), (9): not (7); Eqs. (12)-(14)."
    assert claimed(text) == {3, 8, 9, 12, 13, 14}


def test_all_sixteen_are_there():
    assert list(equations.EQUATIONS) == list(NUMBERS)
    assert all(e.number == n for n, e in equations.EQUATIONS.items())


@pytest.mark.parametrize("number", NUMBERS)
def test_the_home_claims_its_number(number):
    equation = equations.EQUATIONS[number]
    assert number in claimed(inspect.getdoc(equation.code))


@pytest.mark.parametrize("number", NUMBERS)
def test_a_numerical_test_names_it(number):
    tests = (ROOT / "tests" / f"test_{m}.py" for m in ("functional", "spikformer"))
    named = set()
    for path in tests:
        for definition in re.split(r"\n(?=def test_|@)", path.read_text("utf-8")):
            if re.search(r"equal|close|approx|==", definition):
                named |= claimed(definition)
    assert number in named


def test_errata_with_a_number_that_stands_in_print_are_all_there():
    text = " ".join(e.erratum for e in equations.EQUATIONS.values())
    mentioned = {int(n) for n in re.findall(r"\bE(\d+):", text)}
    # E9, E18, E23, E24 and E25 are in the paper's prose, figure and references.
    assert mentioned == set(range(1, 23)) - {9, 18}


def test_where_print_is_wrong_the_reading_differs_and_says_why():
    for e in equations.EQUATIONS.values():
        if e.printed != e.reading:
            assert e.erratum, e.number


@pytest.mark.parametrize("number", NUMBERS)
def test_show_puts_print_and_source_side_by_side(number):
    shown = equations.show(number)
    text, equation = shown._repr_markdown_(), shown.equation
    assert equation.printed in text and equation.erratum in text
    assert f"```python\n{equation.source}```" in text
    assert f" {equation.code.__name__}(" in equation.source
    assert f"Eq. ({number})" in repr(shown)
    assert text.count("$$") == (4 if equation.reading != equation.printed else 2)


@pytest.mark.parametrize(
    ("number", "error"),
    [(0, ValueError), (17, ValueError), ("3", TypeError), (True, TypeError)],
)
def test_an_equation_that_is_not_there(number, error):
    with pytest.raises(error, match="number"):
        equations.show(number)


def test_the_readme_holds_the_generated_table():
    readme = (ROOT / "README.md").read_text("utf-8")
    assert equations.table() in readme
    assert "@@" not in readme and "TODO" not in readme
