"""The static types of all settings, for type checkers and editors.

What must stay true: one annotation a row of `options.TABLE`, in its order, of the type its kind
stands for (tested). Nothing but annotations stands here, and none is ever evaluated.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import timedelta, tzinfo
    from typing import Any, Literal


class OptionFields:
    """Every setting and its type; the values live in `Settings`."""

    accept_content: list[str] | tuple[str, ...]
    enable_utc: bool
    imports: list[str] | tuple[str, ...]
    include: list[str] | tuple[str, ...]
    timezone: str | tzinfo | None
    override_backends: dict[str, Any]
    result_accept_content: list[str] | tuple[str, ...] | None
    result_backend: str | None
    result_cache_max: int | None
    result_compression: str | None
    result_exchange: str
    result_exchange_type: str
    result_expires: float | timedelta | None
    result_chord_expires: float | None
    result_failure_expires: float | timedelta | None
    result_persistent: bool | None
    result_extended: bool
    result_serializer: str
    result_backend_transport_options: dict[str, Any]
    result_chord_retry_interval: float
    result_chord_join_timeout: float | None
    result_backend_max_sleep_between_retries_ms: int
    result_backend_max_retries: float | None
    result_backend_base_sleep_between_retries_ms: int
    result_backend_always_retry: bool
    result_backend_thread_safe: bool
    result_max_bytes: int
    beat_enable_remote_control: bool
    beat_remote_control_max_tick_age: float | None
    beat_max_loop_interval: float | None
    beat_schedule: dict[str, Any]
    beat_scheduler: str | type[Any]
    beat_schedule_filename: str
    beat_sync_every: int
    beat_cron_starting_deadline: float | None
    beat_logfile: str | None
    beat_pidfile: str | None
    beat_uid: str | int | None
    beat_gid: str | int | None
    beat_umask: str | int | None
    beat_executable: str | None
    beat_missed_ticks: Literal["once", "skip", "all"]
    beat_lease: float
    broker_url: str | list[str] | tuple[str, ...] | None
    broker_read_url: str | list[str] | tuple[str, ...] | None
    broker_write_url: str | list[str] | tuple[str, ...] | None
    broker_transport: str | None
    broker_transport_options: dict[str, Any]
    broker_connection_timeout: float | None
    broker_connection_retry: bool
    broker_connection_retry_on_startup: bool | None
    broker_connection_max_retries: int | None
    broker_channel_error_retry: bool
    broker_failover_strategy: str | Callable[..., Any] | None
    broker_heartbeat: float | None
    broker_heartbeat_checkrate: float
    broker_login_method: str | None
    broker_native_delayed_delivery_queue_type: Literal["quorum", "classic"]
    broker_pool_limit: int | None
    broker_pool_acquire_timeout: float | None
    broker_use_ssl: bool | dict[str, Any] | None
    broker_host: str | None
    broker_port: int | None
    broker_user: str | None
    broker_password: str | None
    broker_vhost: str | None
    broker_publish_timeout: float
    cache_backend: str | None
    cache_backend_options: dict[str, Any]
    cassandra_entry_ttl: float | None
    cassandra_keyspace: str | None
    cassandra_port: int | None
    cassandra_read_consistency: str | None
    cassandra_servers: list[str] | tuple[str, ...] | None
    cassandra_bundle_path: str | None
    cassandra_table: str | None
    cassandra_write_consistency: str | None
    cassandra_auth_provider: str | None
    cassandra_auth_kwargs: dict[str, Any] | None
    cassandra_options: dict[str, Any]
    cassandra_secure_bundle_path: str | None
    s3_access_key_id: str | None
    s3_secret_access_key: str | None
    s3_bucket: str | None
    s3_base_path: str | None
    s3_endpoint_url: str | None
    s3_region: str | None
    azureblockblob_container_name: str
    azureblockblob_retry_initial_backoff_sec: float
    azureblockblob_retry_increment_base: int
    azureblockblob_retry_max_attempts: int
    azureblockblob_base_path: str
    azureblockblob_connection_timeout: float
    azureblockblob_read_timeout: float
    gcs_bucket: str | None
    gcs_project: str | None
    gcs_base_path: str
    gcs_ttl: float
    gcs_threadpool_maxsize: int
    control_queue_ttl: float | None
    control_queue_expires: float | None
    control_queue_exclusive: bool
    control_queue_durable: bool
    control_exchange: str
    couchbase_backend_settings: dict[str, Any] | None
    arangodb_backend_settings: dict[str, Any] | None
    mongodb_backend_settings: dict[str, Any] | None
    cosmosdbsql_database_name: str
    cosmosdbsql_collection_name: str
    cosmosdbsql_consistency_level: str
    cosmosdbsql_max_retry_attempts: int
    cosmosdbsql_max_retry_wait_time: float
    event_queue_expires: float | None
    event_queue_ttl: float | None
    event_queue_prefix: str
    event_queue_exclusive: bool
    event_queue_durable: bool
    event_serializer: str
    event_exchange: str
    redis_backend_use_ssl: bool | dict[str, Any] | None
    redis_db: int | None
    redis_host: str | None
    redis_max_connections: int | None
    redis_username: str | None
    redis_password: str | None
    redis_port: int | None
    redis_socket_timeout: float | None
    redis_socket_connect_timeout: float | None
    redis_retry_on_timeout: bool
    redis_socket_keepalive: bool
    redis_backend_health_check_interval: float | None
    redis_backend_credential_provider: Any
    redis_client_name: str | None
    elasticsearch_retry_on_timeout: bool | None
    elasticsearch_max_retries: int | None
    elasticsearch_timeout: float | None
    elasticsearch_save_meta_as_text: bool
    security_certificate: str | None
    security_cert_store: str | None
    security_key: str | None
    security_key_password: bytes | None
    security_digest: str
    security_serializer: str
    security_allowed_serializers: list[str] | tuple[str, ...]
    database_url: str | None
    database_engine_options: dict[str, Any]
    database_engine_callback: Any
    database_short_lived_sessions: bool
    database_table_schemas: dict[str, Any] | None
    database_table_names: dict[str, Any] | None
    database_create_tables_at_setup: bool
    task_acks_late: bool
    task_acks_on_failure_or_timeout: bool
    task_acks_on_failure: bool | None
    task_acks_on_timeout: bool | None
    task_always_eager: bool
    task_annotations: Any
    task_compression: str | None
    task_create_missing_queues: bool
    task_create_missing_queue_type: Literal["classic", "quorum"]
    task_create_missing_queue_exchange_type: str | None
    task_inherit_parent_priority: bool
    task_default_delivery_mode: Literal[1, 2, "transient", "persistent"]
    task_default_queue: str
    task_default_queue_type: Literal["classic", "quorum"]
    task_default_exchange: str | None
    task_default_exchange_type: str
    task_default_routing_key: str | None
    task_default_rate_limit: str | float | None
    task_default_priority: int | None
    task_eager_propagates: bool
    task_ignore_result: bool
    task_store_eager_result: bool
    task_protocol: Literal[1, 2]
    task_publish_retry: bool
    task_publish_retry_policy: dict[str, Any]
    task_queues: Any
    task_queue_max_priority: int | None
    task_reject_on_worker_lost: bool | None
    task_retry_on_worker_lost: bool
    task_remote_tracebacks: bool
    task_repr_maxlevels: int
    task_routes: Any
    task_send_sent_event: bool
    task_serializer: str
    task_soft_time_limit: float | None
    task_time_limit: float | None
    task_store_errors_even_if_ignored: bool
    task_track_started: bool
    task_allow_error_cb_on_chord_header: bool
    task_max_crashes: int
    worker_agent: str | type[Any] | None
    worker_autoscaler: str | type[Any]
    worker_cancel_long_running_tasks_on_connection_loss: bool
    worker_soft_shutdown_timeout: float
    worker_enable_soft_shutdown_on_idle: bool
    worker_concurrency: int | Literal["auto"] | None
    worker_consumer: str | type[Any]
    worker_direct: bool
    worker_disable_rate_limits: bool
    worker_deduplicate_successful_tasks: bool
    worker_enable_remote_control: bool
    worker_hijack_root_logger: bool
    worker_log_color: bool | None
    worker_log_datefmt: str | None
    worker_log_format: str
    worker_lost_wait: float
    worker_max_memory_per_child: int | None
    worker_max_tasks_per_child: int | None
    worker_pool: str
    worker_pool_putlocks: bool
    worker_pool_restarts: bool
    worker_pool_start_method: Literal["fork", "spawn", "forkserver"]
    worker_proc_alive_timeout: float
    worker_prefetch_multiplier: int
    worker_eta_task_limit: int | None
    worker_enable_prefetch_count_reduction: bool
    worker_disable_prefetch: bool
    worker_redirect_stdouts: bool
    worker_redirect_stdouts_level: str | int
    worker_send_task_events: bool
    worker_state_db: str | None
    worker_task_log_datefmt: str | None
    worker_task_log_format: str
    worker_timer: str | type[Any] | None
    worker_timer_precision: float
    worker_detect_quorum_queues: bool
    worker_logfile: str | None
    worker_pidfile: str | None
    worker_uid: str | int | None
    worker_gid: str | int | None
    worker_umask: str | int | None
    worker_executable: str | None
    worker_lease: float
    worker_grace_period: float
    worker_log_format_style: Literal["text", "json"]
    worker_health_port: str | None
    worker_queue_slots: dict[str, Any]
    worker_chain_relay: int
    result_chord_polling: bool
    dynamodb_endpoint_url: str | None
    firestore_project: str | None
    events_logfile: str | None
    events_pidfile: str | None
    events_uid: str | int | None
    events_gid: str | int | None
    events_umask: str | int | None
    events_executable: str | None
