"""`make bench`'s figures against limits: under -icount they are constants of the binary.

So this is no timed test. A limit is a little above what has been reached; a figure beyond it means
that a path has grown. Costs must not depend on how many threads there are: the figures in crowds of
2 to 4096 are compared.
"""

import json
import os
import subprocess

import pytest

from machine import PATIENCE, ROOT

BENCH = os.path.join(ROOT, "tools", "bench")

# Instructions and, of them, loads of CR3, returns from traps, accesses to ports.
LIMITS = {
    "context switch routine, with CR3 load and counters": (45, 1, 0, 0),
    "yield to a thread of another process, one way": (120, 1, 0, 0),
    "event set to its waiter running, another process": (400, 1, 0, 0),
    "clock tick without a reschedule": (150, 0, 1, 0),
    "spin lock acquired and released, with IRQL": (25, 0, 0, 0),
    "thread created, run, ended, waited for": (5600, 2, 1, 0),
    "lookaside list, allocate and free": (40, 0, 0, 0),
}
CROWDS = (2, 64, 512, 4096)
FLAT = ("yield, {} threads ready", "yield, {} threads waiting", "yield, {} threads in turn",
        "event, {} threads ready", "event, {} threads waiting",
        "event with time-out, {} threads ready", "event with time-out, {} threads waiting")
SLACK = 3


def bench(path, *options):
    """One run's figures."""
    subprocess.run([BENCH, "--json", str(path), *options], stdout=subprocess.DEVNULL, check=True,
                   timeout=10 * PATIENCE)
    with open(path, encoding="utf-8") as text:
        return json.load(text)


@pytest.fixture(name="rows", scope="module")
def fixture_rows(tmp_path_factory):
    """The whole table, events included."""
    return bench(tmp_path_factory.mktemp("bench") / "bench.json")


@pytest.mark.parametrize("name", LIMITS)
def test_a_path_is_as_short_as_it_was(rows, name):
    row = rows[name]
    events = row["events"]
    assert row["instructions"] <= LIMITS[name][0], row
    assert (events["cr3"], events["traps"], events["ports"]) == LIMITS[name][1:], row


@pytest.mark.parametrize("name", FLAT)
def test_a_cost_does_not_depend_on_the_number_of_threads(rows, name):
    costs = [rows[name.format(crowd)]["instructions"] for crowd in CROWDS]
    assert max(costs) - min(costs) <= SLACK, costs


def test_another_run_gives_the_same_figures(rows, tmp_path):
    again = bench(tmp_path / "bench.json", "--no-events")
    figures = {name: row["instructions"] for name, row in rows.items() if name in again}
    assert figures == {name: row["instructions"] for name, row in again.items()}


def test_stepping_counts_what_the_time_stamp_counter_counts(rows):
    """But for the loop and the calls around a single operation."""
    for name in LIMITS:
        if "stepped" in rows[name] and "thread created" not in name:
            assert abs(rows[name]["stepped"] - rows[name]["instructions"]) <= 25, rows[name]
