from __future__ import annotations

from collections.abc import Sequence

import pytest

from consumer.webhooks.addresses import Resolve, addresses_of, resolve_host
from wire.webhooks import TargetRefusedError, target_of


def resolving(*addresses: str) -> Resolve:
    async def resolve(host: str, port: int) -> Sequence[str]:
        return addresses

    return resolve


async def test_one_private_address_among_public_ones_is_enough() -> None:
    target = target_of("https://example.org/", ())
    assert await addresses_of(target, resolving("1.1.1.1")) == ["1.1.1.1"]
    with pytest.raises(TargetRefusedError, match="private network"):
        await addresses_of(target, resolving("1.1.1.1", "169.254.169.254"))


async def test_a_host_of_the_setting_may_be_private() -> None:
    target = target_of("http://hooks.internal/", ("Hooks.Internal",))
    assert await addresses_of(target, resolving("10.0.0.1")) == ["10.0.0.1"]
    with pytest.raises(TargetRefusedError):
        target_of("http://other.internal/", ("hooks.internal",))


@pytest.mark.parametrize("host", ["2130706433", "0x7f.1", "017700000001", "127.1"])
async def test_spellings_of_loopback_are_resolved_before_they_are_judged(host: str) -> None:
    with pytest.raises((TargetRefusedError, OSError)):
        await addresses_of(target_of(f"https://{host}/", ()), resolve_host)


async def test_a_name_without_an_address() -> None:
    with pytest.raises(OSError, match="no address"):
        await addresses_of(target_of("https://example.org/", ()), resolving())
