"""Slots of single queues, in a worker of its own."""


def test_a_queue_has_no_more_tasks_running_than_its_slots_and_others_are_not_held_up(site):
    for number in range(6):
        site.shop.show.apply_async((number, 0.4), queue="video")
    for number in range(6):
        site.shop.bill.apply_async((f"customer {number}".replace(" ", "-"), 0), queue="mail")

    worker = site.worker("-P", "threads", "-c", "8", "-Q", "video=2,mail")

    site.until_marked("end", 12)
    assert worker.stop() == 0, str(worker)
    assert "video=2, mail" in worker.output
    videos = [line for line in site.marks() if line.split()[1].isdecimal()]
    running = most = 0
    for line in videos:
        running += 1 if line.startswith("begin") else -1
        most = max(most, running)
    assert most == 2
    last_video = max(i for i, line in enumerate(site.marks()) if line.split()[1].isdecimal())
    last_mail = max(i for i, line in enumerate(site.marks()) if "customer" in line)
    assert last_mail < last_video
    # Three rounds of 0.4 s: a slot that is free again is not left empty for long.
    times = site.times("begin")
    assert times[-1] - times[0] < 5.0


def test_slots_that_are_no_number_are_refused_on_the_command_line(site):
    refused = site.run("-A", "shop", "worker", "-Q", "video=many")

    assert refused.returncode == 1
    assert "queue 'video=many': expected a whole number of tasks, at least 1" in refused.stderr
