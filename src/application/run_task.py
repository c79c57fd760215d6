"""Run one task call to its end, and say what came of it.

This runs where the pool put it: in a child process, a thread, or the worker itself. Whatever the
task does, the answer is a report; nothing is published or stored from here but what the task
itself sends and the progress it reports.
"""

import logging
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from time import perf_counter
from traceback import format_exception
from typing import Any, Final

from ..domain.canvas.chords import ChordPart
from ..domain.canvas.signature import Signature
from ..domain.errors import (
    BackendStoreError,
    ContentDisallowed,
    DecodeError,
    Ignore,
    InvalidTaskError,
    Reject,
    ReplacedBy,
    ResultTooLarge,
    Retry,
    SecurityError,
)
from ..domain.messaging.compose import due
from ..domain.messaging.message import TaskMessage
from ..domain.messaging.payload import Codec
from ..domain.tasks import states
from ..domain.tasks.builtin_names import CALL_FUNCTION
from ..domain.tasks.failures import describe
from ..domain.tasks.options import TaskOptions, merged
from ..domain.tasks.outcomes import (
    Ignored,
    Outcome,
    Raised,
    Rejected,
    Replaced,
    RetryAsked,
    Returned,
)
from ..domain.tasks.result_record import ResultRecord
from ..domain.work.attempt import Body, Execution
from ..domain.work.capacity import SHORT
from ..domain.work.execution import conclude, progress, started
from ..domain.work.job import GivenUp, Job, LoopRunner, Progress, Report
from ..domain.work.relay import next_link, takes_part
from ..domain.work.settlement import DeadLetter, Disposition
from ..ports.clock import Clock
from . import tell_of_publishing, tell_of_runs
from .context import RUNNING, Context, of_message
from .done_already import Known, done_already
from .errbacks import call_here, send_elsewhere
from .interruptible import Interruptible
from .join_chord import ChordJoiner, HeaderReady
from .runnable import Ended, ErrorInfo, RunnableTask, Surround
from .send import Sending
from .signals import task_failure

logger = logging.getLogger("celeriac.task")

