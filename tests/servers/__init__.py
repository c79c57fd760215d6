"""The servers that tests talk to: found, started, installed or composed, once a session.

A test asks for a server by its fixture (`postgresql_url`, `mariadb_url`, `redis_url`,
`rabbitmq_url`) and gets a place of its own on it. What must stay true: nothing that a session
started or created outlives it, and a server that could not be had is named with every reason.
Where pytest-xdist spreads the tests over processes, they share the servers, not the places.

Environment:
    CELERIAC_TEST_POSTGRESQL_URL, ..._MARIADB_URL, ..._REDIS_URL, ..._RABBITMQ_URL
        use this server and no other.
    CELERIAC_TEST_SERVERS
        the ways to try, in order, out of `local,private,install,compose` (the default).
"""
