"""Who may use the control side: tokens, signed tokens, rights, rates, and keys that change."""
import base64
import hashlib
import hmac
import json
import signal
import socket
import subprocess
import time
import urllib.parse

import grpc
import jwt
import pytest
from api import Client, pb
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from kit import BINARY, Connection, Node, eventually
from pubcontrol import PubControlClient, Item
from gripcontrol import GripPubControl, HttpStreamFormat, parse_grip_uri
from test_doors import watch

MASTER = "a-token-that-may-do-everything"
BILLING = "the-token-of-the-billing-team"
READER = "the-token-of-somebody-who-reads"
SECRET = "a secret of thirty-two characters"
ROUTES = [{"path": "/e/{channel}", "hold": {"mode": "stream", "channels": ["{channel}"]}}]
EC_KEY, RSA_KEY = ec.generate_private_key(ec.SECP256R1()), rsa.generate_private_key(public_exponent=65537, key_size=2048)


def public_pem(key):
    return key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


@pytest.fixture
def keys(tmp_path):
    (tmp_path / "tokens").write_text(MASTER + "\n")
    (tmp_path / "realm.pem").write_bytes(public_pem(RSA_KEY))
    jwk = json.loads(jwt.algorithms.ECAlgorithm.to_jwk(EC_KEY.public_key()))
    (tmp_path / "id.jwks").write_text(json.dumps({"keys": [{**jwk, "kid": "one", "use": "sig"}]}))
    return tmp_path


@pytest.fixture
def node(start, keys):
    return start(routes=ROUTES, control={
        "http": {"address": "127.0.0.1:0", "token_file": str(keys / "tokens")},
        "auth": {
            "callers": [{"name": "billing", "token": BILLING, "publish": ["bill/"]}, {"name": "reader", "token": READER, "read": ["news"]}],
            "jwt": [{"issuer": "realm", "key_file": str(keys / "realm.pem"), "audience": "holdfast"},
                    {"issuer": "id", "jwks_file": str(keys / "id.jwks"), "audience": "holdfast", "operate": True},
                    {"issuer": "grip", "secret": SECRET}]}})


def bearer(token):
    return [("Authorization", "Bearer " + token)]


def signed(key=RSA_KEY, algorithm="RS256", headers=None, **claims):
    claims = {"iss": "realm", "aud": "holdfast", "exp": int(time.time()) + 60, **claims}
    return jwt.encode({k: v for k, v in claims.items() if v is not None}, key, algorithm, headers)


def items(*channels):
    return json.dumps({"items": [{"channel": c, "http-stream": {"content": "x"}} for c in channels]}).encode()


ENDPOINTS = [("POST", "/publish/", items("news")), ("POST", "/publish", items("news")), ("POST", "/recover", b""), ("GET", "/", b""),
             ("POST", "/v1/publish", items("news")), ("POST", "/v1/recover", b""), ("GET", "/v1/nodes", b""), ("POST", "/v1/nodes/x/drain", b""),
             ("GET", "/v1/channels", b""), ("GET", "/v1/channels/news", b""), ("GET", "/v1/channels/news/items", b""), ("GET", "/v1/connections", b""),
             ("POST", "/v1/connections/x/refresh", b""), ("POST", "/v1/connections/x/disconnect", b""), ("GET", "/nowhere", b"")]


def unsigned():
    part = lambda data: base64.urlsafe_b64encode(json.dumps(data).encode()).rstrip(b"=").decode()
    return part({"alg": "none"}) + "." + part({"iss": "realm", "aud": "holdfast", "exp": int(time.time()) + 60}) + "."


def confused():
    """The public key as the secret of an HMAC. PyJWT refuses to make this."""
    part = lambda data: base64.urlsafe_b64encode(data).rstrip(b"=").decode()
    text = part(b'{"alg":"HS256"}') + "." + part(json.dumps({"iss": "realm", "aud": "holdfast", "exp": int(time.time()) + 60}).encode())
    return text + "." + part(hmac.new(public_pem(RSA_KEY), text.encode(), hashlib.sha256).digest())


