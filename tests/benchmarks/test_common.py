"""Tables that several processes add to."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from benchmarks.common import Table

COLUMNS = ("subject", "value")


def test_a_table_knows_what_others_have_added(tmp_path: Path) -> None:
    one, other = (Table(tmp_path / "rows.csv", COLUMNS, COLUMNS) for _ in range(2))
    assert not one.rows() and not other.rows()
    for n in range(3):
        one.append({"subject": "one", "value": n})
        other.extend({"subject": "other", "value": m} for m in (2 * n, 2 * n + 1))
    assert len(one.rows()) == 9  # one header, whoever came first
    assert one.holds(subject="other", value=5)


def test_rows_of_several_processes_stay_whole(tmp_path: Path) -> None:
    path = tmp_path / "repeat.csv"
    code = (
        "import sys; from pathlib import Path; from benchmarks.common import Table\n"
        "table = Table(Path(sys.argv[1]), ('subject', 'value'), ('subject',))\n"
        "for n in range(20): table.extend([{'subject': sys.argv[2], 'value': n}] * 50)"
    )
    running = [subprocess.Popen([sys.executable, "-c", code, str(path), name]) for name in "ab"]
    assert [one.wait() for one in running] == [0, 0]
    rows = Table(path, COLUMNS, COLUMNS).rows()
    assert len(rows) == 2000 and {row["subject"] for row in rows} == {"a", "b"}
    assert path.read_text().count("subject,value") == 1


def test_nothing_to_add_leaves_no_rows(tmp_path: Path) -> None:
    table = Table(tmp_path / "repeat.csv", COLUMNS, COLUMNS)
    table.extend([])
    assert table.rows() == []
