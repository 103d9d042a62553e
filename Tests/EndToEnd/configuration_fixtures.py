# Fixtures: clusters of all configurations on hosts that a test makes, and a Chromium that runs outside of them.
import pytest
from playwright.sync_api import sync_playwright

import browser
from configurations import Outside, Workshop, make_blocked, make_default, make_external, make_gateway, make_outbound


@pytest.fixture(scope="module")
def outside(installation):
    outside = Outside()
    yield outside
    outside.remove()


@pytest.fixture(scope="module")
def chromium_outside(outside):
    with sync_playwright() as playwright:
        chromium = browser.launch(playwright, host=outside.client)
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def build(installation, places, outside, alice):
    """Builds a configuration that lasts as long as the fixture that yields it."""
    def build(make):
        workshop = Workshop(installation, places)
        try:
            yield make(workshop, outside)
        finally:
            workshop.close()

    return build


@pytest.fixture(scope="module")
def default(build):
    yield from build(make_default)


@pytest.fixture
def outbound(build):
    """A cluster that the browser sees through a gateway that has an HTTP proxy and no other way."""
    yield from build(make_outbound)


@pytest.fixture
def behind_gateway(build):
    """A cluster in which something is to be broken for good."""
    yield from build(make_gateway)


@pytest.fixture(scope="module", params=[make_gateway, make_external, make_blocked], ids=lambda make: make.__name__[5:])
def gated(request, build):
    """A cluster that the browser sees through a gateway alone."""
    yield from build(request.param)


@pytest.fixture
def visit_door(request, chromium_outside):
    """Opens browsers outside, and logs users in."""
    with browser.opening(request, chromium_outside) as browse:
        def visit(configuration, user):
            desk = browse(portal=configuration.door)
            # Where there is no route, the browser itself tells that it has tried.
            desk.unreachable.update(configuration.addresses)
            desk.open().log_in(user)
            return desk.wait_portal()

        yield visit
