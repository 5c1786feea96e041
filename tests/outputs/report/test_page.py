"""Text on its way to a page."""

from __future__ import annotations

from markupsafe import Markup

from na64.outputs.report.page import page_environment


def test_text_of_others_is_neither_a_tag_nor_a_command() -> None:
    page = page_environment().from_string("<p>{{ name }}</p>\n")
    assert page.render(name="<b>\x1b\u202e\udcff") == r"<p>&lt;b&gt;\x1b\u202e\xff</p>"
    assert page.render(name=Markup("<b>a\nb\x1b</b>")) == "<p><b>a\nb\\x1b</b></p>"
    assert page.render(name=3) == "<p>3</p>"
