"""The page of a suite's usage coverage, as a reader sees it in Chromium: from a file, and with nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from axe_playwright_python.sync_playwright import Axe

from wixture.fixtures.usage import as_html
from wixture.mockserver.coverage import document, items

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

AXE = {"resultTypes": ["violations"]}
ALL = [(dimension, item) for dimension, known in items().items() for item in known]
SOME = document(dict.fromkeys(ALL[::2], 1234), read={"exchanges": 412, "events": 97}, forgotten={"exchanges": 3})
DOCUMENTS = {"some": SOME, "none": document({}), "all": document(dict.fromkeys(ALL, 7))}


@pytest.fixture
def show(browser: Browser, tmp_path: Path) -> Any:
    """Opens the page of a document from a file; it asks for nothing, and no console complains."""

    @contextmanager
    def opened(found: Any, **options: Any) -> Iterator[Page]:
        file = tmp_path / "usage.html"
        file.write_text(as_html(found, title="Usage coverage of a shop"), encoding="utf-8")
        seen: list[str] = []
        context = browser.new_context(**options)
        page = context.new_page()
        page.on("console", lambda message: seen.append(message.text))
        page.on("request", lambda request: seen.append(request.url))
        page.goto(file.as_uri())
        yield page
        context.close()
        assert seen == [file.as_uri()]

    return opened


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 1200])
@pytest.mark.parametrize("name", DOCUMENTS)
def test_axe_finds_nothing_in_any_window(show: Any, name: str, width: int, scheme: str) -> None:
    with show(DOCUMENTS[name], color_scheme=scheme, viewport={"width": width, "height": 800}) as page:
        page.locator("summary").click()
        assert Axe().run(page, options=AXE).response["violations"] == []
        assert page.evaluate("document.documentElement.scrollWidth") == width


def test_a_reader_is_told_the_percentage_and_what_to_do_next(show: Any) -> None:
    with show(SOME) as page:
        assert page.title() == "Usage coverage of a shop: 50.0 %"
        assert page.locator("html").get_attribute("lang") == "en"
        assert page.get_by_role("heading", level=2).all_inner_texts()[0] == "Next"
        assert page.get_by_text("The mock had forgotten 3 exchanges").is_visible()


@pytest.mark.parametrize("width", [320, 1200])
def test_one_picture_of_the_operations_is_seen_and_tells_each_cell_to_who_cannot_see(
    show: Any, width: int
) -> None:
    with show(SOME, viewport={"width": width, "height": 800}) as page:
        pictures = page.get_by_role("img", name="answers by status met")
        assert pictures.count() == 1
        assert (
            pictures.get_attribute("aria-describedby") == f"statuses-{'narrow' if width == 320 else 'wide'}-text"
        )
        told = pictures.locator("desc").text_content()
        assert all(item in told for item in items()["statuses"])


def test_a_cell_differs_in_shape_and_text_and_not_in_colour_alone(show: Any) -> None:
    with show(SOME) as page:
        met, never = (page.locator(f"svg.wide .cell.{kind}").first for kind in ("met", "never"))
        assert [str(cell.text_content()).strip() for cell in (met, never)] == ["1234", "0"]
        dashes = [
            cell.locator("rect").evaluate("element => getComputedStyle(element).strokeDasharray")
            for cell in (met, never)
        ]
        assert dashes[0] == "none"
        assert dashes[1] != "none"


def test_the_numbers_open_and_scroll_by_keyboard(show: Any) -> None:
    with show(SOME, viewport={"width": 320, "height": 800}) as page:
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        table = page.get_by_role("region", name="Operations, and how they were answered")
        assert table.is_visible()
        assert table.get_by_role("rowheader").count() == len(items()["operations"])
        page.keyboard.press("Tab")
        assert table.evaluate("element => element === document.activeElement")
        assert table.evaluate("element => getComputedStyle(element).outlineStyle") == "solid"
