"""Maintainer scripts that give rights or divert files are known by their words, however they are written."""

import subprocess
from pathlib import Path

import pytest

from packages_app.debian.script_deeds import deeds_of, tmpfiles_rights, users_of_root
from packages_app.debian.shell_words import commands_in

RIGHTS = [
    "install -m 4755 a /usr/bin/x",
    "install -Dm4755 a b",
    "install -m u+s a b",
    "install --mode=4755 a b",
    "install --mode 6755 a b",
    "install -m 2755 a /usr/bin/b",
    'chmod "4755" x',
    "chmod u+s x",
    "chmod +s x",
    "chmod 06755 x",
    "chmod -R 4755 x",
    "chmod -v -- 4755 x",
    "chmod 2755 /usr/bin/x",
    "chmod g+s /usr/bin/x",
    "chmod +4755 x",
    "chmod -r,u+s x",
    "chmod u=rwx,g=rx,u+s x",
    "chmod --reference=/usr/bin/sudo x",
    "/usr/bin/chmod 4755 x",
    "ch\\mod '4''755' x",
    "chmod \\\n4755 x",
    "chmod 2>&1 4755 x",
    "chmod >/dev/null 4755 x",
    "a=b#c; chmod 4755 x",
    "/bin/chm?d 4755 x",
    "$(which chmod) 4755 x",
    "`chmod 4755 x`",
    "[ -e x ]||chmod 4755 x",
    "test 1 = 1 && { chmod 4755 x; }",
    "find /usr -exec chmod u+s {} \\;",
    "echo x | xargs chmod 4755",
    "m=4755; chmod $m x",
    'chmod "$1" x',
    "chmod ${M:-4755} x",
    "for m in 0755 4755; do chmod $m x; done",
    "A=chm; B=od; $A$B 4755 x",
    "CMD='chmod 4755 /x'\neval \"$CMD\"",
    'sh -c "chmod \\"4755\\" x"',
    "it's\nchmod '4755' x\n",
    "cat <<E\ndon't\nE\nchmod 4755 x",
    "python3 -c 'import os; os.chmod(\"/x\", 0o4755)'",
    "perl -e 'chmod 04755, \"/x\"'",
    "perl -e 'chmod 04755,\"/x\"'",
    "perl -e'chmod(04755,q(/x))'",
    "perl -we 'chmod 0755|04000, \"/x\"'",
    "perl -MFcntl=:mode -e 'chmod 0755 | S_ISUID, \"/x\"'",
    "perl -e 'chmod 2541, \"/x\"'",
    'perl -e \'chmod oct("4755"), "/x"\'',
    "/usr/bin/perl5.36 -e 'syscall 90, \"/x\", 04755'",
    "perl <<'E'\nchmod 0755|04000, \"/x\"\nE",
    "perl -e 'chmod 04755, \"/x\"' <<E\nE",
    'P=\'chmod 04755,"/x"\'; perl -e "$P"',
    "python3 -c 'from os import chmod; chmod(\"/x\", 0o4755)'",
    "python3 -c 'from os import *; fchmod(3, mode)'",
    'cat >/x.py <<-"E"\nfrom os import chmod as c\nc("/x", 0o755 | 0o4000)\nE\npython3 /x.py',
    "ruby -e 'File.chmod 04755, \"/x\"'",
    "php -r 'chmod(\"/x\", 04755);'",
    'node -e \'require("fs").chmodSync("/x", 0o4755)\'',
    "rsync --chmod=u+s a /usr/bin/x",
    "rsync -a --chmod=D755,F4755 a b",
    "rsync -a --chmod Fu+s,go-w a b",
    'rsync --chmod="$m" a b',
    "tar --mode=u+s -cf - x | tar -xpf - -C /usr/bin",
    "install -odaemon -m4755 a b",
    "install -gadm -om4755 -m2755 a b",
    "install -bSd -m2755 a b",
    "install -tdir -m2755 a",
    "install -d -m 4755 x",
    "install -m=4755 a b",
    "install --mod=a+s a b",
    "install a b -m 4755",
    "filecap /usr/bin/x net_raw",
    "dpkg-statoverride --update --add root root 4755 /x",
    "dpkg-statoverride --add root root 04755 /x",
    'dpkg-statoverride --add root root "$m" /x',
    "setcap cap_net_raw+ep f",
    "setfattr -n security.capability -v 0x01 f",
    "echo 'z /usr/bin/x 4755 root root' | systemd-tmpfiles --create -",
    "echo 'root root 4755 /x' >> /var/lib/dpkg/statoverride",
    "${x#y} 4755 f",
]
DIVERSIONS = [
    "dpkg-divert --add --rename --divert /bin/ls.old /bin/ls",
    "'dpkg-'divert --add x",
    "D=dpkg-divert; $D --add x",
    'A=dpkg; "$A-divert" x',
    "echo x >> /var/lib/dpkg/diversions",
    'python3 -c \'from subprocess import run; run(["dpkg-divert","--add","/x"])\'',
]
HARMLESS = [
    "chmod 0755 /usr/bin/x; chmod 2775 /var/lib/x; chmod -R u+rwX,go-s /var/lib/x",
    "chmod u-s,a-s x",
    "find / -perm -4000 -exec chmod 0755 {} \\;",
    "install -d -m 2775 /var/lib/x",
    "install -m 0755 a b",
    "# chmod 4755 x, and dpkg-divert",
    'chmod 0644 "$new"',
    "m=0755; chmod $m x",
    'dpkg-statoverride --update --add root ssl-cert 0750 "$dir"',
    "apt-get install -y x",
    "perl -e 'chmod 0644, \"/x\"'",
    "perl -ne 'print if /2755/' x; sleep 4000",
    "python3 -m http.server 4000",
    "python3 <<E\nprint(4755)\nE\ncat <<E\nchmod 0755 x\nE",
    "rsync -a --chmod=D2775,F644 a b",
    "rsync -a --chmod=u=rwX,go-s a b",
    "mkdir -m 2775 /srv/x; tar --mode=go-w -cf x y",
    "install -dm2775 /var/lib/x",
    "install -o daemon -g adm -m 0640 a b",
    "echo 'z /run/log/x 2755 root root' | systemd-tmpfiles --create -",
]


