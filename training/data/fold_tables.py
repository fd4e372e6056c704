"""Folds as people read them: a CSV of cases, a table of folds."""

import csv
import io
from collections.abc import Sequence
from pathlib import Path

from rich.table import Table

from training.data.cases import Case
from training.data.folds import Folds
from training.whole_file import write_whole

COLUMNS = ("data_set", "case", "slide", "domain", "scanner", "fold", "mitotic_figures", "hard_negatives")


def write_cases(path: Path, cases: Sequence[Case], folds: Folds) -> None:
    """One row a case. The file appears whole or not at all; AlgorithmError where it cannot be written."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for case in cases:
        place = (case.data_set, case.name, case.slide, case.domain, case.scanner)
        writer.writerow([*place, folds.of_slide[case.slide], case.figures, case.hard_negatives])
    write_whole(path, text.getvalue().encode())


def table_of_folds(cases: Sequence[Case], folds: Folds) -> Table:
    """What each fold holds out, and all together."""
    table = Table("fold", "holds out")
    for title in ("slides", "cases", "mitotic figures", "hard negatives"):
        table.add_column(title, justify="right")
    for number in range(folds.count):
        held_out = [case for case in cases if folds.of_slide[case.slide] == number]
        domains = folds.domains[number] if folds.domains else sorted({case.domain for case in held_out})
        what = " + ".join(domains) if folds.domains else f"slides of {len(domains)} domains"
        table.add_row(str(number), what, *_totals(held_out))
    table.add_section()
    table.add_row("", "all", *_totals(cases))
    return table


def _totals(cases: Sequence[Case]) -> list[str]:
    figures, look_alikes = (sum(getattr(case, kind) for case in cases) for kind in ("figures", "hard_negatives"))
    return [f"{number:,}" for number in (len({case.slide for case in cases}), len(cases), figures, look_alikes)]
