"""Webhooks in the admin: what a person may write, the secret that is shown once, and what was delivered."""

import re

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.urls import reverse

from packages_app.models import Webhook, WebhookDelivery
from tests.services.webhooks.hooks import hook, told

ADD = "/admin/packages_app/webhook/add/"
FORM = {
    "name": "ci", "address": "https://8.8.8.8/secret-path", "events": ["job.failed", "version.added"],
    "packages": "tool  kiro*,", "suites": "", "enabled": "on",
}  # fmt: skip
SECRET = re.compile(r"whsec_[A-Za-z0-9+/]{43}=")


@pytest.fixture
def keeper(client, embedded):
    """Somebody who may change webhooks and nothing else, logged in."""
    user = get_user_model().objects.create_user("keeper", is_staff=True)
    user.user_permissions.add(Permission.objects.get(codename="change_webhook"))
    client.force_login(user)
    return client


def page(name, *arguments):
    return reverse(f"admin:packages_app_{name}", args=arguments)


def test_a_secret_is_shown_when_it_is_made_and_on_no_page_after_it(keeper):
    [first] = SECRET.findall(keeper.post(ADD, FORM).content.decode())
    webhook = Webhook.objects.get()
    assert (webhook.packages, webhook.events) == ("tool, kiro*", ["job.failed", "version.added"])
    [second] = SECRET.findall(keeper.post(page("webhook_secret", webhook.pk)).content.decode())
    keeper.post(page("webhook_test", webhook.pk))
    [delivery] = WebhookDelivery.objects.all()
    own = (page("webhook_change", webhook.pk), page("webhook_history", webhook.pk), page("webhook_changelist"))
    others = (
        page("webhookdelivery_changelist"),
        page("webhookdelivery_change", delivery.pk),
        page("notice_changelist"),
    )
    shown = "".join(keeper.get(address).content.decode() for address in (*own, *others))
    assert "+00:00" not in shown  # times are written for people
    kept = repr(list(Webhook.objects.values())) + repr(list(WebhookDelivery.objects.values()))
    for secret in (first, second):
        assert secret not in shown + kept
        assert secret[6:] not in shown + kept
    assert "secret-path" not in "".join(keeper.get(address).content.decode() for address in (own[2], *others))
    assert len(webhook.old_secrets) == 0
    assert len(Webhook.objects.get().old_secrets) == 1


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("address", "https://127.0.0.2/"),
        ("address", "https://[::1]/"),
        ("address", "http://8.8.8.8/"),
        ("address", "https://user:password@8.8.8.8/"),
        ("address", "no address"),
        ("address", "https://8.8.8.8:port/"),
        ("events", []),
        ("events", ["webhook.test"]),
        ("packages", "a/b"),
        ("suites", "[a-"),
        ("name", ""),
        ("name", "there"),
    ],
)
def test_what_makes_no_sense_is_refused_at_its_field_and_nothing_is_kept(keeper, field, value):
    hook(name="there")
    answer = keeper.post(ADD, {**FORM, field: value})
    assert list(answer.context["adminform"].form.errors) == [field]
    assert Webhook.objects.count() == 1


def test_a_change_keeps_what_the_sender_has_written_and_what_is_off_is_sent_nothing(keeper):
    webhook, _ = hook("https://8.8.8.8/secret-path")
    keeper.post(page("webhook_test", webhook.pk))
    [delivery] = WebhookDelivery.objects.all()
    WebhookDelivery.objects.update(state="given_up", tries=8)
    before = Webhook.objects.values_list("sealed_secret", "next_turn").get()
    keeper.post(page("webhook_change", webhook.pk), {**FORM, "name": "other"})
    assert Webhook.objects.values_list("sealed_secret", "next_turn").get() == before
    again = page("webhookdelivery_again", delivery.pk)
    assert keeper.post(again).status_code == 302
    assert WebhookDelivery.objects.values_list("state", "tries", "event_id").get() == ("waiting", 0, delivery.event_id)
    WebhookDelivery.objects.update(state="given_up")
    off = {name: value for name, value in FORM.items() if name != "enabled"}
    keeper.post(page("webhook_change", webhook.pk), off)
    for address in (again, page("webhook_test", webhook.pk)):
        assert "rm-bad" in keeper.post(address, follow=True).content.decode(), "refused, and said so"
    chosen = {"action": "again", "_selected_action": [delivery.pk]}
    keeper.post(page("webhookdelivery_changelist"), chosen)
    assert WebhookDelivery.objects.get().state == "given_up"
    assert len(told()) == 1
    keeper.post(
        page("webhook_changelist"), {"action": "delete_selected", "_selected_action": [webhook.pk], "post": "yes"}
    )
    assert (Webhook.objects.count(), WebhookDelivery.objects.count()) == (0, 0)
