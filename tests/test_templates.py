"""Every package's templates escape what they are given, and want all of it."""

from __future__ import annotations

import pytest
from jinja2 import UndefinedError

from resorb.templates import templates

PACKAGES = ("resorb.reporting", "resorb.clinic.report", "resorb.mechanism")


@pytest.mark.parametrize("package", PACKAGES)
def test_texts_are_escaped_and_missing_ones_are_errors(package: str) -> None:
    template = templates(package).from_string("<p>{{ name }}</p>")
    assert template.render(name="<script>") == "<p>&lt;script&gt;</p>"
    with pytest.raises(UndefinedError):
        template.render()


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_has_templates_of_its_own(package: str) -> None:
    assert templates(package).list_templates()