Say = Callable[[Progress], None]
Asked = tuple[Sequence[Any], Mapping[str, Any], Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class RunSettings:
    """What a runner is told by settings."""

    node: str
    result_serializer: str = "json"
    result_extended: bool = False
    result_max_bytes: int | None = None
    #: Whether chords are completed by a task that looks again and again.
    polled_chords: bool = False


class TaskRunner(LoopRunner):
    """Runs jobs with the tasks of one app."""

    def __init__(
        self,
        find: Callable[[str], RunnableTask | None],
        codec: Codec,
        sending: Callable[[], Sending],
        clock: Clock,
        settings: RunSettings,
        prepare: Callable[[], None] = lambda: None,
        results: Codec | None = None,
        release: Callable[[], None] = lambda: None,
    ) -> None:
        """Look tasks up with `find`; `prepare` and `release` are called once where it will run.

        `results` reads what others stored, if that differs from how messages are read.
        """
        self._find, self._codec, self._clock = find, codec, clock
        self.find, self.codec, self._release = find, codec, release
        self._sending, self._settings, self._prepare = sending, settings, prepare
        #: Tasks that were over in a moment when they ran here last, as part of a chain.
        self._brief: set[str] = set()
        self._completions: dict[str, tuple[Any, TaskMessage]] = {}
        self._joiner = ChordJoiner(
            *(codec, results or codec, self._compose, self._clock, self.bury),
            polled=settings.polled_chords,
        )
        #: Looks up whether what is delivered again has succeeded; None: it is run without a look.
        self.known: Known | None = None
        #: What others have laid around every run, if they did. Looked at when it starts.
        self.surround: Surround | None = None
        #: Asks a task how it would send a call by itself: arguments and options, or None.
        self.asked: Callable[[RunnableTask, Signature], Asked | None] | None = None

    def start(self) -> None:
        """Prepare this process or thread."""
        self._prepare()

    def stop(self) -> None:
        """Release what was prepared."""
        self._release()

    def run(self, job: Job, progress: Say) -> Report:
        """Run one job; see Runner.run."""
        begun = perf_counter()
        opened = self._opened(job, progress)
        if isinstance(opened, Report):
            return opened
        run, task, context = opened
        frame = RUNNING.set((task, context, RUNNING.get()))
        try:
            if self.surround is not None:
                whole = partial(self._whole, run, task, context, progress, begun)
                return self.surround.run(task, context, whole)
            self._begins(run, task, context, progress)
            outcome = self._called(run, task)
            return self._ends(run, task, context, outcome, begun)[0]
        finally:
            RUNNING.reset(frame)

    def _whole(
        self, run: Execution, task: RunnableTask, context: Context, progress: Say, begun: float
    ) -> Ended:
        self._begins(run, task, context, progress)
        return self._ends(run, task, context, self._called(run, task), begun)

    def relayed(self, job: Job, report: Report) -> tuple[Report, Job] | None:
        """Go on with a chain's next link if it may follow here, and was brief when it ran last."""
        (self._brief.add if report.runtime <= SHORT else self._brief.discard)(job.message.task)
        link = next_link(job, report)
        if link is None or link.task not in self._brief:
            return None
        task = self._find(link.task)
        if task is None or not takes_part(task.resolved):
            return None
        following = Job(job.number + 1, link, estimate=job.estimate, relays=job.relays - 1)
        return report._replace(publish=(), relay=link), following

    def on_loop(self, job: Job) -> bool:
        """Whether the job's task is an `async def`."""
        task = self._find(job.message.task)
        return task is not None and task.is_coroutine

    def run_async(self, job: Job, progress: Say) -> Interruptible[Report]:
        """Run one job on the running loop; see LoopRunner.run_async."""
        return Interruptible(self._run_async(job, progress))

    async def _run_async(self, job: Job, progress: Say) -> Report:
        begun = perf_counter()
        opened = self._opened(job, progress)
        if isinstance(opened, Report):
            return opened
        run, task, context = opened
        # Never reset: the context is that of this job's asyncio task, and ends with it.
        RUNNING.set((task, context, None))
        if self.surround is not None:
            whole = partial(self._whole, run, task, context, progress, begun)
            return await self.surround.run_async(task, context, whole)
        self._begins(run, task, context, progress)
        outcome = await self._awaited(run, task)
        return self._ends(run, task, context, outcome, begun)[0]

    def _opened(self, job: Job, progress: Say) -> tuple[Execution, RunnableTask, Context] | Report:
        """Find the task and read the body; or report why neither can be had."""
        message = job.message
        task = self._find(message.task)
        if task is None:
            return self._without_task(job)
        try:
            body = Body.read(self._codec.decode(message.payload))
        except ContentDisallowed as broken:
            return self._refused(job, broken, "not-accepted")
        except SecurityError as broken:
            return self._refused(job, broken, "not-trusted")
        except (DecodeError, ValueError) as broken:
            return self._refused(job, broken, "undecodable")
        run = self._execution(job.number, message, body, task)
        if job.redelivered and self.known is not None and run.options.acks_late:
            done = done_already(run, self.known)
            if done is not None:
                return done
        context = of_message(
            message, body.args, body.kwargs, body.embed, self._settings.node, job.redelivered
        )
        context._children = run.children  # type: ignore[assignment]
        context.__dict__["_add_to_chord"] = run.added.append
        context.__dict__["_say"] = lambda state, meta: self._progressed(run, progress, state, meta)
        return run, task, context

    def _without_task(self, job: Job) -> Report:
        # The worker has refused what came out of a queue under this name: see `call_function`.
        if job.message.task == CALL_FUNCTION:
            from .call_function import call_function  # for receivers of messages only

            return call_function(job, self._find)
        why = f"no task is registered under {job.message.task!r} in this process"
        return self._refused(job, InvalidTaskError(why), "unknown-task")

    def bury(
        self,
        number: int,
        message: TaskMessage,
        error: BaseException,
        *,
        timed_out: bool = False,
        disposition: Disposition | None = None,
        state: str = states.FAILURE,
    ) -> Report:
        """Make the report of a job that no process makes: it died, or the job is never run."""
        try:
            body = Body.read(self._codec.decode(message.payload))
        except (ContentDisallowed, DecodeError, SecurityError, ValueError):
            body = Body((), {}, {})
        task = self._find(message.task)
        run = self._execution(number, message, body, task)
        text = _text(error)
        outcome = Raised(error, text, timed_out=timed_out, state=state)
        report = self._failed(run, outcome)
        if state == states.FAILURE:
            self._tell_of_failure(run, task, error, text)
            tell_of_publishing.after(report.publish, self._codec)
            report = send_elsewhere(run, outcome, report, self._find, self._compose)
        return report if disposition is None else report._replace(disposition=disposition)

    def _tell_of_failure(
        self, run: Execution, task: RunnableTask | None, error: BaseException, text: str
    ) -> None:
        if task is not None and task_failure.receivers:
            body, node = run.body, self._settings.node
            request = of_message(run.message, body.args, body.kwargs, body.embed, node, False)
            tell_of_runs.failed(task, request, error, text)

    def join(
        self, number: int, message: TaskMessage, parts: Callable[[str], Sequence[ChordPart]]
    ) -> Report:
        """Make the report of a completed chord: its body, or what becomes of one that failed."""
        return self._joiner.join(number, message, parts)

    def refused_result(self, record: ResultRecord, why: str) -> ResultRecord:
        """Make the failure that stands in for a record which the store does not take."""
        return ResultRecord(
            task_id=record.task_id,
            state=states.FAILURE,
            result=self._codec.encode(
                describe(BackendStoreError(why)), self._settings.result_serializer
            ),
            date_done=self._clock.now(),
            group_id=record.group_id,
            parent_id=record.parent_id,
            reply_to=record.reply_to,
        )

    # -- one run

    def _begins(self, run: Execution, task: RunnableTask, context: Context, say: Say) -> None:
        tell_of_runs.begun(task, context)
        if run.options.track_started and run.keeps_result:
            say(Progress(run.number, started(run, os.getpid())))

    def _ends(
        self, run: Execution, task: RunnableTask, context: Context, outcome: Outcome, begun: float
    ) -> Ended:
        report, outcome = self._concluded(run, outcome, perf_counter() - begun)
        self._tell_handlers(run, task, context, report, outcome)
        tell_of_publishing.after(report.publish, self._codec)
        tell_of_runs.ended(task, context, outcome, report.state, report.runtime)
        return report, outcome

    def _called(self, run: Execution, task: RunnableTask) -> Outcome:
        args, kwargs = run.body.args, run.body.kwargs
        try:
            task.before_start(run.message.id, args, kwargs)
            return Returned(task.enter(args, kwargs))
        except BaseException as exc:
            # Anything at all: the process belongs to the pool, so that a task which exits, or is
            # interrupted, has failed and no more.
            return self._judged(exc, run, task)

    async def _awaited(self, run: Execution, task: RunnableTask) -> Outcome:
        args, kwargs = run.body.args, run.body.kwargs
        try:
            task.before_start(run.message.id, args, kwargs)
            return Returned(await task.enter_async(args, kwargs))
        except BaseException as exc:
            return self._judged(exc, run, task)

    def _judged(self, exc: BaseException, run: Execution, task: RunnableTask) -> Outcome:
        match exc:
            case GivenUp():  # whoever raised it has answered for the job
                if (frame := RUNNING.get()) is not None:
                    tell_of_runs.given_up(frame[0], frame[1])
                raise exc
            case ReplacedBy():
                return Replaced(Signature.from_dict(exc.sig))
            case Ignore():
                return Ignored(exc)
            case Reject():
                return Rejected(str(exc.reason), bool(exc.requeue))
        try:
            if isinstance(exc, Retry):
                return self._retry(exc)
            instead = task.retry_of(exc)
        except Exception as broken:
            return _raised(broken, run.options)
        if instead is None or instead is exc:
            return _raised(exc, run.options)
        return (
            self._judged(instead, run, task)
            if isinstance(instead, Retry)
            else _raised(instead, run.options)
        )

    def _retry(self, asked: Retry) -> RetryAsked:
        sig = asked.sig
        options: dict[str, Any] = dict(sig.get("options") or {}) if sig else {}
        now = self._clock.now()
        when: dict[str, Any] = {}
        if options.get("eta") is not None or options.get("countdown") is not None:
            when = {name: options.pop(name, None) for name in ("eta", "countdown")}
        elif asked.when is not None:
            kind = "countdown" if isinstance(asked.when, int | float) else "eta"
            when = {kind: asked.when}
        return RetryAsked(
            cause=asked.exc or (Exception(asked.excs) if asked.excs else asked),
            eta=due(when, now),
            traceback=_text(asked),
            args=tuple(sig.get("args") or ()) if sig else None,
            kwargs=sig.get("kwargs") if sig else None,
            options=options,
            sent=getattr(asked, "sent", False),
        )

    def _concluded(
        self, run: Execution, outcome: Outcome, runtime: float
    ) -> tuple[Report, Outcome]:
        try:
            if isinstance(outcome, Ignored) and isinstance(outcome.why, HeaderReady):
                return self._completed(run, outcome.why), outcome
            report = conclude(run, outcome, now=self._clock.now(), runtime=runtime)
            self._check_size(report)
        except Exception as broken:
            # The value cannot be stored, or what it leads to cannot be sent.
            outcome = _raised(broken, run.options)
            report = self._failed(run, outcome, runtime)
        if isinstance(outcome, Raised):
            frame = RUNNING.get()
            report = call_here(run, outcome, report, self._find, frame[1] if frame else None)
            if isinstance(outcome.exception, TypeError):
                report = self._blame_arguments(run, report)
        return report, outcome

    def _completed(self, run: Execution, ready: HeaderReady) -> Report:
        return self._joiner.joined(
            run.number, run.message, ready.group_id, ready.chord, ready.parts
        )

    def _failed(self, run: Execution, outcome: Raised, runtime: float = 0.0) -> Report:
        """Report a failure, if need be without its errbacks: a report there must be."""
        now = self._clock.now()
        body = run.body
        for embed in (body.embed, {**body.embed, "errbacks": None}):
            attempt = replace(run, body=Body(body.args, body.kwargs, embed), added=[])
            try:
                return conclude(attempt, outcome, now=now, runtime=runtime)
            except Exception:
                logger.exception("what follows the failed task %s cannot be sent", run.message.id)
        attempt = replace(run, body=Body(body.args, body.kwargs, {}), added=[])
        return conclude(attempt, outcome, now=now, runtime=runtime)

    def _check_size(self, report: Report) -> None:
        limit = self._settings.result_max_bytes
        for record in report.results:
            if limit and record.result and len(record.result.data) > limit:
                raise ResultTooLarge(record.task_id, len(record.result.data), limit)

    def _blame_arguments(self, run: Execution, report: Report) -> Report:
        """Put a message aside whose arguments the task cannot take: no attempt can succeed."""
        task = self._find(run.message.task)
        why = task and task.accepts(run.body.args, run.body.kwargs)
        if not why:
            return report
        detail = f"{run.message.task} cannot be called with the arguments sent: {why}"
        return report._replace(disposition=DeadLetter("bad-arguments", detail))

    def _tell_handlers(
        self,
        run: Execution,
        task: RunnableTask,
        context: Context,
        report: Report,
        outcome: Outcome,
    ) -> None:
        id_, args, kwargs = run.message.id, run.body.args, run.body.kwargs
        value: Any = None
        info: ErrorInfo | None = None
        try:
            match outcome:
                case Returned(value):
                    task.on_success(value, id_, args, kwargs)
                case Raised(exception, traceback):
                    value, info = exception, ErrorInfo(exception, traceback)
                    task.on_failure(exception, id_, args, kwargs, info)
                case RetryAsked(cause, _, traceback) if cause is not None:
                    value, info = cause, ErrorInfo(cause, traceback)
                    task.on_retry(cause, id_, args, kwargs, info)
                case Ignored() | Rejected() | Replaced():
                    return
            task.after_return(report.state, value, id_, args, kwargs, info)
        except Exception as broken:
            logger.exception("a handler of %s raised after task %s", run.message.task, id_)
            tell_of_runs.broke(task, context, broken, _text(broken))

    # -- pieces

    def _execution(
        self, number: int, message: TaskMessage, body: Body, task: RunnableTask | None
    ) -> Execution:
        settings = self._settings
        return Execution(
            number,
            message,
            body,
            TaskOptions(message.task) if task is None else task.resolved,
            settings.node,
            self._codec,
            self._compose,
            settings.result_serializer,
            settings.result_extended,
            completions=self._completions,
            polled=settings.polled_chords,
        )

    def _compose(self, call: Signature) -> TaskMessage:
        task = self._find(call.task)
        own = None if self.asked is None or task is None else self.asked(task, call)
        if own is not None:
            return self._sending().message(call.task, *own)
        options = merged(task.resolved.call_defaults if task else None, call.options)
        return self._sending().message(call.task, call.args, call.kwargs, options)

    def _progressed(self, run: Execution, say: Say, state: str, meta: Any) -> None:
        say(Progress(run.number, progress(run, state, meta)))

    def _refused(self, job: Job, error: BaseException, reason: str) -> Report:
        """Report a message that cannot be run by anybody as it is."""
        away = DeadLetter(reason, str(error))
        return self.bury(job.number, job.message, error, disposition=away)


def _raised(exc: BaseException, options: TaskOptions) -> Raised:
    return Raised(exc, _text(exc), expected=isinstance(exc, options.throws))


#: Frames of this package at the top of a traceback say nothing to the task's author.
_OWN: Final = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep


def _text(exc: BaseException) -> str:
    trace = exc.__traceback__
    while trace is not None and trace.tb_frame.f_code.co_filename.startswith(_OWN):
        trace = trace.tb_next
    try:
        return "".join(format_exception(type(exc), exc, trace))
    except Exception:
        return f"{type(exc).__name__}: its traceback cannot be shown"
