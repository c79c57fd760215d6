"""Result backends of a site's own over keys and values, in Celery's own layout."""

from collections.abc import Iterable, Mapping
from typing import Any

from ...domain.tasks import states
from .custom_backends import BaseBackend


class KeyValueStoreBackend(BaseBackend):
    """A backend over keys and values. Heirs define `get`, `set` and `delete`."""

    task_keyprefix: Any = "celery-task-meta-"
    group_keyprefix: Any = "celery-taskset-meta-"
    chord_keyprefix: Any = "chord-unlock-"
    implements_incr = False
    #: Makes a key of a text.
    key_t: Any = staticmethod(lambda text: text.encode() if isinstance(text, str) else text)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Take what BaseBackend takes."""
        super().__init__(*args, **kwargs)
        options = self.app.conf.result_backend_transport_options or {}
        self._prefix = str(options.get("global_keyprefix") or "")

    def get(self, key: Any) -> Any:
        """Return what stands under a key, or None."""
        raise self._undefined("get")

    def set(self, key: Any, value: Any) -> Any:
        """Write under a key."""
        raise self._undefined("set")

    def delete(self, key: Any) -> Any:
        """Delete a key."""
        raise self._undefined("delete")

    def incr(self, key: Any) -> int:
        """Count up what stands under a key. Nobody here does: chords are counted elsewhere."""
        raise self._undefined("incr")

    def expire(self, key: Any, value: Any) -> Any:
        """Have a key expire in so many seconds. Nobody here asks it: see `incr`."""
        raise self._undefined("expire")

    @property
    def chord_expires(self) -> Any:
        """Seconds for which heirs may keep what they count: as long as results."""
        return self.expires

    def mget(self, keys: Iterable[Any]) -> Any:
        """Return what stands under keys."""
        return [self.get(key) for key in keys]

    def _set_with_state(self, key: Any, value: Any, state: str) -> Any:
        """Write under a key; heirs may keep some states for a shorter time."""
        return self.set(key, value)

    def get_key_for_task(self, task_id: str, key: str = "") -> Any:
        """Return the key of a task's document."""
        return self._key(self.task_keyprefix, task_id, key)

    def get_key_for_group(self, group_id: str, key: str = "") -> Any:
        """Return the key of a group."""
        return self._key(self.group_keyprefix, group_id, key)

    def get_key_for_chord(self, group_id: str, key: str = "") -> Any:
        """Return the key under which Celery counts a chord."""
        return self._key(self.chord_keyprefix, group_id, key)

    def _key(self, prefix: Any, id_: str, key: str) -> Any:
        prefix = prefix.decode() if isinstance(prefix, bytes) else prefix
        return self.key_t(f"{self._prefix}{prefix}{id_}{key}")

    def _get_task_meta_for(self, task_id: str) -> Mapping[str, Any]:
        found = self.get(self.get_key_for_task(task_id))
        if not found:
            return {"status": states.PENDING, "result": None}
        meta: dict[str, Any] = self.decode_result(found)
        return meta

    def _store_result(
        self,
        task_id: str,
        result: Any,
        state: str,
        traceback: str | None = None,
        request: Any = None,
        **kwargs: Any,
    ) -> Any:
        meta = self._get_result_meta(result, state, traceback, request)
        meta["task_id"] = task_id
        self._set_with_state(self.get_key_for_task(task_id), self.encode(meta), state)
        return result

    def _forget(self, task_id: str) -> None:
        self.delete(self.get_key_for_task(task_id))

    def _save_group(self, group_id: str, result: Any) -> Any:
        done = getattr(result, "date_done", None) or self.app.clock.now()
        kept = {"result": result.as_tuple(), "date_done": done.isoformat()}
        self._set_with_state(self.get_key_for_group(group_id), self.encode(kept), states.SUCCESS)
        return result

    def _restore_group(self, group_id: str) -> Any:
        found = self.get(self.get_key_for_group(group_id))
        return self.decode(found) if found else None

    def _delete_group(self, group_id: str) -> None:
        self.delete(self.get_key_for_group(group_id))

    def task_result_exists(self, task_id: str) -> bool:
        """Tell whether anything is kept of a task."""
        return bool(self.get(self.get_key_for_task(task_id)))
