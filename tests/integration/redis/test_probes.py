"""What a worker's probes say while its Redis is killed, silent, and there again."""

import http.client

from celeriac import Celeriac
from celeriac.entrypoints.testing import running_worker
from tests.integration.redis import private


@private.needs_redis_server
def test_readiness_follows_the_server_and_liveness_does_not():
    with private.server(*private.KEEPING) as server:
        app = Celeriac("shop", broker=server.url, backend=server.url, set_as_current=False)
        app.conf.worker_lease = 3.0
        with app, running_worker(app, health_port="127.0.0.1:0") as worker:
            port = worker.watch.probes.port

            def says(path):
                connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
                try:
                    connection.request("GET", path)
                    answer = connection.getresponse()
                    return answer.status, answer.read().decode()
                finally:
                    connection.close()

            private.eventually(lambda: says("/readyz") == (200, "ok\n"), "it is not ready")

            server.kill()
            private.eventually(
                lambda: says("/readyz")[0] == 503 and "the broker is away" in says("/readyz")[1],
                "it counts as ready without a server",
            )
            assert says("/livez") == (200, "ok\n")

            server.start().answering()
            private.eventually(lambda: says("/readyz") == (200, "ok\n"), "it does not come back")

            server.hold()
            try:
                private.eventually(
                    lambda: says("/readyz")[0] == 503, "it counts as ready with a silent server"
                )
                assert says("/livez") == (200, "ok\n")
            finally:
                server.let_go()
            private.eventually(lambda: says("/readyz") == (200, "ok\n"), "it does not come back")
