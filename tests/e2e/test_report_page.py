"""The page of a run, as a reader sees it in Chromium: from a file, and with nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from reports import runs

from wixture.contracts.redacted import redacted
from wixture.contracts.reports.write import write
from wixture.contracts.secrets import Redactor

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

AXE = {"resultTypes": ["violations"]}
HOSTILE = "<img src=x onerror=alert(1)></script>{{ 7*7 }}" + "long" * 60
RUNS = {"full": runs.run(), "empty": runs.empty(), "hostile": runs.everywhere(HOSTILE)}


@pytest.fixture
def show(browser: Browser, tmp_path: Path) -> Any:
    """Opens the page of a run from a file; it asks for nothing, and no console complains."""

    @contextmanager
    def opened(name: str, **options: Any) -> Iterator[Page]:
        file = tmp_path / "report.html"
        write(redacted(RUNS[name], Redactor([])), f"html={file}")
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
@pytest.mark.parametrize("name", RUNS)
def test_axe_finds_nothing_in_any_window(show: Any, name: str, width: int, scheme: str) -> None:
    with show(name, color_scheme=scheme, viewport={"width": width, "height": 800}) as page:
        for summary in page.locator("summary").all():
            summary.click()
        assert Axe().run(page, options=AXE).response["violations"] == []
        assert page.evaluate("document.documentElement.scrollWidth") == width


def test_a_reader_is_told_first_how_it_went(show: Any) -> None:
    with show("full") as page:
        assert page.title() == "wixture conform: failed"
        assert page.locator("header strong").inner_text() == "Failed"
        headings = page.get_by_role("heading", level=2).all_inner_texts()
        assert headings[0] == "Findings 1 error, 1 warning, 1 note"
        first = page.get_by_role("article").first
        assert first.get_by_role("heading", level=3).inner_text().startswith("error An answer has a field")


def test_pictures_tell_each_cell_to_who_cannot_see(show: Any) -> None:
    with show("full") as page:
        for name in ("answers by status", "schema keywords"):
            picture = page.get_by_role("img", name=name)
            told = page.locator(f"#{picture.get_attribute('aria-describedby')}").text_content()
            assert told.count(":") == picture.locator(".cell").count()
            assert "never" in told


def test_a_cell_differs_in_shape_and_text_and_not_in_colour_alone(show: Any) -> None:
    with show("full") as page:
        met, never = (page.locator(f".cell.{kind}").first for kind in ("met", "never"))
        assert never.locator("text").text_content() == "0"
        assert met.locator("text").text_content() != "0"
        dashes = "cell => getComputedStyle(cell.querySelector('rect')).strokeDasharray"
        assert met.evaluate(dashes) != never.evaluate(dashes)


def test_the_messages_of_a_finding_are_there_to_be_opened_by_keyboard(show: Any) -> None:
    with show("full") as page:
        page.get_by_role("article").first.locator("summary").focus()
        page.keyboard.press("Enter")
        assert page.get_by_text('"grated": true').is_visible()


def test_what_a_target_says_is_text(show: Any) -> None:
    with show("hostile") as page:
        assert page.locator("img, script").count() == 0
        assert page.get_by_text("<img src=x onerror=alert(1)>").count() > 0
