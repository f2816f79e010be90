"""What is wrong on the way from the client to the server: a certificate, and a file that is not what it was."""

import ssl
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.debs import build_deb
from tests.loopback import LoopbackServer, QuietHandler

DAY = timedelta(days=1)


def test_a_file_that_changes_while_it_is_sent_is_given_up(product, front, tmp_path):
    beside = build_deb(tmp_path, "beside", "1.0")
    shorter, longer = lambda file: file.truncate(100), lambda file: file.write(b"x" * 100)
    for version, change, others in (("1.0", shorter, ()), ("1.1", longer, ()), ("1.2", shorter, (beside,))):
        deb = build_deb(tmp_path, "changing", version)

        def busy(deb=deb, change=change):
            with deb.open("ab") as file:
                change(file)

        front.faults = [busy]
        done = product.client("push", deb, *others, "--server", front.url)
        assert (done.code, done.said["code"], front.faults) == (2, "file_changed", [])
    assert product.client("packages", "changing").said == []


def certified(server, folder):
    """Let a server speak TLS, by a certificate of its own, whose file is given."""
    key, name, now = ec.generate_private_key(ec.SECP256R1()), x509.Name([]), datetime.now(UTC)
    made = x509.CertificateBuilder(name, name, key.public_key(), 7, now - DAY, now + DAY)
    made = made.add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=True)
    certificate, private = folder / "certificate.pem", folder / "key.pem"
    certificate.write_bytes(made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    form = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    private.write_bytes(key.private_bytes(serialization.Encoding.PEM, *form))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, private)
    server.speak_tls(context)
    return certificate


def test_a_certificate_of_nobody_is_refused_at_once_and_one_that_is_named_is_trusted(product, front, tmp_path):
    certificate = certified(front, tmp_path)
    front.faults = [503]
    refused = product.client("packages", "nothing", REPOMGR_SERVER=front.url)
    assert (refused.code, refused.said["code"], front.faults) == (1, "certificate_untrusted", [503])
    named = product.client("packages", "nothing", REPOMGR_SERVER=front.url, SSL_CERT_FILE=str(certificate))
    assert (named.said, front.faults) == ([], [])


def test_a_proxy_or_certificates_that_can_not_be_used_are_told_of(product, tmp_path):
    for unusable in ({"SSL_CERT_FILE": str(tmp_path / "none.pem")}, {"HTTP_PROXY": "http://name:geheim@[::1"}):
        done = product.client("status", **unusable)
        assert (done.code, done.said["code"], "geheim" in done.out + done.err) == (1, "bad_environment", False)


class Odd(QuietHandler):
    def do_GET(self):
        body = b"[" * 100_000 if "deep" in self.path else b'{"items": [], "next": null}'
        self.send_response_only(200)
        self.send_header("Date", "Sun, 29 Nov 99999 12:00:00 GMT")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def test_an_answer_of_no_time_or_without_end_is_no_fault_of_the_client(product):
    with LoopbackServer(Odd) as odd:
        dated, deep = (product.client("packages", word, REPOMGR_SERVER=odd.url) for word in ("x", "deep"))
    assert (dated.code, dated.said, deep.code, deep.said["code"]) == (0, [], 2, "not_repomgr")


def test_of_a_token_file_no_more_is_read_than_a_token_has(product, tmp_path):
    with (tmp_path / "token").open("wb") as file:
        file.truncate(2**40)
    done = product.client("status", token="", REPOMGR_TOKEN_FILE=str(tmp_path / "token"))
    assert (done.code, done.said["code"]) == (2, "bad_token")


def test_an_option_is_written_whole(product):
    done = product.client("status", "--js", as_json=False)
    assert (done.code, done.out, done.err.partition(":")[0]) == (2, "", "bad_arguments")
