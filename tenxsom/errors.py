"""Everything that can go wrong, as one tree.

    TenxsomError                     exit 1   the job failed for good
    ├── BadInput                     exit 2   nothing was started, nothing was written
    │   ├── BadDefinition                     a job definition breaks the rules (all problems at once)
    │   ├── BadInputs                         several inputs are bad
    │   ├── BadSettings                       an environment variable or production.env is wrong
    │   └── Conflict                          the content_id is taken by another definition
    ├── NeedsDecision                exit 3   somebody must decide; nothing is lost meanwhile
    │   ├── SubmitUnclear                     a paid call whose outcome nobody knows
    │   ├── OverBudget                        the next paid call would pass the budget
    │   └── SetAside                          a job's state cannot be read; what was paid for it may stand in there
    ├── TryAgainLater                exit 75  a passing trouble; nothing is lost, nothing was spent
    │   ├── NotSent                           the request certainly never reached the service
    │   ├── ServiceBusy                       refused at the door for now (429, 529): certainly not accepted
    │   │   ├── RateLimited                   asked for too often: the pause that it names is waited for
    │   │   └── ServiceClosed                 503: closed, or so a gateway says; a paid call may have been accepted
    │   ├── ServiceDown                       a free call failed, or the circuit is open
    │   │   └── FreeLimit                     429 to a free call: the service is there, and asks for a pause
    │   ├── DiskTrouble                       no room, too many open files, an I/O error
    │   │   ├── DiskRefused      exit 3       no permission, read-only, no locks: somebody must change something first
    │   │   └── LockIsHeld                    another process keeps a lock for longer than anything takes
    │   ├── JobIsBusy                         another process owns the job
    │   ├── RevisionIsStale                   the job was changed by somebody else meanwhile
    │   └── Interrupted                       TERM or INT arrived; the step in hand was finished
    ├── UnexpectedError              exit 75  what no code expected; exit 3 once it repeats
    ├── ServiceRefused               exit 1   the service's certain no to this request
    │   ├── AccountTrouble           exit 3   401, 402, 403, 412, 596: token, plan or credits; the job waits for you
    │   ├── NotFound                          404, 410: unknown or expired
    │   └── ServiceRetired                    the vendor has switched the whole service off
    ├── BrokenMedia                  exit 1   a file that is not the picture or the video it should be
    ├── BrokenState                  exit 1   a state file that cannot be read
    │   └── NewerState                        written by a newer version: left alone
    └── PlanFailed                   exit 1   a planner could not plan (the belt then uses the local one)

Each class carries its documented exit code and whether trying again can help, so that no caller needs a table of its own.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple


class TenxsomError(Exception):
    """Base of all our errors. The message is one sentence that says what is wrong and what to do."""

    exit_code = 1
    may_retry = False

    def __init__(self, *words: object, answer: Mapping[str, Any] | None = None) -> None:
        """`answer` is what the service answered to a paid call, as `Answer.excerpt` keeps it."""
        super().__init__(*words)
        self.answer = answer


class BadInput(TenxsomError):
    exit_code = 2


class Problem(NamedTuple):
    """One broken rule of a document: where (a path such as `metadata.x` or `/`) and what to do about it."""

    path: str
    message: str


class BadDefinition(BadInput):
    """A job definition breaks one or more rules; `problems` holds all of them, `source` names the file."""

    def __init__(self, source: str, problems: Sequence[Problem]) -> None:
        self.source = source
        self.problems = list(problems)
        lines = [f"{source}: {len(self.problems)} problem{'s' if len(self.problems) != 1 else ''}."]
        lines += [f"  {problem.path}: {problem.message}" for problem in self.problems]
        super().__init__("\n".join(lines))


class BadInputs(BadInput):
    """Several inputs are bad; `errors` says of each what is wrong with it."""

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


class TryAgainLater(TenxsomError):
    """A passing trouble. `retry_after` is the wait in seconds that the other side asked for, where it did."""

    exit_code = 75
    may_retry = True

    def __init__(self, message: str, retry_after: float | None = None, *, answer: Mapping[str, Any] | None = None) -> None:
        super().__init__(message, answer=answer)
        self.retry_after = retry_after


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


class DiskTrouble(TryAgainLater):
    pass


class DiskRefused(DiskTrouble):
    exit_code = 3


class LockIsHeld(DiskTrouble):
    pass


class JobIsBusy(TryAgainLater):
    pass


class RevisionIsStale(TryAgainLater):
    pass


class Interrupted(TryAgainLater):
    pass


class ServiceRefused(TenxsomError):
    """The service said no, for certain. `status` is its HTTP status, where there was one."""

    def __init__(self, message: str, status: int | None = None, *, answer: Mapping[str, Any] | None = None) -> None:
        super().__init__(message, answer=answer)
        self.status = status


class AccountTrouble(ServiceRefused):
    exit_code = 3
    may_retry = True


class NotFound(ServiceRefused):
    pass


class ServiceRetired(ServiceRefused):
    """The service answers as one that was switched off. `certain`: several of its addresses agree, so that one look is enough."""

    def __init__(
        self, message: str, status: int | None = None, *, certain: bool = False, answer: Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(message, status, answer=answer)
        self.certain = certain


class UnexpectedError(TenxsomError):
    """An exception that no code expected, as it was saved with its job. `repeated`: it was not the first one in a row."""

    exit_code = 75
    may_retry = True

    def __init__(self, message: str, *, repeated: bool) -> None:
        super().__init__(message)
        self.exit_code = 3 if repeated else 75


class BrokenMedia(TenxsomError):
    pass


class BrokenState(TenxsomError):
    pass


class NewerState(BrokenState):
    pass


class PlanFailed(TenxsomError):
    pass
