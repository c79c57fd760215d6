"""Which adapters the contract suites are run against.

Adding one is a class in a module here, and its line in this table.
"""

ADAPTERS = {
    "memory": "tests.contracts.adapters.memory:MemoryPlace",
    "sqlite": "tests.contracts.adapters.sqlite:SqlitePlace",
    "postgresql": "tests.contracts.adapters.postgresql:PostgresqlPlace",
    "mariadb": "tests.contracts.adapters.mariadb:MariadbPlace",
    "redis": "tests.contracts.adapters.redis:RedisPlace",
}
