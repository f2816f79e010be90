"""One text signed by several keys: what gpgv and Sequoia say of it, and that no byte of any signature can be wrong."""

import subprocess

import pytest

from packages_app.core.errors import SigningKeyError
from packages_app.signing.armor import armored_signature, clear_message, clear_parts, signature_packets
from packages_app.signing.openpgp import OpenPgpSigner, generate_key, verified_text
from packages_app.signing.signatures import clear_fault, detached_fault, join_clear, join_detached
from packages_app.signing.signing_keys import SigningKeys, is_public, keys_given, known_anew
from packages_app.signing.unproven import claims_of, keys_in
from tests.apt.odd_keys import odd_key
from tests.signing.keepers import kept, signer_of

TEXT = b"Origin: Test\nSuite: stable\n- a line that begins with a dash\n\nDescription: none\n"


@pytest.fixture(scope="module")
def keys():
    """Two keys of ours."""
    return [OpenPgpSigner(generate_key(f"Archive {number}")) for number in (1, 2)]


@pytest.fixture(scope="module")
def both(keys):
    return SigningKeys(tuple(keys))


def gpgv(folder, keyring, *files):
    """Give gpgv's exit code and what it says of each signature."""
    names = []
    for number, body in enumerate((keyring, *files)):
        (folder / str(number)).write_bytes(body)
        names.append(str(folder / str(number)))
    command = ["gpgv", "--status-fd", "1", "--keyring", *names]
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    words = [line.split()[1] for line in done.stdout.splitlines()]
    return done.returncode, [word for word in words if word in ("GOODSIG", "NO_PUBKEY", "BADSIG")]


def test_who_knows_either_key_or_both_takes_what_both_signed(tmp_path, keys, both):
    one, other = keys
    clear, detached = both.sign_clear(TEXT), both.sign_detached(TEXT)
    assert [keys_in(both.public_keyring())[claim.key] for claim in claims_of(clear)] == list(both.fingerprints)
    said = {one: ["GOODSIG", "NO_PUBKEY"], other: ["NO_PUBKEY", "GOODSIG"], both: ["GOODSIG", "GOODSIG"]}
    for known, words in said.items():
        keyring = known.public_keyring()
        assert gpgv(tmp_path, keyring, clear)[1] == words
        assert gpgv(tmp_path, keyring, detached, TEXT)[1] == words
        assert verified_text(clear, keyring) == verified_text(TEXT, keyring, signature=detached) == TEXT
        full = known is both
        assert (clear_fault(clear, TEXT, keyring) == "") is full
        assert (detached_fault(detached, TEXT, keyring) == "") is full
        assert clear_fault(clear, TEXT, keyring, strangers=True) == ""
        assert detached_fault(detached, TEXT, keyring, strangers=True) == ""
    assert gpgv(tmp_path, both.public_keyring(), clear)[0] == 0
    assert keys_in(both.public_armored()) == keys_in(both.public_keyring())


def test_a_key_that_others_keep_signs_beside_one_of_ours(tmp_path, keys):
    """They escape other lines, and write blanks at the end of a line or not: the same is signed."""
    pair = keys[0], signer_of(kept("p256"))
    text = TEXT + b"From here\nwithout what follows \n-\n"
    read = text.replace(b"follows ", b"follows")
    for both in (SigningKeys(pair), SigningKeys(pair[::-1])):
        joined = both.sign_clear(text)
        assert gpgv(tmp_path, both.public_keyring(), joined) == (0, ["GOODSIG", "GOODSIG"])
        assert clear_fault(joined, read, both.public_keyring()) == ""
        assert [verified_text(joined, known.public_keyring()) for known in pair] == [read, read]
        assert detached_fault(both.sign_detached(text), text, both.public_keyring()) == ""
    with pytest.raises(SigningKeyError):
        join_clear([pair[0].sign_clear(TEXT), pair[1].sign_clear(text)])


def test_keys_that_sign_by_other_digests_are_joined_with_a_hash_line_each(tmp_path, keys):
    with odd_key("rsa3072", "--digest-algo", "SHA256") as odd:
        # gpg leaves the last newline unsigned, which we sign: so what is joined is of one manner of signing.
        other = SigningKeys((keys[0],)).sign_clear(TEXT.removesuffix(b"\n"))
        joined = join_clear([odd.sign_clear(TEXT), other])
        keyring = odd.public_keyring() + keys[0].public_keyring()
    assert joined.split(b"\n\n")[0].split(b"\n")[1:] == [b"Hash: SHA256", b"Hash: SHA512"]
    assert gpgv(tmp_path, keyring, joined) == (0, ["GOODSIG", "GOODSIG"])
    text = verified_text(joined, keyring)
    assert clear_fault(joined, text, keyring) == ""