def bad_credentials():
    rights = {"holdfast": {"publish": [""], "read": [""], "operate": True}}
    return {
        "none": [],
        "another scheme": [("Authorization", "Basic " + base64.b64encode(MASTER.encode()).decode())],
        "wrong token": bearer(MASTER[:-1]),
        "longer token": bearer(MASTER + "x"),
        "expired": bearer(signed(exp=int(time.time()) - 120, **rights)),
        "not yet": bearer(signed(nbf=int(time.time()) + 600, **rights)),
        "for years": bearer(signed(exp=int(time.time()) + 10**8, **rights)),
        "without an end": bearer(signed(exp=None, **rights)),
        "foreign audience": bearer(signed(aud="another service", **rights)),
        "foreign issuer": bearer(signed(iss="somebody", **rights)),
        "another's key": bearer(signed(rsa.generate_private_key(public_exponent=65537, key_size=2048), **rights)),
        "unknown kid": bearer(signed(EC_KEY, "ES256", {"kid": "two"}, iss="id", **rights)),
        "no algorithm": bearer(unsigned()),
        "confused algorithm": bearer(confused()),
        "huge": bearer("x." * 6000),
    }


def test_no_endpoint_is_open_without_credentials(node):
    stream = node.get("/e/news")
    for method, path, body in ENDPOINTS:
        for what, fields in bad_credentials().items():
            answer = node.control(method, path, body, fields)
            assert answer.status == 401, (method, path, what, answer.body)
            challenge = answer.headers["www-authenticate"]
            assert challenge.startswith('Bearer realm="holdfast"') and ("error=" in challenge) == bool(fields), challenge
            if path.startswith("/v1/"):
                assert answer.headers["content-type"] == "application/problem+json" and json.loads(answer.body)["status"] == 401
    assert node.metrics()["holdfast_published_items_total"] == 0
    sentinel = json.dumps({"items": [{"channel": "news", "http-stream": {"content": "sentinel\n"}}]}).encode()
    assert node.control("POST", "/publish/", sentinel, bearer(MASTER)).status == 200
    assert b"data: x" not in stream.until("sentinel")
    log = node.log()
    assert log.count("a caller was refused") >= 20 and "lines_left_out" in log
    assert MASTER not in log and BILLING not in log and "eyJ" not in log


def test_a_caller_may_do_what_its_entry_says_and_is_told_403_for_the_rest(node):
    publish = lambda token, *channels: node.control("POST", "/publish/", items(*channels), bearer(token))
    assert publish(MASTER, "news", "bill/1").status == 200
    assert publish(BILLING, "bill/1").status == 200
    before = node.metrics()["holdfast_published_items_total"]
    for token, channels, named in ((BILLING, ("news",), b"news"), (BILLING, ("bill/1", "news"), b"news"), (BILLING, ("bill",), b"bill"),
                                   (READER, ("news",), b"news"), (signed(), ("news",), b"news")):
        answer = publish(token, *channels)
        assert answer.status == 403 and b"may not publish to channel " + named in answer.body, answer.body
        assert "insufficient_scope" in answer.headers["www-authenticate"]
    assert node.metrics()["holdfast_published_items_total"] == before
    for token, method, path, status in ((BILLING, "POST", "/recover", 403), (BILLING, "GET", "/v1/nodes", 403), (BILLING, "GET", "/v1/channels/news", 403),
                                        (READER, "GET", "/v1/channels/news", 200), (READER, "GET", "/v1/channels", 403),
                                        (READER, "GET", "/v1/channels?prefix=news", 200), (BILLING, "POST", "/v1/connections/x/disconnect", 403),
                                        (MASTER, "POST", "/v1/connections/x/disconnect", 404), (MASTER, "GET", "/v1/nodes", 200)):
        answer = node.control(method, path, b"", bearer(token))
        assert answer.status == status, (token, path, answer.body)
    assert "caller=billing action=publish target=news" in node.log()


def test_claims_give_rights(node):
    publish = lambda token, channel: node.control("POST", "/publish/", items(channel), bearer(token)).status
    token = signed(sub="shop", holdfast={"publish": ["shop/"]})
    assert publish(token, "shop/1") == 200 and publish(token, "news") == 403
    operator = signed(EC_KEY, "ES256", {"kid": "one"}, iss="id", sub="ann", holdfast={"operate": True})
    assert node.control("GET", "/v1/nodes", b"", bearer(operator)).status == 200
    assert node.control("POST", "/recover", b"", bearer(operator)).status == 200
    assert publish(operator, "news") == 403
    assert "an operator acted" in node.log() and "caller=ann action=recover" in node.log()
    # An issuer whose entry does not say so makes no operators.
    assert node.control("GET", "/v1/nodes", b"", bearer(signed(holdfast={"operate": True}))).status == 403


