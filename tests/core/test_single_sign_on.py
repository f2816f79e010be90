"""Who lets people in is asked over https, or on this machine."""

import pytest

from packages_app.core.single_sign_on import is_https


@pytest.mark.parametrize(("address", "anywhere", "here"), [
    ("https://login.example.org/a", True, True),
    ("http://127.0.0.1:8080/a", False, True),
    ("http://localhost/a", False, True),
    ("http://[::1]:1/a", False, True),
    ("http://login.example.org/a", False, False),
    ("http://127.0.0.1.example.org/", False, False),
    ("http://localhost@login.example.org/", False, False),
    ("https://somebody@login.example.org/", False, False),
    ("https:///a", False, False),
    ("https://[/", False, False),
    ("javascript:alert(1)", False, False),
    ("", False, False),
])  # fmt: skip
def test_an_address_is_https_or_of_this_machine(address, anywhere, here):
    assert (is_https(address, or_here=False), is_https(address, or_here=True)) == (anywhere, here)
