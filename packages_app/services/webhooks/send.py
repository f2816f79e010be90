"""Messages sent: each until its receiver has it, with growing pauses; given up after some tries, and then people hear.

No process waits: a worker sends what is due, the clock wakes it each minute for what is due later. The row is claimed
before the message goes, so that no two workers send the same; a worker that dies between sending and noting it down
leaves a row that is due again, and the message goes out once more by the same id (at least once).
"""

from __future__ import annotations

import time
from collections import deque
from concurrent.futures import FIRST_COMPLETED, Future, wait
from datetime import timedelta
from http import HTTPStatus

import structlog
from django.conf import settings
from django.utils import timezone

from packages_app.core.errors import RepomgrError
from packages_app.core.storable_text import storable
from packages_app.core.threads import Threads
from packages_app.models import Notice, Webhook, WebhookDelivery
from packages_app.services.notices.notify import notify, settle_notices
from packages_app.services.webhooks.secrets import signatures
from packages_app.sources.posting import Posted, PostLimits, post

WAITS = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 30, 120, 300, 600, 840))
"""How long after a try that failed the next one comes: eight tries in 31 hours (Standard Webhooks,
"Deliverability and reliability", recommends such a row)."""
_LONGEST_WAIT = timedelta(days=1)
_LONGEST_RUN = timedelta(minutes=5)
_RUN_SECONDS = 45.0
_AT_ONCE = 8
_REST = timedelta(minutes=1)
"""After a try that failed the receiver's other messages wait so long: one that hangs holds one thread, now and then."""
_LIMITS = PostLimits()

log = structlog.get_logger(__name__)


def send_webhooks(limits: PostLimits = _LIMITS) -> int:
    """Send what is due, the oldest first; return how many messages were received.

    Of each webhook one is sent at a time, and the webhooks are served side by side: one that is slow to answer holds up
    itself alone. A run ends when nothing is due, or after some time; what is left is the next one's.
    """
    ends = time.monotonic() + _RUN_SECONDS
    taken = {webhook.pk: webhook for webhook in _due() if _take(webhook)}
    going, posts, received = deque(taken.values()), dict[Future[Posted | RepomgrError], WebhookDelivery](), 0
    try:
        with Threads(_AT_ONCE, thread_name_prefix="webhook") as threads:
            while going or posts:
                while going and len(posts) < _AT_ONCE:
                    webhook = going.popleft()
                    delivery = _claim(webhook) if time.monotonic() < ends else None
                    if delivery is None:
                        _let_go(taken.pop(webhook.pk))
                    else:
                        posts[threads.submit(_post, delivery, limits)] = delivery
                for answered in wait(posts, return_when=FIRST_COMPLETED).done:
                    delivery = posts.pop(answered)
                    if _note_down(delivery, answered.result()):
                        received += 1
                        going.append(delivery.webhook)
                    else:
                        _let_go(taken.pop(delivery.webhook_id), _REST)
    finally:
        for webhook in taken.values():
            _let_go(webhook)
    return received


def pause_after(tries: int) -> timedelta | None:
    """Return how long after a try, the first is 1, the next one comes; None after the last."""
    return WAITS[tries - 1] if tries <= len(WAITS) else None


def _due() -> list[Webhook]:
    now = timezone.now()
    waiting = WebhookDelivery.objects.filter(state=WebhookDelivery.State.WAITING, next_try__lte=now)
    pks = set(waiting.order_by().values_list("webhook", flat=True).distinct())
    return list(Webhook.objects.filter(pk__in=pks, enabled=True, next_turn__lte=now)) if pks else []


def _take(webhook: Webhook) -> bool:
    """Keep other workers from a webhook for the time of this run; return whether none has it."""
    now = timezone.now()
    free = Webhook.objects.filter(pk=webhook.pk, enabled=True, next_turn__lte=now)
    return bool(free.update(next_turn=now + _LONGEST_RUN))


def _let_go(webhook: Webhook, rest: timedelta = timedelta(0)) -> None:
    Webhook.objects.filter(pk=webhook.pk).update(next_turn=timezone.now() + rest)


