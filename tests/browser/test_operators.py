"""What operators do: look at the dashboard while it refreshes, run again what failed, set up a webhook."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.browser.operators import add_webhook, fill_for_operators
from tests.browser.visitor import Visitor


def test_the_dashboard(admin: Visitor) -> None:
    failed, page = fill_for_operators(admin.gateway), admin.page
    page.clock.install()
    admin.visit("/dashboard")
    expect(page.get_by_role("img", name="Uploads a day")).to_be_visible()
    page.get_by_text("Numbers").first.click()
    admin.check_page()

    # Ten seconds later the numbers are new; what was unfolded and focused still is.
    button = page.locator(f"#retry-{failed[0]}")
    button.focus()
    admin.gateway.add_videos(admin.gateway.people.alice, 5, status="flagged", reason="rotated")
    page.clock.run_for(11_000)
    expect(page.get_by_text("Flagged: rotated")).to_be_visible()
    expect(page.get_by_role("region", name="Uploads by day")).to_be_visible()
    expect(button).to_be_focused()

    page.keyboard.press("Enter")
    expect(page.get_by_text("It runs again.")).to_be_visible()
    page.locator(f"#delete-{failed[1]}").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(page.get_by_text("The video is deleted.")).to_be_visible()
    assert page.url.endswith("/dashboard")
    assert not admin.gateway.rows("SELECT id FROM videos WHERE id = ?", failed[1])


def test_webhooks(admin: Visitor) -> None:
    page = admin.visit("/webhooks")
    page.get_by_label("Address").fill("http://example.org/hook")
    page.get_by_role("button", name="Add").click()
    expect(page.get_by_role("alert")).to_contain_text("https")
    admin.check_page(allowed=("400",))
    webhook_id = add_webhook(admin.gateway)
    admin.visit("/webhooks")
    page.get_by_role("link", name=webhook_id).click()
    expect(page.get_by_text("answered 500")).to_be_visible()
    admin.check_page(allowed=("400",))
    page.get_by_role("button", name="New secret").click()
    expect(page.get_by_label("The secret")).to_contain_text("whsec_")
    admin.check_width()
    admin.check_accessibility()
    page.get_by_role("link", name="I have kept it").click()
    page.get_by_role("button", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(page.get_by_text("The webhook is deleted.")).to_be_visible()
