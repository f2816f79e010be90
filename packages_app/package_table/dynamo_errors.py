"""What DynamoDB says of its calls, as errors of ours that name the table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import structlog
from pynamodb.exceptions import PynamoDBException, TableDoesNotExist

from packages_app.core.errors import RepomgrError, TableMissing, TableRefused, TableUnavailable, TableUnfit
from packages_app.package_table.dynamo_changes import is_throttled, refused_for
from packages_app.package_table.dynamo_items import code_of

_NOT_KNOWN = ("UnknownOperationException", "UnknownOperation", "InvalidAction", "NotImplemented", "501")
_NO_TABLE = "ResourceNotFoundException"

log = structlog.get_logger(__name__)


@contextmanager
def errors_told(table: str, operation: str, about: str) -> Iterator[None]:
    """Name the operation and its object in logs for the block, and turn PynamoDB's errors into ours."""
    with structlog.contextvars.bound_contextvars(table_operation=operation, item=about):
        try:
            yield
        except TableDoesNotExist as error:
            raise missing(table) from error
        except PynamoDBException as error:
            log.warning("table_call_gave_up", code=code_of(error), error=str(error))
            raise told(table, error, operation, about) from error


def told(table: str, error: PynamoDBException, operation: str, about: str) -> RepomgrError:
    """Return the error of ours: no table, an unknown call, a refused item, want of capacity, or no server."""
    code = code_of(error)
    if code == _NO_TABLE:
        return missing(table)
    if code in _NOT_KNOWN:
        return unfit(table, [f"{_call_of(error) or operation} is not known ({code})"])
    what = f"DynamoDB failed at {operation} of {about}"
    if why := refused_for(error):
        return TableRefused(
            f"{what}: it does not take the item: {why}.",
            remedy="Trying again changes nothing. An item has at most 400 KB: shorten the package's longest field.",
        )
    remedy = f"Check the endpoint, the credentials and their rights on the table {table}."
    if is_throttled(error):
        remedy = f"Raise the capacity of the table {table}, or wait: it is asked for more than that."
    return TableUnavailable(f"{what}: {code or error}.", remedy=remedy)


def unfit(table: str, broken: Sequence[str]) -> TableUnfit:
    """Return the error of a server that lacks or ignores what is relied on."""
    return TableUnfit(
        f"server of the table {table}",
        list(broken),
        remedy="No package can be kept there safely. Use a server that has conditional writes and transactions, "
        "such as DynamoDB itself, or a newer release of this one, then run manage.py doctor.",
    )


def missing(table: str) -> TableMissing:
    """Return the error of a table that is not there."""
    return TableMissing(
        f"There is no DynamoDB table {table}, or it lacks its index.",
        remedy="Run manage.py create_storage, or correct PACKAGE_TABLE_URL.",
    )


def _call_of(error: PynamoDBException) -> str:
    return str(getattr(error.cause, "operation_name", ""))
