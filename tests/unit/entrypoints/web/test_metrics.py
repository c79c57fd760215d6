"""How a worker looks to Prometheus."""

from celeriac.domain.work.durations import Durations
from celeriac.domain.work.health import Signs
from celeriac.entrypoints.web.metrics import Family, exposition, families, of_times


def test_samples_are_written_with_their_help_type_and_escaped_labels():
    told = [Family("tasks_total", "counter", "Tasks.", [({"task": 'a"b\\c\nd'}, 3), ({}, 0.25)])]

    text = exposition(told)

    assert text == (
        "# HELP tasks_total Tasks.\n"
        "# TYPE tasks_total counter\n"
        'tasks_total{task="a\\"b\\\\c\\nd"} 3\n'
        "tasks_total 0.25\n"
    )


def test_counts_keep_all_their_digits():
    [line] = [
        line
        for line in exposition([Family("n", "counter", "N.", [({}, 12_345_678_901)])]).splitlines()
        if not line.startswith("#")
    ]

    assert line == "n 12345678901"


def test_a_worker_tells_its_slots_lease_polls_and_what_tasks_came_to():
    signs = Signs(hub_age=0.1, poll_age=2.5, lease=15, lease_age=4, slots=8, running=3, held=5)

    text = exposition(families(signs, {"shop.add": 7}, {"SUCCESS": 5, "FAILURE": 2}, {"node": "n"}))

    lines = [line for line in text.splitlines() if not line.startswith("#")]
    assert lines == [
        'celeriac_worker_info{node="n"} 1',
        "celeriac_worker_ready 1",
        "celeriac_worker_last_poll_seconds 2.5",
        "celeriac_worker_poll_wait_seconds 0",
        "celeriac_worker_lease_age_seconds 4",
        "celeriac_worker_lease_seconds 15",
        "celeriac_worker_hub_age_seconds 0.1",
        "celeriac_worker_slots 8",
        "celeriac_worker_tasks_running 3",
        "celeriac_worker_tasks_held 5",
        "celeriac_worker_settlements_waiting 0",
        'celeriac_worker_tasks_received_total{task="shop.add"} 7',
        'celeriac_worker_tasks_ended_total{state="FAILURE"} 2',
        'celeriac_worker_tasks_ended_total{state="SUCCESS"} 5',
    ]


def test_durations_are_cumulated_over_steps_that_end_in_all_of_them():
    runs = Durations()
    for seconds in (0.005, 0.3, 0.4, 90_000.0):
        runs.add(seconds)

    text = exposition(of_times({"shop.add": runs}, {}, {}))

    lines = dict(line.rsplit(" ", 1) for line in text.splitlines())
    name = "celeriac_worker_task_run_seconds"
    assert lines[f"# TYPE {name}"] == "histogram"
    assert lines[f'{name}_bucket{{task="shop.add",le="0.005"}}'] == "1"
    assert lines[f'{name}_bucket{{task="shop.add",le="0.25"}}'] == "1"
    assert lines[f'{name}_bucket{{task="shop.add",le="0.5"}}'] == "3"
    assert lines[f'{name}_bucket{{task="shop.add",le="7200"}}'] == "3"
    assert lines[f'{name}_bucket{{task="shop.add",le="+Inf"}}'] == "4"
    assert lines[f'{name}_sum{{task="shop.add"}}'] == "90000.705"
    assert lines[f'{name}_count{{task="shop.add"}}'] == "4"
