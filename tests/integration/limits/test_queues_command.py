"""Pausing a queue, with workers that come and go."""


def test_a_pause_outlasts_a_restart_of_the_worker(site):
    assert site.run("-A", "shop", "queues", "pause", "celery").returncode == 0
    waiting = site.shop.show.delay(1, 0.0)

    for _ in range(2):
        worker = site.worker("-P", "threads", "-c", "1", "-Q", "celery,other")
        site.shop.show.apply_async((2, 0.0), queue="other").get(timeout=20)
        assert worker.stop() == 0, str(worker)
    listed = site.run("-A", "shop", "queues")

    assert "celery  1        yes     0" in listed.stdout
    assert waiting.state == "PENDING"
    worker = site.worker("-P", "threads", "-c", "1")
    assert site.run("-A", "shop", "queues", "resume", "celery").returncode == 0
    waiting.get(timeout=20)
    assert worker.stop() == 0, str(worker)
