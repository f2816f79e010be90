"""What reaches a shell, a terminal, a `.sources` file or a page is looked at where it enters: addresses, file names."""

import pytest

from packages_app.core.errors import PackageRefused, SettingsError
from packages_app.services import adapters
from packages_app.services.intake.bootstrap_values import bootstrap_values
from packages_app.services.intake.uploads import check_filename
from repomgr import environment

ADDRESSES = ("https://a.org/$(id)", "https://a.org/'x", "https://a.org/\x1b[2J", "https://a.org/x\nTrusted: yes")


@pytest.mark.parametrize("address", ADDRESSES)
def test_a_setting_is_no_address_that_a_shell_would_read(monkeypatch, address):
    monkeypatch.setenv("PUBLIC_URL", address)
    with pytest.raises(SettingsError, match="PUBLIC_URL"):
        environment.web_address("PUBLIC_URL", default="")


@pytest.mark.parametrize("address", ADDRESSES)
def test_no_bootstrap_package_has_such_an_address(embedded, address):
    [definition] = adapters.definitions().bootstrap_packages()
    assert bootstrap_values(definition, "1.0", repository_url="https://a.org/x").repository_url == "https://a.org/x"
    with pytest.raises(PackageRefused):
        bootstrap_values(definition, "1.0", repository_url=address)


@pytest.mark.parametrize("name", ["a\x1b[2J.deb", "a\n.deb", "a\u202e.deb", "../a.deb", ".a.deb", "a\\b.deb", "a.txt"])
def test_a_file_has_a_name_that_can_be_shown(name):
    check_filename("tool_1.0_amd64.deb")
    with pytest.raises(PackageRefused):
        check_filename(name)