@pytest.mark.parametrize("key", [SECRET, "base64:" + base64.b64encode(SECRET.encode()).decode()])
def test_published_libraries_publish_with_iss_and_key(node, key):
    stream = node.get("/e/news")
    address = "http://" + node.addresses["publishers"][0].split("//", 1)[1]
    pub = GripPubControl(parse_grip_uri(address + "/?iss=grip&key=" + urllib.parse.quote(key)))
    pub.publish_http_stream("news", HttpStreamFormat("from a library\n"), blocking=True)
    stream.until("from a library")
    wrong = PubControlClient(address)
    wrong.set_auth_jwt({"iss": "grip"}, "another secret of 32 characters!")
    with pytest.raises(Exception, match="401"):
        wrong.publish("news", Item(HttpStreamFormat("never\n")), blocking=True)


def test_keys_change_without_a_restart(node, keys):
    status = lambda token: node.control("GET", "/v1/nodes", b"", bearer(token)).status
    fresh = "a-fresh-token-that-comes-later"
    assert (status(MASTER), status(fresh)) == (200, 401)
    (keys / "tokens").write_text(MASTER + "\n" + fresh + "\n")
    eventually(lambda: status(fresh) == 200, what="the new token")
    (keys / "tokens").write_text("short\n")
    eventually(lambda: "the old ones stay" in node.log(), what="the bad file in the log")
    assert (status(MASTER), status(fresh)) == (200, 200)
    (keys / "tokens").write_text(fresh + "\n")
    node.signal(signal.SIGHUP)
    eventually(lambda: status(MASTER) == 401, what="the old token's end")
    assert status(fresh) == 200
    other = ec.generate_private_key(ec.SECP256R1())
    token = signed(other, "ES256", {"kid": "two"}, iss="id", holdfast={"operate": True})
    assert status(token) == 401
    (keys / "id.jwks").write_text(json.dumps({"keys": [{**json.loads(jwt.algorithms.ECAlgorithm.to_jwk(other.public_key())), "kid": "two"}]}))
    eventually(lambda: status(token) == 200, what="the new key of the set")
    assert status(signed(EC_KEY, "ES256", {"kid": "one"}, iss="id", holdfast={"operate": True})) == 401


def test_an_open_stream_ends_with_its_readers_credentials(start):
    node = start(routes=ROUTES, control={"http": {"address": "127.0.0.1:0"},
                                         "auth": {"jwt": [{"issuer": "grip", "secret": SECRET, "read": [""], "default_rights": "all", "leeway": "0s"}]}})
    token = signed(SECRET, "HS256", iss="grip", aud=None, exp=int(time.time()) + 2)
    with watch(node, "news", headers=bearer(token)) as reader, Client(node) as client:
        events = client.Subscribe(pb.SubscribeRequest(channel="news"), metadata=[("authorization", "Bearer " + token)])
        assert reader.next()[0] == "live" and next(events).HasField("live")
        name, _, data = reader.next()
        assert (name, data["reason"]) == ("ended", "the credentials of its reader have ended") and reader.next() is None
        assert next(events).ended.reason == data["reason"]
        with pytest.raises(grpc.RpcError) as fault:
            next(events)
        assert fault.value.code() == grpc.StatusCode.UNAUTHENTICATED
    eventually(lambda: node.metrics()["holdfast_subscriptions"] == 0)


def test_a_pad_of_the_status_page_gives_nobody_elses_rights(start):
    node = start(routes=ROUTES, metrics={"address": "0.0.0.0:0"}, control={
        "http": {"address": "127.0.0.1:0"},
        "auth": {"callers": [{"name": "reader", "token": READER, "read": ["news"]}, {"name": "billing", "token": BILLING, "read": ["bill/"]}]}})

    def items_of(token):
        with Connection(("127.0.0.1", int(node.addresses["metrics"][0].rsplit(":", 1)[1].split("/")[0]))) as c:
            fields = "".join("%s: %s\r\n" % f for f in [*bearer(token), ("X-Holdfast-Page", "status")])
            response = c.send("GET /status/items?channel=news&pad=one HTTP/1.1\r\nHost: m\r\nConnection: close\r\n%s\r\n" % fields).response()
            response.read()
            return response.status
    assert items_of(READER) == 200
    assert items_of(BILLING) == 403


