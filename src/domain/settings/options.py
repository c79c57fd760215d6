"""Every setting there is: name, kind, default and Celery's old spelling.

One table, kept as plain constants so that reading it costs next to nothing: it is on the way of
every process that imports celeriac. What must stay true: the annotations in `fields.py` say the
same as the kinds here, `descriptions.py` describes every name, and the names and defaults are those
of Celery 5.7 plus our own (all three are tested). A kind is a name in `convert.py`; with a
question mark, None is a value too. A default of `...` is made anew for each Settings by
`fresh_defaults`, because it can be changed in place or is no constant.

A long file on purpose: it is a table.
"""

from __future__ import annotations

from datetime import timedelta

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

TABLE: tuple[tuple[str, str, Any, str | None], ...] = (
    # general
    ("accept_content", "names", ("json",), "CELERY_ACCEPT_CONTENT"),
    ("enable_utc", "bool", True, "ENABLE_UTC"),
    ("imports", "names", (), "CELERY_IMPORTS"),
    ("include", "names", (), "CELERY_INCLUDE"),
    ("timezone", "timezone?", None, "CELERY_TIMEZONE"),
    ("override_backends", "dict", ..., None),
    # result
    ("result_accept_content", "names?", None, "RESULT_ACCEPT_CONTENT"),
    ("result_backend", "text?", None, "CELERY_RESULT_BACKEND"),
    ("result_cache_max", "integer?", -1, "CELERY_MAX_CACHED_RESULTS"),
    ("result_compression", "text?", None, "CELERY_RESULT_COMPRESSION"),
    ("result_exchange", "text", "celeryresults", "CELERY_RESULT_EXCHANGE"),
    ("result_exchange_type", "text", "direct", "CELERY_RESULT_EXCHANGE_TYPE"),
    ("result_expires", "lifetime?", ..., "CELERY_TASK_RESULT_EXPIRES"),
    ("result_chord_expires", "seconds?", None, "CELERY_RESULT_CHORD_EXPIRES"),
    ("result_failure_expires", "lifetime?", None, "CELERY_RESULT_FAILURE_EXPIRES"),
    ("result_persistent", "bool?", None, "CELERY_RESULT_PERSISTENT"),
    ("result_extended", "bool", False, "CELERY_RESULT_EXTENDED"),
    ("result_serializer", "text", "json", "CELERY_RESULT_SERIALIZER"),
    ("result_backend_transport_options", "dict", ..., "CELERY_RESULT_BACKEND_TRANSPORT_OPTIONS"),
    ("result_chord_retry_interval", "seconds", 1.0, "CELERY_RESULT_CHORD_RETRY_INTERVAL"),
    ("result_chord_join_timeout", "seconds?", 3.0, "CELERY_RESULT_CHORD_JOIN_TIMEOUT"),
    (
        "result_backend_max_sleep_between_retries_ms",
        "count",
        10000,
        "CELERY_RESULT_BACKEND_MAX_SLEEP_BETWEEN_RETRIES_MS",
    ),
    ("result_backend_max_retries", "number?", ..., "CELERY_RESULT_BACKEND_MAX_RETRIES"),
    (
        "result_backend_base_sleep_between_retries_ms",
        "count",
        10,
        "CELERY_RESULT_BACKEND_BASE_SLEEP_BETWEEN_RETRIES_MS",
    ),
    ("result_backend_always_retry", "bool", False, "CELERY_RESULT_BACKEND_ALWAYS_RETRY"),
    ("result_backend_thread_safe", "bool", False, None),
    ("result_max_bytes", "count", 64 * 1024 * 1024, None),
    # beat
    ("beat_enable_remote_control", "bool", False, "CELERYBEAT_ENABLE_REMOTE_CONTROL"),
    (
        "beat_remote_control_max_tick_age",
        "seconds?",
        None,
        "CELERYBEAT_REMOTE_CONTROL_MAX_TICK_AGE",
    ),
    ("beat_max_loop_interval", "seconds?", 0, "CELERYBEAT_MAX_LOOP_INTERVAL"),
    ("beat_schedule", "dict", ..., "CELERYBEAT_SCHEDULE"),
    ("beat_scheduler", "class", "celeriac.beat:PersistentScheduler", "CELERYBEAT_SCHEDULER"),
    ("beat_schedule_filename", "path", "celerybeat-schedule", "CELERYBEAT_SCHEDULE_FILENAME"),
    ("beat_sync_every", "count", 0, "CELERYBEAT_SYNC_EVERY"),
    ("beat_cron_starting_deadline", "seconds?", None, "CELERYBEAT_CRON_STARTING_DEADLINE"),
    ("beat_logfile", "path?", None, None),
    ("beat_pidfile", "path?", None, None),
    ("beat_uid", "id?", None, None),
    ("beat_gid", "id?", None, None),
    ("beat_umask", "id?", None, None),
    ("beat_executable", "path?", None, None),
    ("beat_missed_ticks", "choice", "once", None),
    ("beat_lease", "seconds", 15.0, None),
    # broker
    ("broker_url", "urls?", None, "BROKER_URL"),
    ("broker_read_url", "urls?", None, "BROKER_READ_URL"),
    ("broker_write_url", "urls?", None, "BROKER_WRITE_URL"),
    ("broker_transport", "text?", None, "BROKER_TRANSPORT"),
    ("broker_transport_options", "dict", ..., "BROKER_TRANSPORT_OPTIONS"),
    ("broker_connection_timeout", "seconds?", 4, "BROKER_CONNECTION_TIMEOUT"),
    ("broker_connection_retry", "bool", True, "BROKER_CONNECTION_RETRY"),
    ("broker_connection_retry_on_startup", "bool?", None, "BROKER_CONNECTION_RETRY_ON_STARTUP"),
    ("broker_connection_max_retries", "count?", 100, "BROKER_CONNECTION_MAX_RETRIES"),
    ("broker_channel_error_retry", "bool", False, "BROKER_CHANNEL_ERROR_RETRY"),
    ("broker_failover_strategy", "name_or_callable?", None, "BROKER_FAILOVER_STRATEGY"),
    ("broker_heartbeat", "seconds?", 120, "BROKER_HEARTBEAT"),
    ("broker_heartbeat_checkrate", "number", 3.0, "BROKER_HEARTBEAT_CHECKRATE"),
    ("broker_login_method", "text?", None, "BROKER_LOGIN_METHOD"),
    (
        "broker_native_delayed_delivery_queue_type",
        "choice",
        "quorum",
        "BROKER_NATIVE_DELAYED_DELIVERY_QUEUE_TYPE",
    ),
    ("broker_pool_limit", "count?", 10, "BROKER_POOL_LIMIT"),
    ("broker_pool_acquire_timeout", "seconds?", None, "BROKER_POOL_ACQUIRE_TIMEOUT"),
    ("broker_use_ssl", "tls?", False, "BROKER_USE_SSL"),
    ("broker_host", "text?", None, "BROKER_HOST"),
    ("broker_port", "count?", None, "BROKER_PORT"),
    ("broker_user", "text?", None, "BROKER_USER"),
    ("broker_password", "text?", None, "BROKER_PASSWORD"),
    ("broker_vhost", "text?", None, "BROKER_VHOST"),
    ("broker_publish_timeout", "seconds", 5.0, None),
    # cache
    ("cache_backend", "text?", None, "CELERY_CACHE_BACKEND"),
    ("cache_backend_options", "dict", ..., "CELERY_CACHE_BACKEND_OPTIONS"),
    # cassandra
    ("cassandra_entry_ttl", "seconds?", None, "CASSANDRA_ENTRY_TTL"),
    ("cassandra_keyspace", "text?", None, "CASSANDRA_KEYSPACE"),
    ("cassandra_port", "count?", None, "CASSANDRA_PORT"),
    ("cassandra_read_consistency", "text?", None, "CASSANDRA_READ_CONSISTENCY"),
    ("cassandra_servers", "names?", None, "CASSANDRA_SERVERS"),
    ("cassandra_bundle_path", "path?", None, "CASSANDRA_BUNDLE_PATH"),
    ("cassandra_table", "text?", None, "CASSANDRA_TABLE"),
    ("cassandra_write_consistency", "text?", None, "CASSANDRA_WRITE_CONSISTENCY"),
    ("cassandra_auth_provider", "text?", None, "CASSANDRA_AUTH_PROVIDER"),
    ("cassandra_auth_kwargs", "dict?", None, "CASSANDRA_AUTH_KWARGS"),
    ("cassandra_options", "dict", ..., "CASSANDRA_OPTIONS"),
    ("cassandra_secure_bundle_path", "path?", None, None),
    # s3
    ("s3_access_key_id", "text?", None, "S3_ACCESS_KEY_ID"),
    ("s3_secret_access_key", "text?", None, "S3_SECRET_ACCESS_KEY"),
    ("s3_bucket", "text?", None, "S3_BUCKET"),
    ("s3_base_path", "text?", None, "S3_BASE_PATH"),
    ("s3_endpoint_url", "text?", None, "S3_ENDPOINT_URL"),
    ("s3_region", "text?", None, "S3_REGION"),
    # azureblockblob
    ("azureblockblob_container_name", "text", "celery", "AZUREBLOCKBLOB_CONTAINER_NAME"),
    (
        "azureblockblob_retry_initial_backoff_sec",
        "seconds",
        2,
        "AZUREBLOCKBLOB_RETRY_INITIAL_BACKOFF_SEC",
    ),
    ("azureblockblob_retry_increment_base", "count", 2, "AZUREBLOCKBLOB_RETRY_INCREMENT_BASE"),
    ("azureblockblob_retry_max_attempts", "count", 3, "AZUREBLOCKBLOB_RETRY_MAX_ATTEMPTS"),
    ("azureblockblob_base_path", "text", "", "AZUREBLOCKBLOB_BASE_PATH"),
    ("azureblockblob_connection_timeout", "seconds", 20, "AZUREBLOCKBLOB_CONNECTION_TIMEOUT"),
    ("azureblockblob_read_timeout", "seconds", 120, "AZUREBLOCKBLOB_READ_TIMEOUT"),
    # gcs
    ("gcs_bucket", "text?", None, "GCS_BUCKET"),
    ("gcs_project", "text?", None, "GCS_PROJECT"),
    ("gcs_base_path", "text", "", "GCS_BASE_PATH"),
    ("gcs_ttl", "seconds", 0, "GCS_TTL"),
    ("gcs_threadpool_maxsize", "count", 10, None),
    # control
    ("control_queue_ttl", "seconds?", 300.0, "CONTROL_QUEUE_TTL"),
    ("control_queue_expires", "seconds?", 10.0, "CONTROL_QUEUE_EXPIRES"),
    ("control_queue_exclusive", "bool", True, "CONTROL_QUEUE_EXCLUSIVE"),
    ("control_queue_durable", "bool", False, "CONTROL_QUEUE_DURABLE"),
    ("control_exchange", "text", "celery", "CONTROL_EXCHANGE"),
    # couchbase
    ("couchbase_backend_settings", "dict?", None, "CELERY_COUCHBASE_BACKEND_SETTINGS"),
    # arangodb
    ("arangodb_backend_settings", "dict?", None, "CELERY_ARANGODB_BACKEND_SETTINGS"),
    # mongodb
    ("mongodb_backend_settings", "dict?", None, "CELERY_MONGODB_BACKEND_SETTINGS"),
    # cosmosdbsql
    ("cosmosdbsql_database_name", "text", "celerydb", "COSMOSDBSQL_DATABASE_NAME"),
    ("cosmosdbsql_collection_name", "text", "celerycol", "COSMOSDBSQL_COLLECTION_NAME"),
    ("cosmosdbsql_consistency_level", "text", "Session", "COSMOSDBSQL_CONSISTENCY_LEVEL"),
    ("cosmosdbsql_max_retry_attempts", "count", 9, "COSMOSDBSQL_MAX_RETRY_ATTEMPTS"),
    ("cosmosdbsql_max_retry_wait_time", "seconds", 30, "COSMOSDBSQL_MAX_RETRY_WAIT_TIME"),
    # event
    ("event_queue_expires", "seconds?", 60.0, "CELERY_EVENT_QUEUE_EXPIRES"),
    ("event_queue_ttl", "seconds?", 5.0, "CELERY_EVENT_QUEUE_TTL"),
    ("event_queue_prefix", "text", "celeryev", "CELERY_EVENT_QUEUE_PREFIX"),
    ("event_queue_exclusive", "bool", True, "CELERY_EVENT_QUEUE_EXCLUSIVE"),
    ("event_queue_durable", "bool", False, "CELERY_EVENT_QUEUE_DURABLE"),
    ("event_serializer", "text", "json", "CELERY_EVENT_SERIALIZER"),
    ("event_exchange", "text", "celeryev", "CELERY_EVENT_EXCHANGE"),
    # redis
    ("redis_backend_use_ssl", "tls?", None, "CELERY_REDIS_BACKEND_USE_SSL"),
    ("redis_db", "count?", None, "CELERY_REDIS_DB"),
    ("redis_host", "text?", None, "CELERY_REDIS_HOST"),
    ("redis_max_connections", "count?", None, "CELERY_REDIS_MAX_CONNECTIONS"),
    ("redis_username", "text?", None, "CELERY_REDIS_USERNAME"),
    ("redis_password", "text?", None, "CELERY_REDIS_PASSWORD"),
    ("redis_port", "count?", None, "CELERY_REDIS_PORT"),
    ("redis_socket_timeout", "seconds?", 120.0, "CELERY_REDIS_SOCKET_TIMEOUT"),
    ("redis_socket_connect_timeout", "seconds?", None, "CELERY_REDIS_SOCKET_CONNECT_TIMEOUT"),
    ("redis_retry_on_timeout", "bool", False, "CELERY_REDIS_RETRY_ON_TIMEOUT"),
    ("redis_socket_keepalive", "bool", False, "CELERY_REDIS_SOCKET_KEEPALIVE"),
    ("redis_backend_health_check_interval", "seconds?", None, None),
    ("redis_backend_credential_provider", "any", None, None),
    ("redis_client_name", "text?", None, None),
    # elasticsearch
    ("elasticsearch_retry_on_timeout", "bool?", None, "CELERY_ELASTICSEARCH_RETRY_ON_TIMEOUT"),
    ("elasticsearch_max_retries", "count?", None, "CELERY_ELASTICSEARCH_MAX_RETRIES"),
    ("elasticsearch_timeout", "seconds?", None, "CELERY_ELASTICSEARCH_TIMEOUT"),
    ("elasticsearch_save_meta_as_text", "bool", True, "CELERY_ELASTICSEARCH_SAVE_META_AS_TEXT"),
    # security
    ("security_certificate", "path?", None, "CELERY_SECURITY_CERTIFICATE"),
    ("security_cert_store", "path?", None, "CELERY_SECURITY_CERT_STORE"),
    ("security_key", "path?", None, "CELERY_SECURITY_KEY"),
    ("security_key_password", "bytes?", None, "CELERY_SECURITY_KEY_PASSWORD"),
    ("security_digest", "text", "sha256", "CELERY_SECURITY_DIGEST"),
    ("security_serializer", "text", "json", None),
    ("security_allowed_serializers", "names", (), None),
    # database
    ("database_url", "text?", None, "CELERY_RESULT_DBURI"),
    ("database_engine_options", "dict", ..., "CELERY_RESULT_ENGINE_OPTIONS"),
    ("database_engine_callback", "any", None, "DATABASE_ENGINE_CALLBACK"),
    ("database_short_lived_sessions", "bool", False, "CELERY_RESULT_DB_SHORT_LIVED_SESSIONS"),
    ("database_table_schemas", "dict?", None, "DATABASE_TABLE_SCHEMAS"),
    ("database_table_names", "dict?", None, "CELERY_RESULT_DB_TABLENAMES"),
    ("database_create_tables_at_setup", "bool", True, "DATABASE_CREATE_TABLES_AT_SETUP"),
    # task
    ("task_acks_late", "bool", False, "CELERY_ACKS_LATE"),
    ("task_acks_on_failure_or_timeout", "bool", True, "CELERY_ACKS_ON_FAILURE_OR_TIMEOUT"),
    ("task_acks_on_failure", "bool?", None, "CELERY_ACKS_ON_FAILURE"),
    ("task_acks_on_timeout", "bool?", None, "CELERY_ACKS_ON_TIMEOUT"),
    ("task_always_eager", "bool", False, "CELERY_ALWAYS_EAGER"),
    ("task_annotations", "any", None, "CELERY_ANNOTATIONS"),
    ("task_compression", "text?", None, "CELERY_MESSAGE_COMPRESSION"),
    ("task_create_missing_queues", "bool", True, "CELERY_CREATE_MISSING_QUEUES"),
    ("task_create_missing_queue_type", "choice", "classic", "CELERY_CREATE_MISSING_QUEUE_TYPE"),
    (
        "task_create_missing_queue_exchange_type",
        "text?",
        None,
        "CELERY_CREATE_MISSING_QUEUE_EXCHANGE_TYPE",
    ),
    ("task_inherit_parent_priority", "bool", False, "CELERY_INHERIT_PARENT_PRIORITY"),
    ("task_default_delivery_mode", "choice", 2, "CELERY_DEFAULT_DELIVERY_MODE"),
    ("task_default_queue", "text", "celery", "CELERY_DEFAULT_QUEUE"),
    ("task_default_queue_type", "choice", "classic", "CELERY_DEFAULT_QUEUE_TYPE"),
    ("task_default_exchange", "text?", None, "CELERY_DEFAULT_EXCHANGE"),
    ("task_default_exchange_type", "text", "direct", "CELERY_DEFAULT_EXCHANGE_TYPE"),
    ("task_default_routing_key", "text?", None, "CELERY_DEFAULT_ROUTING_KEY"),
    ("task_default_rate_limit", "rate?", None, "CELERY_DEFAULT_RATE_LIMIT"),
    ("task_default_priority", "count?", None, "CELERY_DEFAULT_PRIORITY"),
    ("task_eager_propagates", "bool", False, "CELERY_EAGER_PROPAGATES_EXCEPTIONS"),
    ("task_ignore_result", "bool", False, "CELERY_IGNORE_RESULT"),
    ("task_store_eager_result", "bool", False, "CELERY_STORE_EAGER_RESULT"),
    ("task_protocol", "choice", 2, "CELERY_TASK_PROTOCOL"),
    ("task_publish_retry", "bool", True, "CELERY_TASK_PUBLISH_RETRY"),
    ("task_publish_retry_policy", "dict", ..., "CELERY_TASK_PUBLISH_RETRY_POLICY"),
    ("task_queues", "queues?", None, "CELERY_QUEUES"),
    ("task_queue_max_priority", "count?", None, "CELERY_QUEUE_MAX_PRIORITY"),
    ("task_reject_on_worker_lost", "bool?", None, "CELERY_REJECT_ON_WORKER_LOST"),
    ("task_retry_on_worker_lost", "bool", False, "CELERY_RETRY_ON_WORKER_LOST"),
    ("task_remote_tracebacks", "bool", False, "CELERY_REMOTE_TRACEBACKS"),
    ("task_repr_maxlevels", "count", 3, "CELERY_REPR_MAXLEVELS"),
    ("task_routes", "any", None, "CELERY_ROUTES"),
    ("task_send_sent_event", "bool", False, "CELERY_SEND_TASK_SENT_EVENT"),
    ("task_serializer", "text", "json", "CELERY_TASK_SERIALIZER"),
    ("task_soft_time_limit", "seconds?", None, "CELERYD_TASK_SOFT_TIME_LIMIT"),
    ("task_time_limit", "seconds?", None, "CELERYD_TASK_TIME_LIMIT"),
    ("task_store_errors_even_if_ignored", "bool", False, "CELERY_STORE_ERRORS_EVEN_IF_IGNORED"),
    ("task_track_started", "bool", False, "CELERY_TRACK_STARTED"),
    ("task_allow_error_cb_on_chord_header", "bool", False, "CELERY_ALLOW_ERROR_CB_ON_CHORD_HEADER"),
    ("task_max_crashes", "count", 3, None),
    # worker
    ("worker_agent", "class?", None, "CELERYD_AGENT"),
    ("worker_autoscaler", "class", "celeriac.worker.autoscale:Autoscaler", "CELERYD_AUTOSCALER"),
    (
        "worker_cancel_long_running_tasks_on_connection_loss",
        "bool",
        False,
        "CELERYD_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS",
    ),
    ("worker_soft_shutdown_timeout", "seconds", 0.0, "CELERYD_SOFT_SHUTDOWN_TIMEOUT"),
    ("worker_enable_soft_shutdown_on_idle", "bool", False, "CELERYD_ENABLE_SOFT_SHUTDOWN_ON_IDLE"),
    ("worker_concurrency", "slots?", None, "CELERYD_CONCURRENCY"),
    ("worker_consumer", "class", "celeriac.worker.consumer:Consumer", "CELERYD_CONSUMER"),
    ("worker_direct", "bool", False, "CELERY_WORKER_DIRECT"),
    ("worker_disable_rate_limits", "bool", False, "CELERY_DISABLE_RATE_LIMITS"),
    ("worker_deduplicate_successful_tasks", "bool", False, "CELERYD_DEDUPLICATE_SUCCESSFUL_TASKS"),
    ("worker_enable_remote_control", "bool", True, "CELERY_ENABLE_REMOTE_CONTROL"),
    ("worker_hijack_root_logger", "bool", True, "CELERYD_HIJACK_ROOT_LOGGER"),
    ("worker_log_color", "bool?", None, "CELERYD_LOG_COLOR"),
    ("worker_log_datefmt", "text?", None, "CELERYD_LOG_DATEFMT"),
    (
        "worker_log_format",
        "text",
        "[%(asctime)s: %(levelname)s/%(processName)s] %(message)s",
        "CELERYD_LOG_FORMAT",
    ),
    ("worker_lost_wait", "seconds", 10.0, "CELERYD_WORKER_LOST_WAIT"),
    ("worker_max_memory_per_child", "count?", None, "CELERYD_MAX_MEMORY_PER_CHILD"),
    ("worker_max_tasks_per_child", "count?", None, "CELERYD_MAX_TASKS_PER_CHILD"),
    ("worker_pool", "text", "prefork", "CELERYD_POOL"),
    ("worker_pool_putlocks", "bool", True, "CELERYD_POOL_PUTLOCKS"),
    ("worker_pool_restarts", "bool", False, "CELERYD_POOL_RESTARTS"),
    ("worker_pool_start_method", "choice", "fork", "CELERYD_POOL_START_METHOD"),
    ("worker_proc_alive_timeout", "seconds", 4.0, "CELERYD_PROC_ALIVE_TIMEOUT"),
    ("worker_prefetch_multiplier", "count", 4, "CELERYD_PREFETCH_MULTIPLIER"),
    ("worker_eta_task_limit", "count?", None, "CELERYD_ETA_TASK_LIMIT"),
    (
        "worker_enable_prefetch_count_reduction",
        "bool",
        True,
        "CELERYD_ENABLE_PREFETCH_COUNT_REDUCTION",
    ),
    ("worker_disable_prefetch", "bool", False, "CELERYD_DISABLE_PREFETCH"),
    ("worker_redirect_stdouts", "bool", True, "CELERY_REDIRECT_STDOUTS"),
    ("worker_redirect_stdouts_level", "level", "WARNING", "CELERY_REDIRECT_STDOUTS_LEVEL"),
    ("worker_send_task_events", "bool", False, "CELERY_SEND_EVENTS"),
    ("worker_state_db", "path?", None, "CELERYD_STATE_DB"),
    ("worker_task_log_datefmt", "text?", None, "CELERYD_TASK_LOG_DATEFMT"),
    (
        "worker_task_log_format",
        "text",
        "[%(asctime)s: %(levelname)s/%(processName)s] %(task_name)s[%(task_id)s]: %(message)s",
        "CELERYD_TASK_LOG_FORMAT",
    ),
    ("worker_timer", "class?", None, "CELERYD_TIMER"),
    ("worker_timer_precision", "seconds", 1.0, "CELERYD_TIMER_PRECISION"),
    ("worker_detect_quorum_queues", "bool", True, "CELERYD_DETECT_QUORUM_QUEUES"),
    ("worker_logfile", "path?", None, None),
    ("worker_pidfile", "path?", None, None),
    ("worker_uid", "id?", None, None),
    ("worker_gid", "id?", None, None),
    ("worker_umask", "id?", None, None),
    ("worker_executable", "path?", None, None),
    ("worker_lease", "seconds", 15.0, None),
    ("worker_grace_period", "seconds", 30.0, None),
    ("worker_log_format_style", "choice", "text", None),
    ("worker_health_port", "address?", None, None),
    ("worker_queue_slots", "dict", ..., None),
    ("worker_chain_relay", "count", 20, None),
    ("result_chord_polling", "bool", False, None),
    # dynamodb
    ("dynamodb_endpoint_url", "text?", None, None),
    # firestore
    ("firestore_project", "text?", None, None),
    # events
    ("events_logfile", "path?", None, None),
    ("events_pidfile", "path?", None, None),
    ("events_uid", "id?", None, None),
    ("events_gid", "id?", None, None),
    ("events_umask", "id?", None, None),
    ("events_executable", "path?", None, None),
)


