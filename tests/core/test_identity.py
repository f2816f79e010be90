"""What a repository's own name becomes, and the names that make none."""

import pytest

from packages_app.core.errors import RepomgrError
from packages_app.core.identity import identity


def test_a_name_makes_what_is_named_after_it():
    made = identity("Müller & Söhne", suites=["trixie", "edge"], codename="13", url="https://apt.example.org/deb/")
    assert (made.bootstrap, made.keyring) == ("muller-sohne-repo", "muller-sohne-archive-keyring")
    assert (made.origin, made.codename, made.url) == ("Müller & Söhne", "13", "https://apt.example.org/deb")
    assert made.maintainer == "Müller & Söhne <packages@apt.example.org>"
    assert identity("Acme").codename == "stable"


@pytest.mark.parametrize(
    ("code", "said"),
    [
        *(
            ("name_refused", {"name": name})
            for name in ("", " ", "株式会社", "--", "a\nOrigin: b", "A <a@b.c>", "x" * 49)
        ),
        ("name_refused", {"origin": "a\nb"}),
        *(("suite_refused", {"suites": suites}) for suites in ([], ["../x"], ["a/b"], [".."], ["a", "a"], ["a", ""])),
        *(("suite_refused", {"suites": ["a", "b"], "codename": codename}) for codename in ("b", "/", "a b")),
        *(("architecture_refused", {"architectures": given}) for given in ([], ["vax"], ["all"], ["amd64", "amd64"])),
        *(("address_refused", {"url": url}) for url in ("apt.example.org", "https://[x]", "https://:", "http://a b")),
    ],
)
def test_what_clients_could_not_take_is_refused_with_its_code_and_remedy(code, said):
    with pytest.raises(RepomgrError) as refused:
        identity(**{"name": "Acme", **said})
    assert (refused.value.code, bool(refused.value.remedy)) == (code, True)
