"""Who may upload a package: people, groups and tokens by the rule itself, and as cheaply for many as for few."""

from datetime import timedelta

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group, Permission, User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from packages_app.core.rights import Action
from packages_app.models import AccessGrant, AccessToken
from packages_app.services.access.who_may import who_may_upload
from packages_app.services.rights.rule import own_rights, own_rights_of
from packages_app.services.rights.tokens import make_token
from packages_app.services.setup.groups import ensure_groups


@pytest.fixture
def defined(embedded):
    ensure_groups()
    embedded.configure(suites=[{"name": name, "codename": name} for name in ("stable", "testing")])
    embedded.define_uploads("acme-tool", suites=["stable", "testing"])
    embedded.define_uploads("other", suites=["testing"])
    return embedded


def person(name, *groups, **more):
    user = get_user_model().objects.create_user(name, **more)
    user.groups.set(Group.objects.filter(name__in=groups))
    return user


def grant(action="upload", packages="*", suites="*", **holder):
    AccessGrant.objects.create(action=action, packages=packages, suites=suites, **holder)


def names(found):
    return [one.name for one in found]


def test_who_may_upload_is_what_the_rule_says_of_each(defined):
    person("root", is_superuser=True)
    person("gone", is_superuser=True, is_active=False)
    person("up", "Uploaders")
    person("looks", "Viewers")
    ann, half, one = person("ann"), person("half"), person("one")
    grant(user=ann, packages="acme-*")
    grant(user=half, packages="acme-*", suites="stable")  # it goes to testing too
    one.user_permissions.add(Permission.objects.get(codename="upload_package"))
    team = Group.objects.create(name="team")
    grant(group=team, packages="acme-*", suites="stable")
    grant(group=team, packages="acme-*", suites="testing")
    both = person("both", "team")
    ci, _ = make_token("ci", ann, actions=["upload"], packages=["acme-tool"])
    make_token("look", one, actions=["upload"], packages=["other"])
    lost, _ = make_token("lost", half, actions=["upload"])
    old, _ = make_token("old", one, actions=["upload"])
    AccessToken.objects.filter(pk=old.pk).update(expires=timezone.now() - timedelta(days=1))
    found = who_may_upload("acme-tool")
    assert (found.actions, names(found.people)) == ((Action.UPLOAD,), ["ann", "one", "root"])
    assert [(group.name, group.members) for group in found.groups] == [("Publishers", 0), ("Uploaders", 1), ("team", 1)]
    assert [(token.name, token.owner) for token in found.tokens] == [(str(ci), "ann")]
    assert found.people[0].through == ("upload acme-* in *",)
    assert found.groups[2].through == ("upload acme-* in stable", "upload acme-* in testing")
    other = who_may_upload("other")
    assert (names(other.people), names(other.groups)) == (["one", "root"], ["Publishers", "Uploaders"])
    assert who_may_upload("undefined").actions == ()
    for user in User.objects.all():  # a group that alone gives half of it, and a grant the rest: his own name stands
        may = [own_rights(user).may(Action.UPLOAD, "acme-tool", suite) for suite in ("stable", "testing")]
        named = user.username in names(found.people) or any(
            group.name in names(found.groups) for group in user.groups.all()
        )
        assert named is all(may), user
    grant(user=half, packages="acme-tool", suites="testing")
    assert "half" in names(who_may_upload("acme-tool").people)
    assert str(lost) in names(who_may_upload("acme-tool").tokens)
    assert own_rights_of([ann, both]) == {user.pk: own_rights(user) for user in (ann, both)}


def test_a_package_that_a_source_watches_needs_the_right_to_hotfixes_too(defined):
    defined.define("watched", {"type": "external_download", "endpoint": "http://127.0.0.1:9/feed.xml"})
    person("up", "Uploaders")
    user = person("fixes", "Uploaders")
    grant("hotfix", user=user, packages="watched")
    found = who_may_upload("watched")
    assert found.actions == (Action.HOTFIX, Action.UPLOAD)
    assert (names(found.people), names(found.groups)) == (["fixes"], ["Publishers"])  # two sources, each half of it
    assert found.people[0].through == ("hotfix watched in *", "upload * in *")


def test_many_people_cost_no_more_queries_than_few(defined):
    def queries():
        with CaptureQueriesContext(connection) as asked:
            who_may_upload("acme-tool")
        return len(asked)

    def add(number):
        user = person(f"user{number}", "Uploaders")
        grant(user=user, packages="acme-*")
        make_token("ci", user, actions=["upload"])

    add(0)
    few = queries()
    for number in range(1, 8):
        add(number)
    assert queries() == few
