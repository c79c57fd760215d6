"""What each setting means, in a line, and the table of settings for documentation and tools.

Imported only where somebody reads: reports, documentation, editors. What must stay true: every
name of `options.TABLE` is described, and nothing else.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from .options import DEFAULTS, KINDS, SECRETS, TABLE, fresh_defaults

DESCRIPTIONS: dict[str, str] = {
    "accept_content": "Content types or serializer names the worker and clients will decode",
    "enable_utc": "Store and compare dates as UTC in messages and schedules",
    "imports": "Modules the worker imports at start-up, before include",
    "include": "Further modules imported after imports; meant for app constructor use",
    "timezone": "Time zone name or object for schedules and local times",
    "override_backends": "Mapping of result backend alias to class path (via loader)",
    "result_accept_content": (
        "Content types accepted for results; unset means same as accept_content"
    ),
    "result_backend": "URL, alias or class path of the result store; unset disables results",
    "result_cache_max": "How many results a client caches; -1 disables, 0/None unlimited",
    "result_compression": (
        "Compression method for stored result payloads, where the backend allows it"
    ),
    "result_exchange": "Exchange for results of AMQP-style backends (unused by rpc)",
    "result_exchange_type": "Exchange type for results of AMQP-style backends",
    "result_expires": "Lifetime of results: seconds or timedelta; None or 0 keeps them",
    "result_chord_expires": "Lifetime of chord bookkeeping keys; unset follows result_expires",
    "result_failure_expires": (
        "Lifetime of results of tasks in state FAILURE: seconds or timedelta; unset follows "
        "result_expires, 0 keeps them; rpc:// cannot, and a worker says so"
    ),
    "result_persistent": "Make rpc result messages persistent on the broker",
    "result_extended": "Store name, args, kwargs, worker, retries, queue with each result",
    "result_serializer": "Serializer used for result payloads",
    "result_backend_transport_options": (
        "Options mapping for the backend, e.g. master_name, global_keyprefix"
    ),
    "result_chord_retry_interval": "Seconds between polls of the chord unlock task",
    "result_chord_join_timeout": "Seconds allowed for joining chord header results",
    "result_backend_max_sleep_between_retries_ms": (
        "Upper bound of back-off between backend retries, in milliseconds"
    ),
    "result_backend_max_retries": (
        "Most retries of a failing backend operation; database default is 3"
    ),
    "result_backend_base_sleep_between_retries_ms": (
        "Base of back-off between backend retries, in milliseconds"
    ),
    "result_backend_always_retry": (
        "Retry backend operations on errors the backend calls recoverable"
    ),
    "result_backend_thread_safe": (
        "Share one backend object between threads instead of one per thread"
    ),
    "result_max_bytes": "Size of an encoded result beyond which a failure is recorded instead",
    "beat_enable_remote_control": "Let a stand-alone beat answer remote-control ping over pidbox",
    "beat_remote_control_max_tick_age": (
        "Seconds without a scheduler tick after which beat stops answering ping"
    ),
    "beat_max_loop_interval": "Longest sleep between scheduler ticks; 0 lets the scheduler decide",
    "beat_schedule": "Mapping of entry name to task, schedule, args, kwargs, options",
    "beat_scheduler": "Dotted path of the scheduler class beat uses by default",
    "beat_schedule_filename": "Path of the shelve file the persistent scheduler writes",
    "beat_sync_every": "Number of sent tasks between schedule syncs; 0 means time based",
    "beat_cron_starting_deadline": (
        "Seconds late within which a missed crontab run is still started"
    ),
    "beat_logfile": "Fallback for the beat command --logfile option: log file path",
    "beat_pidfile": "Fallback for the beat command --pidfile option: PID file path",
    "beat_uid": "Fallback for the beat command --uid option: user to drop privileges to",
    "beat_gid": "Fallback for the beat command --gid option: group to drop privileges to",
    "beat_umask": "Fallback for the beat command --umask option: file creation mask",
    "beat_executable": (
        "Fallback for the beat command --executable option: Python used when daemonizing"
    ),
    "beat_missed_ticks": "What to do with ticks missed while no beat ran: once, skip or all",
    "beat_lease": "Seconds without renewal after which another beat takes the lead",
    "broker_url": "Broker URL, or several by list or semicolon, for failover",
    "broker_read_url": "Broker URL used only for consuming connections",
    "broker_write_url": "Broker URL used only for publishing connections",
    "broker_transport": "Transport alias overriding the URL scheme (legacy)",
    "broker_transport_options": "Options mapping passed to the kombu transport",
    "broker_connection_timeout": "Seconds to wait before giving up on opening a broker connection",
    "broker_connection_retry": (
        "Reconnect automatically when an established broker connection drops"
    ),
    "broker_connection_retry_on_startup": (
        "Retry the first connection too; unset follows broker_connection_retry"
    ),
    "broker_connection_max_retries": (
        "Reconnection attempts before giving up; None or 0 means forever"
    ),
    "broker_channel_error_retry": "Also retry on channel-level errors, not only connection errors",
    "broker_failover_strategy": "How to pick among several broker URLs: name or callable",
    "broker_heartbeat": "AMQP heartbeat interval in seconds asked of the broker",
    "broker_heartbeat_checkrate": "How many times per heartbeat interval the worker checks it",
    "broker_login_method": "AMQP login method used by the pyamqp transport",
    "broker_native_delayed_delivery_queue_type": (
        "Queue type for native delayed delivery queues: quorum or classic"
    ),
    "broker_pool_limit": "Most broker connections held open in the pool; 0/None disables pooling",
    "broker_pool_acquire_timeout": (
        "Seconds to wait for a pooled producer or connection before failing"
    ),
    "broker_use_ssl": "Turn on TLS to the broker: bool or dict of ssl options",
    "broker_host": "Broker host name when not given by URL (legacy)",
    "broker_port": "Broker port when not given by URL (legacy)",
    "broker_user": "Broker user when not given by URL (legacy)",
    "broker_password": "Broker password when not given by URL (legacy)",
    "broker_vhost": "Broker virtual host when not given by URL (legacy)",
    "broker_publish_timeout": "Seconds within which a publish is confirmed or raises",
    "cache_backend": 'Cache result backend location when result_backend is "cache"',
    "cache_backend_options": "Keyword options for the memcached client of the cache backend",
    "cassandra_entry_ttl": "Seconds a Cassandra result row lives (USING TTL)",
    "cassandra_keyspace": "Cassandra keyspace holding the result table",
    "cassandra_port": "Cassandra native protocol port; backend default 9042",
    "cassandra_read_consistency": "Consistency level name for reads; default LOCAL_QUORUM",
    "cassandra_servers": "List of Cassandra contact points; excludes a secure bundle",
    "cassandra_bundle_path": (
        "Astra bundle path as Celery declares it; cassandra_secure_bundle_path is what is read"
    ),
    "cassandra_table": "Cassandra table (column family) used for results",
    "cassandra_write_consistency": "Consistency level name for writes; default LOCAL_QUORUM",
    "cassandra_auth_provider": "Name of a class in cassandra.auth used to log in",
    "cassandra_auth_kwargs": "Keyword arguments for the Cassandra auth provider",
    "cassandra_options": "Extra keyword arguments for the Cassandra Cluster object",
    "cassandra_secure_bundle_path": (
        "Path of the Astra secure connect bundle; excludes cassandra_servers"
    ),
    "s3_access_key_id": "AWS access key id for the S3 result backend",
    "s3_secret_access_key": "AWS secret key for the S3 result backend",
    "s3_bucket": "Bucket that stores result objects; required",
    "s3_base_path": "Key prefix put directly before each result key",
    "s3_endpoint_url": "Alternative S3 endpoint URL, e.g. a local server",
    "s3_region": "AWS region of the S3 result bucket",
    "azureblockblob_container_name": "Blob container that stores results",
    "azureblockblob_retry_initial_backoff_sec": (
        "First back-off delay for storage retries (not read by the v12 client code)"
    ),
    "azureblockblob_retry_increment_base": (
        "Back-off growth base for storage retries (not read by the v12 code)"
    ),
    "azureblockblob_retry_max_attempts": "Most storage retries (not read by the v12 code)",
    "azureblockblob_base_path": "Blob name prefix put directly before each key",
    "azureblockblob_connection_timeout": "Connect timeout in seconds for the blob service client",
    "azureblockblob_read_timeout": "Read timeout in seconds for the blob service client",
    "gcs_bucket": "Google Cloud Storage bucket for results; required",
    "gcs_project": "Google Cloud project of the result bucket; required",
    "gcs_base_path": "Folder prefix for result blobs, joined with a slash",
    "gcs_ttl": "Seconds after which a blob may be lifecycle-deleted; 0 disables",
    "gcs_threadpool_maxsize": "HTTP connection pool size of the GCS client",
    "control_queue_ttl": "Seconds a remote-control message may wait in a pidbox queue",
    "control_queue_expires": "Seconds an unused pidbox queue exists before the broker deletes it",
    "control_queue_exclusive": "Declare pidbox queues as exclusive to their connection",
    "control_queue_durable": "Declare pidbox queues durable; cannot be combined with exclusive",
    "control_exchange": "Namespace of pidbox exchanges: name.pidbox and reply.name.pidbox",
    "couchbase_backend_settings": (
        "Mapping with host, port, bucket, username, password for Couchbase"
    ),
    "arangodb_backend_settings": (
        "Mapping with host, port, database, collection, login for ArangoDB"
    ),
    "mongodb_backend_settings": (
        "Mapping with host, database, collections and client options for MongoDB"
    ),
    "cosmosdbsql_database_name": "CosmosDB database holding results",
    "cosmosdbsql_collection_name": "CosmosDB collection holding results",
    "cosmosdbsql_consistency_level": "CosmosDB consistency level name",
    "cosmosdbsql_max_retry_attempts": "Most attempts for throttled CosmosDB requests",
    "cosmosdbsql_max_retry_wait_time": "Most seconds in total spent waiting on CosmosDB retries",
    "event_queue_expires": "Seconds an unused event receiver queue exists",
    "event_queue_ttl": "Seconds an event message may wait in a receiver queue",
    "event_queue_prefix": "Name prefix of event receiver queues",
    "event_queue_exclusive": "Declare event receiver queues as exclusive",
    "event_queue_durable": "Declare event receiver queues durable; excludes exclusive",
    "event_serializer": "Serializer for event messages",
    "event_exchange": "Exchange name that events are published to",
    "redis_backend_use_ssl": "TLS for the Redis result backend: bool or dict of ssl options",
    "redis_db": "Database number when the backend URL gives none (legacy)",
    "redis_host": "Host when the backend URL gives none (legacy)",
    "redis_max_connections": "Size limit of the Redis result backend connection pool",
    "redis_username": "User name when the backend URL gives none",
    "redis_password": "Password when the backend URL gives none",
    "redis_port": "Port when the backend URL gives none (legacy)",
    "redis_socket_timeout": "Seconds a Redis result operation may block on the socket",
    "redis_socket_connect_timeout": "Seconds allowed for connecting to the Redis result store",
    "redis_retry_on_timeout": "Let the redis client retry commands after a timeout",
    "redis_socket_keepalive": "Turn on TCP keepalive for the Redis result connections",
    "redis_backend_health_check_interval": (
        "Health-check interval passed to the redis client of the result store"
    ),
    "redis_backend_credential_provider": (
        "redis CredentialProvider object or dotted path for the result store"
    ),
    "redis_client_name": "Client name reported to Redis by result connections",
    "elasticsearch_retry_on_timeout": "Let the Elasticsearch client retry on timeout",
    "elasticsearch_max_retries": "Retries of the Elasticsearch client; backend default 3",
    "elasticsearch_timeout": "Request timeout of the Elasticsearch client; backend default 10",
    "elasticsearch_save_meta_as_text": (
        "Store result meta as serialized text instead of a JSON object"
    ),
    "security_certificate": "Path of the X.509 certificate that signs messages",
    "security_cert_store": "Directory glob of certificates trusted for verification",
    "security_key": "Path of the private key used for signing",
    "security_key_password": "Password (bytes) for decrypting the private key",
    "security_digest": "Digest name used by the auth serializer signature",
    "security_serializer": "Serializer whose output the auth serializer signs",
    "security_allowed_serializers": (
        "Serializers read inside signed messages, beside json, yaml, msgpack and "
        "security_serializer: name pickle here to trust signers with it"
    ),
    "database_url": "SQLAlchemy URL when result_backend is just database (legacy)",
    "database_engine_options": "Keyword arguments for SQLAlchemy create_engine",
    "database_engine_callback": "Callable or dotted path called with each new engine",
    "database_short_lived_sessions": "Create a fresh SQLAlchemy session factory for each operation",
    "database_table_schemas": "Schema names for the task and group tables",
    "database_table_names": "Table names for the task and group tables",
    "database_create_tables_at_setup": "Create result tables when the backend is constructed",
    "task_acks_late": "Acknowledge the message after the task ran, not before",
    "task_acks_on_failure_or_timeout": (
        "Acknowledge late-ack tasks also on failure or timeout (deprecated)"
    ),
    "task_acks_on_failure": (
        "Acknowledge late-ack tasks when they fail; unset follows older setting"
    ),
    "task_acks_on_timeout": "Acknowledge late-ack tasks on time limit; unset follows older setting",
    "task_always_eager": "Run apply_async calls locally at once, returning EagerResult",
    "task_annotations": "Rewrite task attributes by name, mapping, callable or list",
    "task_compression": "Default compression method for task messages",
    "task_create_missing_queues": "Create queues named in routing but not defined",
    "task_create_missing_queue_type": (
        "x-queue-type for automatically created queues: classic or quorum"
    ),
    "task_create_missing_queue_exchange_type": (
        "Exchange type for automatically created queues; unset means default"
    ),
    "task_inherit_parent_priority": "Child tasks take their parent request priority",
    "task_default_delivery_mode": "Delivery mode of task messages: 1/transient or 2/persistent",
    "task_default_queue": "Queue used when no route or option names one",
    "task_default_queue_type": "x-queue-type for the default queue: classic or quorum",
    "task_default_exchange": "Exchange of the default queue; unset means queue name",
    "task_default_exchange_type": "Exchange type for queues without their own",
    "task_default_routing_key": "Routing key of the default queue; unset means queue name",
    "task_default_rate_limit": "Rate limit for tasks that set none",
    "task_default_priority": "Message priority for tasks that set none",
    "task_eager_propagates": "Re-raise task errors when running eagerly",
    "task_ignore_result": "Do not store results by default",
    "task_store_eager_result": "Store results of eagerly run tasks in the backend",
    "task_protocol": "Task message protocol version to publish: 1 or 2",
    "task_publish_retry": "Retry publishing when the broker connection fails",
    "task_publish_retry_policy": "Retry counts and intervals for publishing",
    "task_queues": "Queues to consume from and know of: list of Queue or mapping",
    "task_queue_max_priority": "x-max-priority for declared queues",
    "task_reject_on_worker_lost": "Requeue late-ack tasks whose pool process died",
    "task_retry_on_worker_lost": "Retry tasks whose pool process died, counting max_retries",
    "task_remote_tracebacks": (
        "Attach worker tracebacks to errors re-raised in clients (needs tblib)"
    ),
    "task_repr_maxlevels": "Nesting depth shown in argsrepr and kwargsrepr headers",
    "task_routes": "Routing table: mapping, list of pairs, router callables or paths",
    "task_send_sent_event": "Publish a task-sent event for every published task",
    "task_serializer": "Serializer for task messages",
    "task_soft_time_limit": "Seconds after which SoftTimeLimitExceeded is raised in a task",
    "task_time_limit": "Seconds after which the pool process running a task is killed",
    "task_store_errors_even_if_ignored": "Store failures even when results are ignored",
    "task_track_started": "Store the STARTED state when a task begins",
    "task_allow_error_cb_on_chord_header": "Apply chord link_error to header tasks as well",
    "task_max_crashes": "Times a message may take a process down before it is dead-lettered",
    "worker_agent": "Bootstep path of an agent component (experimental)",
    "worker_autoscaler": "Dotted path of the autoscaler class",
    "worker_cancel_long_running_tasks_on_connection_loss": (
        "Cancel running late-ack tasks when the broker connection drops"
    ),
    "worker_soft_shutdown_timeout": "Seconds of grace before cold shutdown, for finishing tasks",
    "worker_enable_soft_shutdown_on_idle": "Run the soft shutdown period even with no active task",
    "worker_concurrency": 'Number of pool slots; None or "auto" means CPU count',
    "worker_consumer": "Dotted path of the consumer class",
    "worker_direct": "Give every worker a dedicated queue in exchange C.dq2",
    "worker_disable_rate_limits": "Ignore all rate limits",
    "worker_deduplicate_successful_tasks": (
        "Skip redelivered tasks already known successful in the backend"
    ),
    "worker_enable_remote_control": "Start the pidbox so the worker answers remote control",
    "worker_hijack_root_logger": "Replace handlers of the root logger at start-up",
    "worker_log_color": "Colour console logs; unset means when output is a terminal",
    "worker_log_datefmt": "Date format of worker log lines",
    "worker_log_format": "Log line format for the worker",
    "worker_lost_wait": "Seconds to wait for a dead process result before WorkerLostError",
    "worker_max_memory_per_child": "Resident kilobytes after which a pool process is replaced",
    "worker_max_tasks_per_child": "Tasks after which a pool process is replaced",
    "worker_pool": "Pool implementation alias or dotted path",
    "worker_pool_putlocks": "Limit tasks handed to the pool to its free slots",
    "worker_pool_restarts": "Permit the pool_restart remote command",
    "worker_pool_start_method": "How processes of a pool begin: fork, forkserver or spawn",
    "worker_proc_alive_timeout": "Seconds allowed for a new pool process to come up",
    "worker_prefetch_multiplier": "Messages prefetched per pool slot; 0 means no limit",
    "worker_eta_task_limit": "Most ETA tasks held in worker memory; here they wait in the store",
    "worker_enable_prefetch_count_reduction": (
        "Lower prefetch after reconnect until old tasks finish"
    ),
    "worker_disable_prefetch": "Reserve a message only when a pool slot is free (Redis)",
    "worker_redirect_stdouts": "Send stdout and stderr of the worker to its logger",
    "worker_redirect_stdouts_level": "Log level for redirected stdout and stderr",
    "worker_send_task_events": "Start with task events enabled, as -E does",
    "worker_state_db": "Path of the shelve file keeping revoked ids and clock",
    "worker_task_log_datefmt": "Date format of task log lines",
    "worker_task_log_format": "Log line format for task loggers",
    "worker_timer": "Dotted path of the timer class for ETA tasks",
    "worker_timer_precision": "Longest seconds the timer sleeps between schedule checks",
    "worker_detect_quorum_queues": "Detect quorum queues and turn off global QoS then",
    "worker_logfile": "Fallback for the worker command --logfile option: log file path",
    "worker_pidfile": "Fallback for the worker command --pidfile option: PID file path",
    "worker_uid": "Fallback for the worker command --uid option: user to drop privileges to",
    "worker_gid": "Fallback for the worker command --gid option: group to drop privileges to",
    "worker_umask": "Fallback for the worker command --umask option: file creation mask",
    "worker_executable": (
        "Fallback for the worker command --executable option: Python used when daemonizing"
    ),
    "worker_lease": "Seconds a claim is held without renewal before others may recover the work",
    "worker_grace_period": "Seconds SIGTERM waits for running tasks before giving work back",
    "worker_log_format_style": "Log lines as text or as JSON objects",
    "worker_health_port": "Where a worker answers /livez, /readyz and /metrics over HTTP",
    "worker_queue_slots": "How many tasks of a queue a worker runs at once at most, by its name",
    "worker_chain_relay": (
        "How many short links of a chain a process may run on end while word of the ones before "
        "is on its way to the store; 0: none"
    ),
    "result_chord_polling": (
        "Whether chords sent from here are completed by celery.chord_unlock, as Celery's are in a "
        "database, and not counted: for sites where Celery's workers share such a result store"
    ),
    "dynamodb_endpoint_url": "Alternative DynamoDB endpoint URL",
    "firestore_project": "Project of the Firestore chord counter; unset follows gcs_project",
    "events_logfile": "Fallback for the events command --logfile option: log file path",
    "events_pidfile": "Fallback for the events command --pidfile option: PID file path",
    "events_uid": "Fallback for the events command --uid option: user to drop privileges to",
    "events_gid": "Fallback for the events command --gid option: group to drop privileges to",
    "events_umask": "Fallback for the events command --umask option: file creation mask",
    "events_executable": (
        "Fallback for the events command --executable option: Python used when daemonizing"
    ),
}


class Option(NamedTuple):
    """One setting, as documentation shows it."""

    name: str
    kind: str
    default: Any
    old_name: str | None
    description: str
    secret: bool


def described() -> tuple[Option, ...]:
    """All settings, in the order of the table."""
    fresh = fresh_defaults()
    return tuple(
        Option(
            name,
            KINDS[name],
            fresh.get(name, DEFAULTS[name]),
            old_name,
            DESCRIPTIONS[name],
            name in SECRETS,
        )
        for name, _, _, old_name in TABLE
    )
