"""The tree of all errors.

    TenxsomError                     exit 1   the job failed for good
    ├── BadInput                     exit 2   nothing was started, nothing was written
    │   ├── BadDefinition                     a job definition breaks the rules (all problems at once)
    │   ├── BadInputs                         several inputs are bad
    │   ├── BadSettings                       an environment variable or production.env is wrong
    │   └── Conflict                          the content_id is taken by another definition
    ├── NeedsDecision                exit 3   a user must decide; nothing is lost meanwhile
    │   ├── SubmitUnclear                     a paid call of unknown outcome
    │   ├── OverBudget                        the next paid call would exceed the budget
    │   ├── NotApproved                       a plan waits for a user's approval
    │   └── SetAside                          a job's state cannot be read; it may contain paid calls
    ├── TryAgainLater                exit 75  a transient error; nothing is lost, nothing was spent
    │   ├── NotSent                           the request certainly never reached the service
    │   ├── ServiceBusy                       refused for now (429, 529): certainly not accepted
    │   │   ├── RateLimited                   too many requests: retry after the pause that the service names
    │   │   └── ServiceClosed                 503, maybe from a gateway: a paid call may have been accepted
    │   ├── ServiceDown                       a free call failed, or the circuit is open
    │   │   └── FreeLimit                     429 to a free call: the service is available, and asks for a pause
    │   ├── DiskError                         no room, too many open files, an I/O error
    │   │   ├── DiskRefused      exit 3       no permission, read-only, no locks: a user must fix it first
    │   │   ├── StoreGone                     the database is out of reach, or cannot write now
    │   │   └── LockIsHeld                    another process holds a lock for too long
    │   ├── GoesOn                            a step advanced as far as its time allowed
    │   ├── OutOfTime                         a piece of work that did not end within a tick
    │   ├── NoTurn                            the tick had too little time left for a piece of work
    │   ├── JobIsBusy                         another process owns the job
    │   ├── RevisionIsStale                   another process has changed the job
    │   └── Interrupted                       TERM or INT arrived; the current step was finished
    ├── UnexpectedError              exit 75  an unexpected exception; exit 3 once it repeats
    ├── ServiceRefused               exit 1   the service certainly refused this request
    │   ├── AccountError             exit 3   401, 402, 403, 412, 596: token, plan or credits; the job waits for you
    │   ├── NotFound                          404, 410: unknown or expired
    │   └── ServiceRetired                    the vendor has switched the whole service off
    ├── BrokenMedia                  exit 1   a file that is not the picture or the video it should be
    ├── BrokenState                  exit 3   a state file or a report that cannot be read
    │   ├── NewerState                        written by a newer version: left alone
    │   └── LoadFailed                        an unexpected error while it was read: left alone for a day
    └── PlanFailed                   exit 1   a planner has no plan (the orchestrator then uses the local one)

Each class has its documented exit code, and whether a retry can help, so that no caller needs its own table.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple


class TenxsomError(Exception):
    """Base of all our errors. The message is one sentence that says what is wrong and what to do."""

    exit_code = 1
    may_retry = False

    def __init__(self, *words: object, answer: Mapping[str, Any] | None = None) -> None:
        """`answer` is the excerpt of the response to a paid call (`Answer.excerpt`)."""
        super().__init__(*words)
        self.answer = answer


class BadInput(TenxsomError):
    exit_code = 2


class Problem(NamedTuple):
    """One problem of a document: its path (such as `metadata.x` or `/`) and what to do about it."""

    path: str
    message: str


class BadDefinition(BadInput):
    """A job definition breaks one or more rules; `problems` has all of them, `source` is the file's name."""

    def __init__(self, source: str, problems: Sequence[Problem]) -> None:
        self.source = source
        self.problems = list(problems)
        lines = [f"{source}: {len(self.problems)} problem{'s' if len(self.problems) != 1 else ''}."]
        lines += [f"  {problem.message if problem.path == '/' else ': '.join(problem)}" for problem in self.problems]
        super().__init__("\n".join(lines))


class BadInputs(BadInput):
    """Several inputs are bad; `errors` has the error of each."""

    def __init__(self, errors: Sequence[BadInput]) -> None:
        self.errors = list(errors)
        super().__init__("\n".join(str(error) for error in errors))


class BadSettings(BadInput):
    pass


class Conflict(BadInput):
    pass


class NeedsDecision(TenxsomError):
    exit_code = 3


class SubmitUnclear(NeedsDecision):
    pass


class OverBudget(NeedsDecision):
    pass


class SetAside(NeedsDecision):
    pass


class NotApproved(NeedsDecision):
    pass


class TryAgainLater(TenxsomError):
    """A transient error. `retry_after` is the pause in seconds that the service asked for, if any."""

    exit_code = 75
    may_retry = True

    def __init__(self, message: str, retry_after: float | None = None, *, answer: Mapping[str, Any] | None = None) -> None:
        super().__init__(message, answer=answer)
        self.retry_after = retry_after


class GoesOn(TryAgainLater):
    """A step that has advanced as far as its time allowed; the next tick goes on from there, and nothing counts as failed."""


class OutOfTime(TryAgainLater):
    """A piece of work that reached the tick's deadline although it had most of a tick: the next one may not be enough either."""


class NoTurn(TryAgainLater):
    """A piece of work for which a tick had too little time left; the next tick begins with it."""


class NotSent(TryAgainLater):
    pass


class ServiceBusy(TryAgainLater):
    pass


class RateLimited(ServiceBusy):
    pass


class ServiceClosed(ServiceBusy):
    pass


class ServiceDown(TryAgainLater):
    pass


class FreeLimit(ServiceDown):
    pass


class DiskError(TryAgainLater):
    pass


class DiskRefused(DiskError):
    exit_code = 3


class LockIsHeld(DiskError):
    pass


class StoreGone(DiskError):
    pass


class JobIsBusy(TryAgainLater):
    pass


class RevisionIsStale(TryAgainLater):
    pass


class Interrupted(TryAgainLater):
    pass


class ServiceRefused(TenxsomError):
    """The service certainly refused. `status` is its HTTP status, if any."""

    def __init__(self, message: str, status: int | None = None, *, answer: Mapping[str, Any] | None = None) -> None:
        super().__init__(message, answer=answer)
        self.status = status


class AccountError(ServiceRefused):
    exit_code = 3
    may_retry = True


class NotFound(ServiceRefused):
    pass


class ServiceRetired(ServiceRefused):
    """The service seems to be switched off. `certain`: several of its addresses agree, so that one check is enough."""

    def __init__(
        self, message: str, status: int | None = None, *, certain: bool = False, answer: Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(message, status, answer=answer)
        self.certain = certain


class UnexpectedError(TenxsomError):
    """An unexpected exception, as saved with its job. `repeated`: it was not the first one in a row."""

    exit_code = 75
    may_retry = True

    def __init__(self, message: str, *, repeated: bool) -> None:
        super().__init__(message)
        self.exit_code = 3 if repeated else 75


class BrokenMedia(TenxsomError):
    pass


class BrokenState(TenxsomError):
    exit_code = 3  # a user must look at it; it is no failed job


class NewerState(BrokenState):
    pass


class LoadFailed(BrokenState):
    pass


class PlanFailed(TenxsomError):
    pass
