"""An address that clients are told holds nothing that a shell, a `.sources` file or a page would read as more."""

import pytest

from packages_app.core.web_address import is_plain_address


@pytest.mark.parametrize(
    "address", ["https://apt.example.org", "http://127.0.0.1:8000/repository", "https://[::1]/a%20b/~c"]
)
def test_addresses(address):
    assert is_plain_address(address)


@pytest.mark.parametrize("address", [
    "https://a.org\nTrusted: yes", "https://a.org\r", "https://a.org/ b", "https://a.org/$(id)", "https://a.org/`id`",
    "https://a.org/'", 'https://a.org/"', "https://a.org/;id", "https://a.org/<b>", "https://a.org/\x1b[2J",
    "https://a.org/\u202e", "https://u:p@a.org", "ftp://a.org", "https://a.org/?q=1", "https://a.org/&", "https://",
    "https://" + "a" * 5000, "https://a.org\t",
])  # fmt: skip
def test_what_is_none(address):
    assert not is_plain_address(address)
