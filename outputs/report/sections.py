"""Parts of the report that other commands than `na64 process` leave in the folder of a result."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from markupsafe import Markup

from na64.datasets.basics.named import named
from na64.outputs.report.page import page_environment
from na64.outputs.report.report import power, tagged
from na64.outputs.result.origin import Origin, origin_said, problem_of, unseal_facts
from na64.outputs.result.table import two_digits

Facts = dict[str, Any]
Picture = tuple[str, str, str]
"""Name, caption and content of a figure."""

_HEAD = """<h2 id="{{ title | lower | replace(' ', '-') }}">{{ title }}</h2>
{% if not is_current %}
<div class="note"><strong>Of another result.</strong> This is from before the result changed, or was edited: <code>na64 {{ command }}</code> makes it again.</div>
{% endif %}
"""  # noqa: E501


@dataclass(frozen=True, slots=True)
class Section:
    """A section of the report, from what a command left in the folder of a result.

    Attributes
    ----------
    title : str
    command : str
        That makes it.
    package : str
        With its template, ``section.html.j2``.
    facts : str
        Name of the JSON file that there is no section without; the template has it as ``facts``.
    figures : str
        Name of the folder of figures.
    captions : mapping
        By the names of the figures, in order.
    more : callable
        Gives what else the template needs, from the folder of the result.
    tables : tuple of str
        Tables of the same command, which say of which result they are.
    """

    title: str
    command: str
    package: str
    facts: str
    figures: str
    captions: Mapping[str, str]
    more: Callable[[Path], Mapping[str, object]]
    tables: tuple[str, ...] = ()

    def write(self, folder: Path, products: Mapping[str, str], digest: str) -> Markup:
        """Write it; empty if there is nothing to write of.

        Parameters
        ----------
        folder : Path
            Of the result.
        products : mapping of str to str
            sha256 of the products of the result that the report is of.
        digest : str
            sha256 of that result.
        """
        if not (folder / self.facts).exists():
            return Markup()
        facts, said = unseal_facts((folder / self.facts).read_bytes(), self.facts)
        template = _HEAD + (files(self.package) / "section.html.j2").read_text(encoding="utf-8")
        more = self.more(folder)
        with named(self.facts):
            return _fill(
                template,
                title=self.title,
                command=self.command,
                facts=facts,
                is_current=_is_of(facts, products, digest)
                and not said.is_edited
                and self._are_of(folder, digest),
                pictures=_pictures(folder / self.figures, self.captions),
                **more,
            )

    def _are_of(self, folder: Path, digest: str) -> bool:
        """Whether the tables are of a result, as they say themselves, and as they were written."""
        found = [origin_said(folder / name) for name in self.tables if (folder / name).exists()]
        return not any(problem_of(one, Origin(digest), of="it") for one in found)


def _is_of(facts: Facts, products: Mapping[str, str], digest: str) -> bool:
    """Limits may be of several results and name each by its digest; the others name the products of one."""
    if "inputs" in facts:
        return any(source["result"] == digest for source in facts["inputs"])
    return bool(facts["result"] == dict(products))


def _fill(template: str, **content: object) -> Markup:
    environment = page_environment()
    environment.filters.update(power=power, tagged=tagged, two_digits=two_digits)
    return Markup(environment.from_string(template).render(content))  # noqa: S704 (escaped by the template)


def _pictures(folder: Path, captions: Mapping[str, str]) -> list[Picture]:
    """Read the figures that are there."""
    return [
        (name, caption, base64.b64encode((folder / f"{name}.png").read_bytes()).decode())
        for name, caption in captions.items()
        if (folder / f"{name}.png").exists()
    ]
