"""A stored result as an object: tables as data frames, histograms, figures.

What draws is imported when something is drawn: matplotlib reads settings of the user, and may fail then.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import hist
from markupsafe import Markup

from na64.datasets.basics.toml import unknown
from na64.outputs.report.display import displayed
from na64.outputs.report.heading import heading
from na64.outputs.result.cutflow import ALL_RUNS, VISIBLE
from na64.outputs.result.products import of_all_runs
from na64.outputs.result.store import read_result
from na64.outputs.result.summary import Summary, Verdict, planes_of
from na64.outputs.result.summary_facts import BoxFacts, PlaneFacts, SelectionFacts
from na64.outputs.result.table import ColumnType, Table
from na64.outputs.result.variations import Change, changes

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

_DTYPES = {ColumnType.TEXT: "string", ColumnType.COUNT: "Int64", ColumnType.NUMBER: "float64"}
_HEAD = ("cut", "passed", "of the step before", "alone", "all other cuts")


class Result:
    """A stored result of `na64 process`, checked to belong together when it is opened.

    Parameters
    ----------
    folder : path
        Where `na64 process` wrote to.

    Raises
    ------
    FileNotFoundError
        The folder holds no result.
    ValueError
        One of its files is damaged, or is not the one that the result was written with.

    Examples
    --------
    >>> result = na64.Result("out")
    >>> result.verdict.value, int(result.cutflow.loc[("all", "visible"), "passed"])
    ('COMPLETE', 474)
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        self._products = read_result(self.folder)

    @property
    def summary(self) -> Summary:
        """Verdict, accounting and everything else that `result.json` states."""
        return self._products.summary

    @property
    def verdict(self) -> Verdict:
        """`COMPLETE`, or `INCOMPLETE` with the reasons in ``summary.reasons``."""
        return self.summary.verdict

    @property
    def warnings(self) -> tuple[str, ...]:
        """What has to be known about the numbers, a line each; also what is hidden for lack of a branch."""
        return self.summary.warnings

    @property
    def selection(self) -> SelectionFacts:
        """Cuts, regions and variations in words and numbers."""
        return self.summary.selection

    @property
    def boxes(self) -> tuple[BoxFacts, ...]:
        """Signal boxes and guard bands of the periods, GeV."""
        return self.summary.boxes

    @property
    def provenance(self) -> Mapping[str, object]:
        """Versions, inputs and command that the result was made with."""
        return MappingProxyType(dict(self._products.provenance))

    @cached_property
    def yields(self) -> pd.DataFrame:
        """Accounting, particles on target and yields, a row a run; missing values are ``NA``, not 0."""
        return _frame(self._products.yields, ["run"])

    @cached_property
    def cutflow(self) -> pd.DataFrame:
        """Visible events after every cut, by it alone, and by all others; run ``all`` is the sum."""
        return _frame(self._products.cutflow, ["run", "cut"])

    @cached_property
    def regions(self) -> pd.DataFrame:
        """Visible events of every region after every cut, by run and cut; ``all`` is the sum."""
        return _frame(self._products.regions, ["run", "cut"])

    @property
    def histograms(self) -> Mapping[str, hist.Hist[Any]]:
        """Histograms of all runs by name, in GeV, ns and rad; `summary.histograms` explains each."""
        return self._products.histograms

    @property
    def changes(self) -> Mapping[str, Mapping[str, Change]]:
        """Change of every yield of all runs by every variation, with its error; empty without variations."""
        varied = self._products.varied_yields
        return {} if varied is None else changes(varied)

    def plot_plane(self, after: str | None = None, *, name: str | None = None) -> Figure:
        """Events in a plane with the regions; that of energies in ECAL and HCAL has the box too.

        Parameters
        ----------
        after : str, optional
            A cut, or ``visible``; by default the cut that yields are taken after.
        name : str, optional
            Of the plane; by default the first one of the selection.

        Raises
        ------
        KeyError
            There is no such plane, or none after such a cut; names those that are.
        """
        from na64.outputs.report.plane import plane  # noqa: PLC0415
        from na64.outputs.report.style import style  # noqa: PLC0415

        after = self.selection.yields_after if after is None else after
        found = displayed(self._products)
        shown = self._plane(name, found.summary.selection.planes)
        planes = {facts.cut: facts for facts in planes_of(found.summary, shown)}
        if after not in planes:
            raise KeyError(f"no plane after {after}: there are {', '.join(planes)}")
        facts = planes[after]
        with style():
            figure = plane(
                found.histograms[facts.name],
                shown,
                boxes=found.summary.boxes,
                closed=self.summary.is_data,
                regions=found.summary.selection.regions,
                label=heading(self.summary),
                title=facts.title,
            )
            return self._marked(figure)

    def _plane(self, name: str | None, known: Sequence[PlaneFacts]) -> PlaneFacts:
        planes = {plane.name: plane for plane in known}
        if name is not None and name not in planes:
            raise KeyError(unknown("plane", name, planes))
        return known[0] if name is None else planes[name]

    def plot_cutflow(self) -> Figure:
        """Events of all runs left after every cut, passing each cut alone, and passing all others."""
        from na64.outputs.report import plots  # noqa: PLC0415
        from na64.outputs.report.style import style  # noqa: PLC0415

        with style():
            return self._marked(
                plots.cutflow(of_all_runs(self._products.cutflow), label=heading(self.summary))
            )

    def _marked(self, figure: Figure) -> Figure:
        from na64.outputs.report.style import watermark  # noqa: PLC0415

        if self.summary.is_unverified:
            watermark(figure, "unverified simulation")
        return figure

    def __repr__(self) -> str:
        totals = self.summary.totals
        return (
            f"<na64 result of {self.selection.name}: {self.verdict.value}, {self.summary.label}, "
            f"{len(self.summary.runs):,} runs, {totals['processed']:,} events processed, "
            f"{totals['selected']:,} selected>"
        )

    def _repr_html_(self) -> str:
        """Verdict, accounting and cut-flow of all runs, as a notebook shows them."""
        from na64.outputs.report.report import count, percent, words  # noqa: PLC0415

        summary, rows = self.summary, []
        flow = self.cutflow.loc[ALL_RUNS]
        before = flow["passed"].shift(1)
        for cut, row in flow.iterrows():
            share = "" if cut == VISIBLE else percent(float(row["passed"]), float(before[cut]))
            cells = (count(row["passed"]), share, count(row["alone"]), count(row["n_minus_one"]))
            rows.append((words(str(cut)), *cells))
        reasons = "".join(Markup("<li>{}</li>").format(text) for text in summary.reasons)
        head = Markup("").join(Markup("<th>{}</th>").format(name) for name in _HEAD)
        body = Markup("").join(
            Markup("<tr>{}</tr>").format(Markup("").join(Markup("<td>{}</td>").format(cell) for cell in row))
            for row in rows
        )
        return Markup(
            "<div><p><strong>{}</strong> &middot; {} &middot; {} &middot; {} runs &middot; {} events</p>"
            "<ul>{}</ul><table><thead><tr>{}</tr></thead><tbody>{}</tbody></table></div>"
        ).format(
            self.selection.name,
            self.verdict.value,
            summary.label,
            count(len(summary.runs)),
            count(summary.totals["processed"]),
            Markup(reasons),  # noqa: S704 (each reason is escaped above)
            head,
            body,
        )


def _frame(table: Table[Any], index: list[str]) -> pd.DataFrame:
    import pandas as pd  # noqa: PLC0415 (slow to import, and counting needs none of it)

    dtypes = {name: _DTYPES[column.type] for name, column in table.columns.items()}
    columns = {name: pd.array(table.column(name), dtype=dtype) for name, dtype in dtypes.items()}
    return pd.DataFrame(columns).set_index(index)


def open_result(folder: str | Path) -> Result:
    """Result of `na64 process` in a folder, see `Result`.

    Parameters
    ----------
    folder : path
        Where `na64 process` wrote to.

    Raises
    ------
    FileNotFoundError, ValueError
        As `Result`.

    Examples
    --------
    >>> result = na64.open_result("out")
    >>> result.yields["processed"].sum()
    np.int64(500)
    """
    return Result(folder)
