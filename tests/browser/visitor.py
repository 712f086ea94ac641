"""One browser window and who looks through it; what holds of every page is checked here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from playwright.sync_api import BrowserContext, Page

from tests.browser.gateway import Gateway
from tests.edge_api.kit import Person

Theme = Literal["light", "dark"]
DESKTOP, PHONE = 1280, 390
WIDTHS = (DESKTOP, PHONE)
THEMES: tuple[Theme, ...] = ("light", "dark")
OF_COLOURS = ("color-contrast", "link-in-text-block")
AXE: str = Axe().axe_script


@dataclass(frozen=True)
class Visitor:
    page: Page
    context: BrowserContext
    gateway: Gateway
    complaints: list[str]
    """What the browser's console has complained of: refused scripts and styles, exceptions, missing files."""

    def visit(self, path: str) -> Page:
        self.page.goto(f"{self.gateway.url}{path}")
        return self.page

    def sign_in(self, person: Person) -> Page:
        self.visit("/sign-in")
        self.page.get_by_label("Your token").fill(person.token)
        self.page.get_by_role("button", name="Sign in").click()
        self.page.wait_for_url("**/videos")
        return self.page

    def resize(self, width: int, theme: Theme, *, height: int = 900) -> None:
        self.page.set_viewport_size({"width": width, "height": height})
        self.page.emulate_media(color_scheme=theme, reduced_motion="reduce")

    def check_page(self, *, allowed: tuple[str, ...] = ()) -> None:
        """In every width and theme nothing is wider than the window and axe-core finds nothing; no complaints.

        allowed: parts of complaints that the page is expected to earn.
        """
        for width in WIDTHS:
            for theme in THEMES:
                self.resize(width, theme)
                self.check_width()
                # A theme changes colours and nothing else: what does not depend on them is looked at in one.
                self.check_accessibility(rules=() if theme == THEMES[0] else OF_COLOURS)
        assert not [said for said in self.complaints if not any(part in said for part in allowed)]

    def check_width(self) -> None:
        wide = self.page.evaluate(
            """() => {
                const width = document.documentElement.clientWidth;
                const scrolls = (e) => e && (getComputedStyle(e).overflowX !== "visible" || scrolls(e.parentElement));
                return document.documentElement.scrollWidth > width
                    ? ["the page", document.documentElement.scrollWidth]
                    : [...document.querySelectorAll("main *, header *")]
                        .filter((e) => e.getBoundingClientRect().right > width + 1 && !scrolls(e.parentElement))
                        .map((e) => e.outerHTML.slice(0, 120));
            }"""
        )
        assert not wide, f"wider than the window at {self.page.viewport_size}: {wide}"

    def check_accessibility(self, *, rules: Sequence[str] = ()) -> None:
        """rules: of axe-core, all of those that are on when none is named."""
        if not self.page.evaluate("() => 'axe' in window"):
            self.page.evaluate(AXE)
        options = {"resultTypes": ["violations"], **({"runOnly": list(rules)} if rules else {})}
        violations = self.page.evaluate("options => axe.run(options).then(found => found.violations)", options)
        told = [
            f"{broken['id']}: {broken['help']}: {[node['html'][:160] for node in broken['nodes']]}"
            for broken in violations
        ]
        assert not told, "\n".join(told)
