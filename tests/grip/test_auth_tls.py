"""TLS and client certificates at the control side's HTTP door."""
import datetime
import json
import socket
import ssl

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from kit import PATIENCE, Closed, Connection, eventually
from test_auth import bearer, items, refusal

TOKEN = "the-token-of-somebody-or-other"


class Authority:
    """Signs certificates; files are NAME.crt and NAME.key in the folder."""

    def __init__(self, folder, name):
        self.folder, self.name, self.key = folder, name, ec.generate_private_key(ec.SECP256R1())
        self.certificate = self.sign(name, self.key.public_key(), x509.BasicConstraints(True, None))

    def sign(self, common_name, public, *extensions):
        subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, common_name)])
        issuer = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, self.name)])
        now = datetime.datetime.now(datetime.timezone.utc)
        builder = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(public).serial_number(x509.random_serial_number())
        builder = builder.not_valid_before(now - datetime.timedelta(hours=1)).not_valid_after(now + datetime.timedelta(hours=1))
        for extension in extensions:
            builder = builder.add_extension(extension, critical=isinstance(extension, x509.BasicConstraints))
        certificate = builder.sign(self.key, hashes.SHA256())
        (self.folder / (common_name + ".crt")).write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        return certificate

    def issue(self, common_name, *names):
        key = ec.generate_private_key(ec.SECP256R1())
        (self.folder / (common_name + ".key")).write_bytes(key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
        alternative = [x509.SubjectAlternativeName([x509.DNSName(n) for n in names])] if names else []
        self.sign(common_name, key.public_key(), x509.BasicConstraints(False, None), *alternative)
        return str(self.folder / (common_name + ".crt")), str(self.folder / (common_name + ".key"))


@pytest.fixture
def authority(tmp_path):
    return Authority(tmp_path, "authority")


@pytest.fixture
def run(start, authority, tmp_path):
    def make(**tls):
        cert, key = authority.issue("control.test", "control.test")
        return start(control={
            "http": {"address": "127.0.0.1:0", "tls": {"cert": cert, "key": key, **tls}},
            "auth": {"callers": [{"name": "billing", "certificate": "billing.test", "publish": ["bill/"]}, {"name": "any", "token": TOKEN, "publish": [""]}]}})
    return make


def client(authority, certificate=None):
    context = ssl.create_default_context(cafile=str(authority.folder / "authority.crt"))
    if certificate:
        context.load_cert_chain(*certificate)
    return context


def ask(node, context, channel, fields=()):
    address = node._host_port(node.addresses["publishers"][0])
    with Connection(address, tls=context, server_name="control.test") as c:
        body = items(channel)
        for _ in range(2):  # the connection is kept
            lines = ["POST /publish/ HTTP/1.1", "Host: control", "Content-Length: %d" % len(body)] + ["%s: %s" % f for f in fields]
            c.send("\r\n".join(lines).encode() + b"\r\n\r\n" + body)
            response = c.response("POST")
            response.read()
        return response


def test_tokens_are_taken_over_tls_and_large_bodies_arrive(run, authority):
    node = run()
    assert node.addresses["publishers"][0].startswith("https://")
    context = client(authority)
    assert ask(node, context, "news").status == 401
    assert ask(node, context, "news", bearer(TOKEN)).status == 200
    body = json.dumps({"items": [{"channel": "c%d" % i, "http-stream": {"content": "x" * 900}} for i in range(900)]}).encode()
    with Connection(node._host_port(node.addresses["publishers"][0]), tls=context, server_name="control.test") as c:
        head = "POST /publish/ HTTP/1.1\r\nHost: c\r\nAuthorization: Bearer %s\r\nContent-Length: %d\r\n\r\n" % (TOKEN, len(body))
        c.send(head.encode() + body)
        assert c.response("POST").status == 200


def test_a_client_certificate_stands_for_a_caller(run, authority, tmp_path):
    node = run(client_ca=str(tmp_path / "authority.crt"))
    billing = client(authority, authority.issue("billing.test"))
    assert ask(node, billing, "bill/1").status == 200
    assert ask(node, billing, "news").status == 403
    assert ask(node, billing, "news", bearer(TOKEN)).status == 200, "a token decides before the certificate"
    by_name = client(authority, authority.issue("somebody", "x.test", "billing.test"))
    assert ask(node, by_name, "bill/1").status == 200
    unknown = ask(node, client(authority, authority.issue("stranger")), "bill/1")
    assert unknown.status == 401 and b"no caller has this certificate" in unknown.body
    assert ask(node, client(authority), "bill/1").status == 401
    (tmp_path / "other").mkdir()
    forged = client(authority, Authority(tmp_path / "other", "authority").issue("billing.test"))
    with pytest.raises((ssl.SSLError, Closed, ConnectionError)):
        ask(node, forged, "bill/1")


def test_a_required_certificate_is_required(run, authority, tmp_path):
    node = run(client_ca=str(tmp_path / "authority.crt"), client_certificates="required")
    assert ask(node, client(authority, authority.issue("billing.test")), "bill/1").status == 200
    with pytest.raises((ssl.SSLError, Closed, ConnectionError)):
        ask(node, client(authority), "bill/1", bearer(TOKEN))


def test_plain_and_old_and_silent_peers_get_nothing(run, authority):
    node = run()
    address = node._host_port(node.addresses["publishers"][0])
    with Connection(address) as c:
        assert b"HTTP" not in c.send(b"GET / HTTP/1.1\r\nHost: c\r\n\r\n").read_to_close()
    old = client(authority)
    old.minimum_version = ssl.TLSVersion.TLSv1
    old.maximum_version = ssl.TLSVersion.TLSv1_1
    with pytest.raises((ssl.SSLError, ConnectionError)):
        Connection(address, tls=old, server_name="control.test")
    half = [socket.create_connection(address, PATIENCE) for _ in range(5)]
    for s in half:
        s.sendall(b"\x16\x03\x01\x02\x00\x01")  # a handshake that never goes on
    assert ask(node, client(authority), "news", bearer(TOKEN)).status == 200
    for s in half:
        s.close()


def test_certificates_change_without_a_restart(run, authority, tmp_path):
    node = run()

    def serial():
        with Connection(node._host_port(node.addresses["publishers"][0]), tls=client(authority), server_name="control.test") as c:
            return c.socket.getpeercert()["serialNumber"]
    before = serial()
    key = tmp_path / "control.test.key"
    good = key.read_bytes()
    key.write_bytes(b"nonsense")
    eventually(lambda: "the old ones stay" in node.log(), what="the bad key in the log")
    assert serial() == before
    key.write_bytes(good)
    authority.issue("control.test", "control.test")
    eventually(lambda: serial() != before, what="the new certificate")


def test_wrong_files_are_named(tmp_path):
    said = refusal(tmp_path, http={"address": "127.0.0.1:0", "tls": {"cert": "nowhere.crt", "key": "nowhere.key"}})
    assert "control.http.tls: cert " in said and "nowhere.crt" in said
    said = refusal(tmp_path, http={"address": "127.0.0.1:0", "tls": {"client_ca": "nowhere.crt"}})
    assert "control.http.tls: " in said
