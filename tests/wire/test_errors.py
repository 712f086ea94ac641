from __future__ import annotations

from wire.errors import error_body


def test_every_error_has_one_shape() -> None:
    assert error_body("TOO_LARGE", "Send less.", "r1") == {
        "error": "Send less.",
        "code": "TOO_LARGE",
        "request_id": "r1",
    }


def test_a_route_adds_the_fields_its_contract_names() -> None:
    body = error_body("BAD_FORMAT", "Send mp4.", "r1", supported_formats=["mp4"])
    assert body["supported_formats"] == ["mp4"]
    assert list(body) == ["error", "code", "request_id", "supported_formats"]
