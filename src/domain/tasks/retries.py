"""From an attempt to the delay before the next one, or to giving up."""

from .options import AutoRetry


def exhausted(retries: int, max_retries: int | None) -> bool:
    """Tell whether no further attempt is allowed after `retries` earlier ones; None: never."""
    return max_retries is not None and retries >= max_retries


def backoff(retries: int, factor: float, maximum: float, jitter: float | None) -> float:
    """Return exponential backoff in seconds: factor x 2^retries, at most `maximum`.

    `jitter` in [0, 1) spreads it evenly over [0, delay] ("full jitter", M. Brooker, Exponential
    Backoff and Jitter, AWS Architecture Blog 2015); None leaves it exact.
    """
    # 2 ** retries of a task that retries for weeks would be a number of thousands of digits.
    delay = min(maximum, factor * 2.0 ** min(retries, 1000))
    return max(0.0, delay if jitter is None else delay * jitter)


def auto_delay(policy: AutoRetry, retries: int, default: float, fraction: float) -> float:
    """Return the seconds before the next automatic attempt; `fraction` is a random [0, 1)."""
    if not policy.backoff:
        return default
    return backoff(retries, policy.backoff, policy.backoff_max, fraction if policy.jitter else None)


def wants_retry(policy: AutoRetry, exc: BaseException) -> bool:
    """Tell whether an exception is one the task retries by itself."""
    return isinstance(exc, policy.exceptions) and not isinstance(exc, policy.but_not)