def _claim(webhook: Webhook) -> WebhookDelivery | None:
    """Claim the oldest message of a webhook that is due, with the webhook as it is by now; None where none is."""
    waiting = WebhookDelivery.objects.filter(webhook=webhook, state=WebhookDelivery.State.WAITING)
    while True:
        now = timezone.now()
        due = waiting.filter(next_try__lte=now, webhook__enabled=True).select_related("webhook")
        delivery = due.order_by("next_try", "pk").first()
        if delivery is None:
            return None
        same, tries = waiting.filter(pk=delivery.pk, tries=delivery.tries), delivery.tries + 1
        if same.update(tries=tries, tried=now, next_try=now + (pause_after(tries) or _LONGEST_WAIT)):
            delivery.tries = tries
            return delivery


def _post(delivery: WebhookDelivery, limits: PostLimits) -> Posted | RepomgrError:
    """Sign and send a message; return the answer, or why there is none. It runs in a thread, and asks no database."""
    now, webhook = timezone.now(), delivery.webhook
    try:
        headers = {
            "Content-Type": "application/json",
            "webhook-id": delivery.event_id,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": signatures(webhook, delivery.event_id, now, delivery.payload),
        }
        body = delivery.payload.encode()
        return post(webhook.address, body, headers, allowed=settings.PRIVATE_UPSTREAMS, limits=limits)
    except RepomgrError as error:
        return error


def _note_down(delivery: WebhookDelivery, answer: Posted | RepomgrError) -> bool:
    """Keep what came of a try; return whether the message was received."""
    if isinstance(answer, RepomgrError):
        _fail(delivery, str(answer))
        return False
    delivery.response_code, delivery.response = answer.status, storable(answer.excerpt)
    if HTTPStatus.OK <= answer.status < HTTPStatus.MULTIPLE_CHOICES:
        _keep(delivery, state=WebhookDelivery.State.RECEIVED, received=timezone.now(), failure="")
        settle_notices(Notice.Kind.WEBHOOK_FAILED, delivery.webhook.name)
        log.info("webhook_received", webhook=delivery.webhook.name, event_id=delivery.event_id, tries=delivery.tries)
        return True
    if answer.status == HTTPStatus.GONE:
        _fail(delivery, "It answered 410 Gone: it wants no more messages.", give_up=True)
        _switch_off(delivery.webhook)
        return False
    redirected = HTTPStatus.MULTIPLE_CHOICES <= answer.status < HTTPStatus.BAD_REQUEST
    more = " Redirects are not followed: write the address that it leads to." if redirected else ""
    _fail(
        delivery,
        f"It answered {answer.status}.{more}",
        wait=timedelta(seconds=min(answer.wait, _LONGEST_WAIT.total_seconds())),
    )
    return False


def _fail(delivery: WebhookDelivery, why: str, *, give_up: bool = False, wait: timedelta = timedelta(0)) -> None:
    """Keep that a try failed; the next one comes after a pause, which is `wait` at least, or none any more."""
    webhook, pause = delivery.webhook, pause_after(delivery.tries)
    facts = {"webhook": webhook.name, "event_id": delivery.event_id, "tries": delivery.tries, "fault": why}
    if pause is not None and not give_up:
        _keep(delivery, failure=why, next_try=timezone.now() + max(pause, wait))
        log.warning("webhook_not_received", **facts)
        return
    _keep(delivery, state=WebhookDelivery.State.GIVEN_UP, failure=why)
    log.error("webhook_given_up", **facts)
    notify(
        Notice.Kind.WEBHOOK_FAILED,
        webhook.name,
        f"The webhook {webhook.name} has not received {delivery.event}, which was tried {delivery.tries} times. {why}",
        remedy="See that its receiver is well, and send what was given up again from Webhook deliveries.",
    )


def _keep(delivery: WebhookDelivery, **values: object) -> None:
    """Keep what came of a try, unless the message was sent again by hand meanwhile."""
    values = {"response_code": delivery.response_code, "response": delivery.response, **values}
    same = WebhookDelivery.objects.filter(pk=delivery.pk, tries=delivery.tries)
    same.filter(state=WebhookDelivery.State.WAITING).update(**values)


def _switch_off(webhook: Webhook) -> None:
    why = "Its receiver answered 410 Gone: it wants no more messages."
    if Webhook.objects.filter(pk=webhook.pk, enabled=True).update(enabled=False, off_why=why):
        log.warning("webhook_switched_off", webhook=webhook.name)
