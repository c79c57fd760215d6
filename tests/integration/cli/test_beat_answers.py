"""`celeriac beat --enable-remote-control` is found by whoever pings."""

import json

from tests.integration.cli.running import Place, eventually


def test_a_beat_is_seen_by_a_ping(place: Place):
    words = ("-A", "shop", "beat", "-l", "INFO", "-n", "clock@here")
    silent = place.start(*words)
    silent.until_it_says("leading as")
    assert place.app.control.ping(timeout=0.5) == []
    assert silent.stop() == 0

    beat = place.start(*words, "--enable-remote-control")
    beat.until_it_says("leading as")
    eventually(lambda: bool(place.app.control.ping(timeout=0.5)), beat.__str__)
    done = place.run("-A", "shop", "inspect", "-t", "5", "-d", "clock@here", "--json", "ping")

    assert json.loads(done.stdout) == {"clock@here": {"ok": "pong"}}
    assert beat.stop() == 0