def fresh_defaults() -> dict[str, Any]:
    """The defaults that each Settings needs for itself."""
    return {
        "beat_schedule": {},
        "broker_transport_options": {},
        "cache_backend_options": {},
        "cassandra_options": {},
        "database_engine_options": {"pool_pre_ping": True, "pool_recycle": 3600},
        "override_backends": {},
        "result_backend_max_retries": float("inf"),
        "result_backend_transport_options": {},
        "result_expires": timedelta(days=1),
        "task_publish_retry_policy": {
            "max_retries": 3,
            "interval_start": 0,
            "interval_max": 1,
            "interval_step": 0.2,
        },
        "worker_queue_slots": {},
    }


# Kinds and constant defaults by name.
KINDS: dict[str, str] = {row[0]: row[1] for row in TABLE}
DEFAULTS: dict[str, Any] = {row[0]: row[2] for row in TABLE}

CHOICES: dict[str, tuple[str | int, ...]] = {
    "beat_missed_ticks": ("once", "skip", "all"),
    "broker_native_delayed_delivery_queue_type": ("quorum", "classic"),
    "task_create_missing_queue_type": ("classic", "quorum"),
    "task_default_delivery_mode": (1, 2, "transient", "persistent"),
    "task_default_queue_type": ("classic", "quorum"),
    "task_protocol": (1, 2),
    "worker_log_format_style": ("text", "json"),
    "worker_pool_start_method": ("fork", "spawn", "forkserver"),
}

# While unset, these take the value of another.
FOLLOWS: dict[str, str] = {
    "broker_read_url": "broker_url",
    "broker_write_url": "broker_url",
    "task_default_exchange": "task_default_queue",
    "task_default_routing_key": "task_default_queue",
}

# Never shown. URLs are shown without their password, mappings without their secret entries.
SECRETS = frozenset(
    {
        "broker_password",
        "cassandra_auth_kwargs",
        "redis_backend_credential_provider",
        "redis_password",
        "s3_access_key_id",
        "s3_secret_access_key",
        "security_key_password",
    }
)

# Setting that is going out of use -> what to use.
DEPRECATED: dict[str, str] = {
    "task_acks_on_failure_or_timeout": "task_acks_on_failure and task_acks_on_timeout",
}
