"""Which adapters the contract suites are run against.

Adding one is a class in a module here, and its line in this table.
"""

ADAPTERS = {
    "celery-backend": "tests.contracts.adapters.celery_backend:CeleryBackendPlace",
    "dynamodb": "tests.contracts.adapters.dynamodb:DynamoPlace",
    "filesystem": "tests.contracts.adapters.filesystem:FilesystemPlace",
    "kombu-memory": "tests.contracts.adapters.filesystem:KombuMemoryPlace",
    "memory": "tests.contracts.adapters.memory:MemoryPlace",
    "sqlite": "tests.contracts.adapters.sqlite:SqlitePlace",
    "postgresql": "tests.contracts.adapters.postgresql:PostgresqlPlace",
    "mariadb": "tests.contracts.adapters.mariadb:MariadbPlace",
    "rabbitmq": "tests.contracts.adapters.rabbitmq:RabbitmqPlace",
    "redis": "tests.contracts.adapters.redis:RedisPlace",
    "redis-cluster": "tests.contracts.adapters.redis_cluster:RedisClusterPlace",
    "s3": "tests.contracts.adapters.s3:S3Place",
    "sqs": "tests.contracts.adapters.sqs:SqsPlace",
}