def test_a_caller_over_its_rate_is_told_when_to_try_again(start):
    node = start(control={"http": {"address": "127.0.0.1:0"},
                          "auth": {"callers": [{"name": "slow", "token": BILLING, "publish": [""], "rate": 1, "burst": 3},
                                               {"name": "free", "token": READER, "publish": [""]}]}})
    publish = lambda token, *channels: node.control("POST", "/publish/", items(*channels), bearer(token))
    assert publish(BILLING, "a", "b", "c").status == 200
    answer = publish(BILLING, "a", "b", "c")
    assert answer.status == 429 and int(answer.headers["retry-after"]) in (2, 3) and b"slow publishes too much" in answer.body
    assert publish(READER, "a").status == 200
    metrics = node.metrics()
    assert metrics["holdfast_publish_throttled_total"] == 1 and metrics["holdfast_published_items_total"] == 4


def refusal(tmp_path, **control):
    """What a node that does not start says."""
    config = {"listen": [{"address": "127.0.0.1:0"}], "metrics": {"address": "127.0.0.1:0"}, "loops": 1, "control": control}
    file = tmp_path / "holdfast.yaml"
    file.write_text(json.dumps(config))
    done = subprocess.run([BINARY, "serve", "--config", str(file)], capture_output=True, text=True, timeout=30)
    assert done.returncode == 2, done.stdout
    return done.stderr


def test_a_door_that_others_reach_does_not_open_without_callers(tmp_path):
    assert "control.http.allow_anonymous" in refusal(tmp_path, http={"address": "0.0.0.0:0"})
    tokens = {"callers": [{"name": "a", "token": MASTER}]}
    free = socket.create_server(("127.0.0.1", 0))
    port = free.getsockname()[1]
    free.close()
    pull = "tcp://127.0.0.1:%d" % port
    assert "message sockets know no passwords" in refusal(tmp_path, http={"address": "127.0.0.1:0"}, auth=tokens, zmq={"pull": pull})
    assert "use a loopback address" in refusal(tmp_path, http={"address": "127.0.0.1:0"}, zmq={"pull": "tcp://0.0.0.0:%d" % port})
    node = Node(control={"http": {"address": "127.0.0.1:0"}, "auth": tokens, "zmq": {"pull": "tcp://127.0.0.1:*", "allow_anonymous": True}})
    node.stop()


def test_wrong_keys_are_named_with_their_line(tmp_path):
    http = {"address": "127.0.0.1:0"}
    for auth, text in (({"callers": [{"name": "a"}]}, "control.auth.callers[0]: needs one of token, token_file and certificate"),
                       ({"callers": [{"token": MASTER}]}, "control.auth.callers[0]"),
                       ({"callers": [{"name": "a", "token": MASTER, "rigths": []}]}, "rigths"),
                       ({"callers": [{"name": "a", "token": MASTER, "rate": -1}]}, "rate"),
                       ({"jwt": [{"issuer": "x"}]}, "control.auth.jwt[0]: needs one of secret, key_file and jwks_file"),
                       ({"jwt": [{"key_file": "nowhere.pem"}]}, str(tmp_path / "nowhere.pem")),
                       ({"jwt": [{"secret": SECRET, "default_rights": "some"}]}, "one of: none, publish, all")):
        said = refusal(tmp_path, http=http, auth=auth)
        assert "holdfast.yaml:1" in said and text in said, said
    check = subprocess.run([BINARY, "check-config", "--config", str(tmp_path / "holdfast.yaml")], capture_output=True, text=True)
    assert check.returncode == 2 and "none, publish, all" in check.stderr
    file = tmp_path / "secrets.yaml"
    file.write_text(json.dumps({"control": {"auth": {"callers": [{"name": "a", "token": MASTER}], "jwt": [{"secret": SECRET}]}}}))
    printed = subprocess.run([BINARY, "print-config", "--config", str(file)], capture_output=True, text=True)
    assert printed.returncode == 0 and "control.auth.callers" in printed.stdout
    assert MASTER not in printed.stdout and SECRET not in printed.stdout