def codes(script):
    return {code for code, _ in deeds_of(b"#!/bin/sh\nset -e\n" + script.encode() + b"\n")}


@pytest.mark.parametrize("line", RIGHTS)
def test_what_gives_rights_is_seen(line):
    assert codes(line) == {"setuid"}


@pytest.mark.parametrize("line", DIVERSIONS)
def test_what_diverts_is_seen(line):
    assert codes(line) == {"diversion"}


@pytest.mark.parametrize("line", HARMLESS)
def test_what_does_neither_is_not(line):
    assert codes(line) == set()


def test_what_is_said_names_the_command():
    assert list(deeds_of(b"chmod 4755 /usr/bin/tool\n")) == [("setuid", "says chmod 4755 /usr/bin/tool")]
    [(_, first)] = deeds_of(b"chmod 4755 " + b"x" * 300 + b"y\n")
    [(_, second)] = deeds_of(b"chmod 4755 " + b"x" * 300 + b"z\n")
    assert first != second


@pytest.mark.parametrize(
    "first", ["#!/usr/bin/python3", "#!/usr/bin/env perl", "#!/bin/sh /usr/bin/python3", "\x7fELF\0"]
)
def test_a_script_of_another_language_is_known_by_its_words(first):
    for words, found in (
        ("os.chmod(x, m)", {"setuid"}),
        ("os.open(x, flags, 0o4755)", {"setuid"}),
        ('run(["dpkg-divert"])', {"diversion"}),
        ("print(1)", set()),
    ):
        assert {code for code, _ in deeds_of(f"{first}\n{words}\n".encode("latin-1"))} == found


def test_a_script_that_is_too_long_to_read_is_named():
    assert [code for code, _ in deeds_of(b"#!/bin/sh\n" + b"#\n" * 600_000)] == ["setuid"]


def test_a_script_that_doubles_its_text_is_named():
    doubled = "A='x '\n" + 'A="$A$A"\n' * 9 + ": $A$A$A$A\n" * 50_000
    [(code, what)] = deeds_of(b"#!/bin/sh\n" + doubled.encode())
    assert code == "setuid"
    assert "more than is read" in what


@pytest.mark.parametrize(("line", "found"), [("chmod ", set()), ("chmod 2755 /x ", {"setuid"}), ("install -d ", set())])
def test_a_script_of_names_alone_is_read_in_one_pass(line, found):
    assert codes(line * 60_000) == found


def test_rights_of_tmpfiles_and_users_of_sysusers_are_seen():
    text = "z /usr/bin/x 4755 root root -\nf+ /usr/x 04755\nd /var/x 2775\nz /var/log/x 2755\nf /etc/x 0644\n"
    assert tmpfiles_rights(text) == ["z /usr/bin/x 4755", "f+ /usr/x 04755"]
    odd = [
        'z "/usr/bin/x" "4755" root',
        "f+ '/usr/a b' ~4755 - -",
        "m /x 4755",
        'z "/x""" 47\'55\'',
        "z /x 4\\755",
        "t /usr/x - - - - security.capability=0x01",
    ]
    found = tmpfiles_rights("\n".join([*odd, 'z "/usr/a b" "0755"', "t /usr/x - - - - user.x=1"]))
    assert sorted(found) == sorted(odd)
    assert users_of_root('"u" v "0:5"\nu "w" 0:\'5\'\nu x 0\nu! y 0:5 "Y"\nu z 10\nu a -\ng b 0\n') == [
        "v",
        "w",
        "x",
        "y",
    ]


WORDS = 'words() { printf "<%s>" "$@"; printf "\\n--\\n"; }\n'


@pytest.mark.parametrize(
    "script",
    [
        'words a \'b c\' "d e" f\\ g \\\nh # i\nwords "a\\"b" \'c\'d"e"',
        "words a#b \"#c\" '#d' \\#e;words 2>&1 y;words 'a\nb'&& words \"it's\"",
    ],
)
def test_words_are_those_that_a_shell_finds(script):
    real = subprocess.run(["/bin/sh", "-c", WORDS + script], capture_output=True, text=True, check=True).stdout
    theirs = [part.strip("\n")[1:-1].split("><") for part in real.split("--\n")[:-1]]
    ours = [words[1:] for words in commands_in(script) if words[:1] == ["words"]]
    # Words of one quoted text stand apart here, and the numbers of a redirection are words.
    split = [[part for word in words for part in word.split()] for words in theirs]
    assert [[word for word in words if word not in ("1", "2")] for words in ours] == split


def test_few_of_debians_own_scripts_are_held():
    scripts = [
        path
        for path in Path("/var/lib/dpkg/info").glob("*.*")
        if path.suffix in (".preinst", ".postinst", ".prerm", ".postrm")
    ]
    held = [path.name for path in scripts if list(deeds_of(path.read_bytes()))]
    assert len(held) * 8 < max(len(scripts), 50), held
