"""What people reach who read MRI, against each other or themselves: the yardstick, and another kind of evidence."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table as Printed

#: How far people agree with people, and where that was published.
HUMAN = (
    ("disc morphology class", "4 readers, 60 MRI", "kappa 0.81 (0.78-0.85)", "Lurie, Spine 2008;33:991"),
    ("herniated fragment, area", "2 readers", "ICC 0.65-0.83", "Lurie, Spine 2008;33:991"),
    ("canal and thecal sac, area", "2 readers", "ICC 0.87-0.96", "Lurie, Spine 2008;33:991"),
    ("thecal sac compression class", "4 readers", "kappa 0.54 (0.37-0.68)", "Lurie, Spine 2008;33:991"),
    ("lengths, 95 % limits", "one reader twice", "-1.0 to 1.0, to -2.0 to 2.3 mm", "Chiropr Man Therap 2013;21:26"),
    ("volumes, 95 % limits", "one reader twice", "-293 to 199, to -582 to 382 mm3", "Chiropr Man Therap 2013;21:26"),
    ("volumes, 95 % limits", "two readers", "-17 to 801, to -450 to 713 mm3", "Chiropr Man Therap 2013;21:26"),
    ("MSU size, zone", "surgeons", "AC1 0.86-0.88, 0.82-0.83", "JMRI 2024, doi 10.1002/jmri.29403"),
    ("Pfirrmann disc grade", "literature", "about 0.8 one reader, 0.6 two", "Invest Radiol 2021"),
    ("disc height", "8 methods, 332 people", "ICC 0.902-0.975, two readers 0.812-0.995", "Chen, Heliyon 2023;9:e20764"),
)  # fmt: skip


def print_human(out: Console) -> None:
    """People against people, on patients: no simulated figure is comparable with these."""
    title = "Another kind of evidence: people who read patients' MRI, against each other or themselves"
    table = Printed("Quantity", "Who", "Agreement", "Source", title=title)
    for line in HUMAN:
        table.add_row(*line)
    out.print(table)