def corrupt(body):
    """Give the file with a byte wrong, for each of its bytes."""
    for place in range(len(body)):
        yield place, body[:place] + bytes([body[place] ^ 1]) + body[place + 1 :]


def test_no_byte_of_what_both_signed_can_be_wrong(both):
    keyring = both.public_keyring()
    passed = 0
    for place, body in corrupt(both.sign_clear(TEXT)):
        good = verified_text(body, keyring) == TEXT
        passed += good
        assert not (good and clear_fault(body, TEXT, keyring) == ""), place
    assert passed > 200  # Sequoia alone would not notice a whole signature that is bad
    for place, body in corrupt(both.sign_detached(TEXT)):
        good = verified_text(TEXT, keyring, signature=body) == TEXT
        assert not (good and detached_fault(body, TEXT, keyring) == ""), place


def test_a_signature_that_is_bad_in_itself_is_noticed_beside_a_good_one(both):
    keyring = both.public_keyring()
    clear, detached = both.sign_clear(TEXT), both.sign_detached(TEXT)
    for number in (0, 1):
        packets = signature_packets(detached)[0]
        packets[number] = packets[number][:-1] + bytes([packets[number][-1] ^ 1])
        bad = armored_signature(packets)
        assert verified_text(TEXT, keyring, signature=bad) == TEXT
        assert detached_fault(bad, TEXT, keyring)
        escaped, armor = clear_parts(clear)
        packets = signature_packets(armor)[0]
        packets[number] = packets[number][:-1] + bytes([packets[number][-1] ^ 1])
        bad = clear_message(escaped, packets)
        assert verified_text(bad, keyring) == TEXT
        assert clear_fault(bad, TEXT, keyring)


def test_clients_must_learn_of_a_key_where_none_that_they_know_signs_or_one_is_simply_gone():
    assert not known_anew(["A"], ["A"], ["A"])
    assert not known_anew(["A"], ["A", "B"], ["A", "B"])
    assert not known_anew(["A", "B"], ["B"], ["A", "B"])
    assert known_anew(["A", "B"], ["B"], ["B"])
    assert known_anew(["A"], ["B"], ["A", "B"])


def test_a_key_signs_once_and_what_can_not_be_joined_is_refused(keys, both):
    one, other = keys
    keyring = both.public_keyring()
    twice = [one.sign_clear(TEXT), one.sign_clear(TEXT)]
    assert clear_fault(join_clear(twice), TEXT, keyring)
    assert detached_fault(join_detached([one.sign_detached(TEXT)] * 2), TEXT, keyring)
    for bad in ([one.sign_clear(TEXT), other.sign_clear(TEXT + b"x\n")], [one.sign_clear(TEXT), TEXT]):
        with pytest.raises(SigningKeyError):
            join_clear(bad)
    with pytest.raises(SigningKeyError):
        join_detached([one.sign_detached(TEXT), b""])


def test_one_key_gives_what_it_gave_alone(keys):
    [one, other] = keys
    alone = SigningKeys((one,))
    assert (alone.public_keyring(), alone.public_armored()) == (one.public_keyring(), one.public_armored())
    assert (alone.fingerprint, alone.fingerprints, alone.expires) == (one.fingerprint, (one.fingerprint,), None)
    signed = one.sign_clear(TEXT)
    assert join_clear([signed]) is signed
    trusting = SigningKeys((one,), (other.public_keyring(),))
    assert len(claims_of(trusting.sign_clear(TEXT))) == 1
    assert {*keys_in(trusting.public_keyring()).values()} == {one.fingerprint, other.fingerprint}


def test_keys_are_given_as_blocks_and_addresses_in_one_setting(keys):
    secret, public = generate_key("Archive"), keys[0].public_armored().decode()
    address = "awskms:///alias/apt?region=eu-central-1,x"
    file = "file:///run/keys/old%20one.asc"
    assert keys_given(f"{secret}\n{public},{file}, {address}\n") == (secret, public, file, address)
    assert [is_public(one) for one in keys_given(secret + public)] == [False, True]
    assert keys_given(" \n") == ()
    assert keys_given("no key at all") == ("no key at all",)
    assert keys_given(secret[:80]) == (secret[:80],)
