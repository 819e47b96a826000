"""What is asked of Pushpin and of an imported node: routes files, settings beside the sample's, and requests to both.

In routes, {a} and {b} are backends and {closed} is a port where nobody listens.
"""
import base64
import hashlib
import hmac
import json
import queue
import re
import time

from kit import Closed, reply
from ws import Frames, WebSocket, accept_of, echo, event, events, events_of, subscribe

KEYS = {"changeme": b"changeme", "route-key": b"route-key", "upstream": b"upstream-key"}
FUTURE = int(time.time()) + 3600


def token(key, claims):
    part = lambda data: base64.urlsafe_b64encode(data).rstrip(b"=")
    text = part(b'{"alg":"HS256","typ":"JWT"}') + b"." + part(json.dumps(claims).encode())
    return (text + b"." + part(hmac.new(key, text, hashlib.sha256).digest())).decode()


# ---- backends

HOLDS = {
    "hold": [("Grip-Hold", "response"), ("Grip-Channel", "news")],
    "stream": [("Grip-Hold", "stream"), ("Grip-Channel", "news")],
    "bad": [("Grip-Hold", "whatever")],
    "json": [("Content-Type", "application/json"), ("X-Other", "1")],
}


def backend_answer(name):
    """Says who it is; the last part of the path asks for more."""

    def answer(request, connection):
        last = request.target.split("?")[0].split("/")[-1]
        if request.headers.get("upgrade", "").lower() == "websocket":
            return talk(request, connection)
        if request.headers.get("content-type") == "application/websocket-events":
            got = events_of(request.body)
            opening = [event("OPEN"), subscribe("chat")] if ("OPEN", b"") in got else []
            return events(*opening, *[event(kind, content) for kind, content in got if kind in ("TEXT", "BINARY", "CLOSE")],
                          headers=[("Sec-WebSocket-Extensions", "grip; message-prefix=\"\"")] if opening else [])
        if last == "drop":
            return None
        return reply("%s: %s %s\n" % (name, request.method, request.target), headers=[*HOLDS.get(last, ()), ("X-Backend", name)], reason="OK")

    def talk(request, connection):
        lines = ["HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade",
                 "Sec-WebSocket-Accept: " + accept_of(request.headers["sec-websocket-key"]), "", ""]
        connection.send("\r\n".join(lines))
        echo(Frames(connection, client=False), request)

    return answer


# ---- what is compared

# Of this connection, of the moment, or of the library that Pushpin 1.36 sends with.
IGNORED = {"connection", "keep-alive", "transfer-encoding", "content-length", "date", "accept-encoding", "sec-websocket-key",
           "sec-websocket-accept", "sec-websocket-version", "upgrade"}


class Recorder:
    """The backends' view, in words that are the same in every run."""

    def __init__(self, backends, closed):
        self.backends, self.closed = backends, closed

    def forget(self):
        for backend in self.backends.values():
            while not backend.requests.empty():
                backend.requests.get()

    def taken(self, most=None):
        out = []
        for name, backend in self.backends.items():
            while True:
                try:
                    out.append(self.request(name, backend.requests.get_nowait()))
                except queue.Empty:
                    break
        return out[:most]

    def request(self, name, request):
        return {"to": name, "method": request.method, "target": request.target, "body": self.plain(request.body.decode("latin-1")),
                "headers": self.headers(request.fields)}

    def headers(self, fields):
        return sorted([name.lower(), self.value(name.lower(), value)] for name, value in fields if name.lower() not in IGNORED)

    def value(self, name, value):
        if name == "grip-sig":
            return self.signature(value)
        if name in ("grip-feature", "connection-id"):
            return "(given)"
        return self.plain(value)

    def plain(self, text):
        for name, backend in self.backends.items():
            text = text.replace(str(backend.port), "{%s}" % name)
        text = text.replace(str(self.closed), "{closed}")
        text = re.sub(r'"entropy":\s*\d+', '"entropy": 1', text)
        return self.jsonp(text) if text.startswith("/**/") else text

    @staticmethod
    def jsonp(text):
        """The object of an extended answer in one spelling, without the length that only one of them tells."""
        callback, _, rest = text.partition("(")
        try:
            answer = json.loads(rest.rstrip().removesuffix(");"))
            answer["headers"].pop("Content-Length", None)
            return "%s(%s)" % (callback, json.dumps(answer, sort_keys=True))
        except (ValueError, KeyError, TypeError):
            return text

    @staticmethod
    def signature(value):
        head, claims, signature = value.split(".")
        got = base64.urlsafe_b64decode(signature + "==")
        signer = [k for k, key in KEYS.items() if hmac.new(key, (head + "." + claims).encode(), hashlib.sha256).digest() == got]
        return "by %s with %s" % (json.loads(base64.urlsafe_b64decode(claims + "==")).get("iss"), signer)


class Ask:
    """One request to a proxy, and what comes of it."""

    def __init__(self, name, target, host="app.test", method="GET", headers=(), body=b"", channel=None, texts=None):
        self.name, self.target, self.host, self.method, self.headers, self.body = name, target, host, method, list(headers), body
        self.channel = channel  # a hold: publish there
        self.texts = texts      # a WebSocket: send these

    def run(self, proxy, recorder):
        """Asks again while Pushpin's parts have not found each other yet."""
        for _ in range(100):
            recorder.forget()
            out = self.socket(proxy, recorder) if self.texts is not None else self.http(proxy, recorder)
            if out["status"] != 500:
                return out
        raise AssertionError("%s: 500 for ever" % self.name)

    def http(self, proxy, recorder):
        lines = ["%s %s HTTP/1.1" % (self.method, self.target), "Host: " + self.host, "Accept: text/plain", "User-Agent: test"]
        lines += ["%s: %s" % h for h in self.headers] + (["Content-Length: %d" % len(self.body)] if self.body else [])
        with proxy.connect() as c:
            c.send("\r\n".join(lines).encode() + b"\r\n\r\n" + self.body)
            if self.channel:
                response = self.held(c, proxy)
            else:
                response = c.response(self.method)
                response.read()
        return {"status": response.status, "reason": response.reason, "headers": recorder.headers(response.fields),
                "body": recorder.plain(response.body.decode("latin-1")), "backend": recorder.taken(1 if self.channel else None)}

    def held(self, connection, proxy):
        """Publishes until it arrives: nobody says when a hold is there."""
        response = None
        for _ in range(100):
            publish(proxy, self.channel)
            try:
                if response is None:
                    connection._fill(time.monotonic() + 0.1)
                    response = connection.response()
                if "content-length" in response.headers:
                    response.read()
                    return response
                response.until("pushed\n", 0.1)
                response.body = response.body[:response.body.index(b"pushed\n") + 7]
                return response
            except TimeoutError:
                pass
        raise AssertionError("%s: what was published to %s did not come" % (self.name, self.channel))

    def socket(self, proxy, recorder):
        got = []
        ws = HostSocket(proxy, self.target, self.host, self.headers)
        with ws.connection:
            out = {"status": ws.response.status}
            if not ws.opened:
                ws.response.read()
                out["body"] = recorder.plain(ws.response.body.decode("latin-1"))
            else:
                for text in self.texts:
                    ws.text(text)
                    got.append(ws.recv()[1].decode())
                if self.channel:
                    got.append(self.pushed(ws, proxy))
                ws.close_frame(1000)
                try:
                    got.append("close %d" % ws.expect_close())
                except Closed:
                    got.append("closed")
        out["messages"] = got
        seen = recorder.taken()
        out["backend"] = seen[:1] if seen else []
        out["events"] = [r["body"] for r in seen if ["content-type", "application/websocket-events"] in r["headers"] and r["body"]
                         and "DISCONNECT" not in r["body"]]
        return out

    def pushed(self, ws, proxy):
        for _ in range(100):
            publish(proxy, self.channel)
            try:
                return ws.recv(0.1)[1].decode()
            except TimeoutError:
                pass
        raise AssertionError("%s: what was published to %s did not come" % (self.name, self.channel))


class HostSocket(WebSocket):
    def __init__(self, proxy, target, host, headers):
        class AtHost:
            @staticmethod
            def connect(index):
                connection = proxy.connect()
                send = connection.send
                connection.send = lambda data: send(data.replace(b"Host: app.test", b"Host: " + host.encode(), 1))
                return connection
        super().__init__(AtHost, target, headers)
        del self.connection.send


def publish(proxy, channel):
    formats = {"http-response": {"body": "pushed\n"}, "http-stream": {"content": "pushed\n"}, "ws-message": {"content": "pushed"}}
    answer = proxy.control("POST", "/publish/", json.dumps({"items": [{"channel": channel, "formats": formats}]}).encode())
    assert answer.status == 200, answer.body


class Case:
    def __init__(self, name, routes, asks, conf=None):
        self.name, self.routes, self.asks, self.conf = name, "\n".join(routes) + "\n", asks, conf or {}

    def __repr__(self):
        return self.name


CASES = [
    Case("sample", ["* test"], [
        Ask("get", "/"), Ask("path and query", "/a/b?c=d"), Ask("post", "/", method="POST", body=b"x=1"), Ask("head", "/", method="HEAD"),
        Ask("websocket", "/", texts=["hello", "again"]), Ask("another host", "/", host="elsewhere.test:8080"),
        Ask("response", "/response", channel="test"), Ask("stream", "/stream/", channel="test"), Ask("own channel", "/stream?channel=mine", channel="mine"),
        Ask("post and hold", "/response?a=b&channel=mine", method="POST", body=b"x=1", channel="mine"), Ask("below", "/stream/x"),
        Ask("websocket that listens", "/ws", texts=["hello", "again"], channel="test"), Ask("its own channel", "/ws?channel=mine", texts=["a"], channel="mine"),
    ]),
    Case("test below a path", ["*,path_beg=/try test", "*,path_beg=/slash/ test", "* {a}"], [
        Ask("nothing left", "/try"), Ask("greets", "/try/"), Ask("stream", "/try/stream", channel="test"), Ask("not there", "/try/no"), Ask("beside", "/other"),
        Ask("websocket", "/try/ws", texts=["a"], channel="test"), Ask("with a slash", "/slash/stream", channel="test"), Ask("with two", "/slash//stream"),
    ]),
    Case("domains", [
        "# who is who", "", "app.test   {a}   # the first", "other.test {b}", "part.test,path_beg=/x {a}", "fqdn.example {b}", "* test",
    ], [
        Ask("its domain", "/"), Ask("in capitals", "/", host="APP.Test"), Ask("with a port", "/", host="app.test:1234"),
        Ask("another", "/", host="other.test"), Ask("no fall-back", "/", host="part.test"), Ask("its part", "/x", host="part.test"),
        Ask("below its part", "/xyz/1?q", host="part.test"), Ask("any", "/q", host="unknown.test"), Ask("sub domain", "/", host="www.app.test"),
        Ask("post", "/form", method="POST", body=b"a=b&c=d", headers=[("Content-Type", "application/x-www-form-urlencoded")]),
        Ask("put", "/doc", method="PUT", body=b"\x00\x01\xff"), Ask("delete", "/doc", method="DELETE"), Ask("head", "/", method="HEAD"),
        Ask("options", "/", method="OPTIONS"), Ask("repeated headers", "/", headers=[("X-A", "1"), ("X-A", "2"), ("Cookie", "a=b")]),
    ]),
    Case("paths", [
        "* {a}", "*,path_beg=/api/ {a}", "*,path_beg=/api/v2/ {b}", "*,path_beg=/strip/,path_rem=6 {b}", "*,path_beg=/old/,replace_beg=/new/deep/ {b}",
        "*,path_beg=/gone,replace_beg= {b}", "*,path_beg=/both/,path_rem=1,replace_beg=/won/ {b}", "*,path_beg=/enc%20oded {b}",
    ], [
        Ask("root", "/"), Ask("api", "/api/x"), Ask("without its slash", "/api"), Ask("longest", "/api/v2/x?y=z"), Ask("strip", "/strip/me?a=/strip/"),
        Ask("replace", "/old/one/two?three"), Ask("empty replacement", "/gone/away"), Ask("nothing left", "/gone"),
        Ask("replace beats strip", "/both/x"), Ask("encoded", "/enc%20oded/x%2fy"), Ask("other encoding", "/%61pi/v2/x"), Ask("double slash", "//api/v2/x"),
    ]),
    Case("protocols", [
        "app.test,proto=ws {b},over_http", "app.test,proto=http {a}", "plain.test,ssl=no {a}", "plain.test,ssl=yes {b}", "only.test,ssl=yes {b}",
        "native.test {b}", "httponly.test,proto=http {a}", "wsonly.test,proto=ws {b}",
    ], [
        Ask("http", "/"), Ask("websocket over http", "/chat", texts=["one", "two"]), Ask("native websocket", "/echo?x=1", host="native.test", texts=["one", ""]),
        Ask("plain", "/", host="plain.test"), Ask("said to be secure", "/", host="plain.test", headers=[("X-Forwarded-Proto", "https")]),
        Ask("only secure", "/", host="only.test"), Ask("only secure, said so", "/", host="only.test", headers=[("X-Forwarded-Proto", "https")]),
        Ask("no websocket here", "/", host="httponly.test", texts=["x"]), Ask("nothing else here", "/", host="wsonly.test"),
        Ask("published to", "/chat", texts=["one"], channel="chat"),
    ], {"proxy": {"accept_x_forwarded_protocol": "true"}}),
    Case("targets", [
        "app.test 127.0.0.1:{closed} {a}", "first.test {a} {b}", "host.test {a},host=inner.test", "port.test {a},host=inner.test:8080",
        "as.test,as_host=outer.test:81 {a}", "both.test,as_host=outer.test {a},host=inner.test", "none.test 127.0.0.1:{closed}",
        "test.test test", "fall.test 127.0.0.1:{closed} test", "trust.test {a},trust_connect_host,insecure,one_event",
    ], [
        Ask("second target", "/"), Ask("second, with a body", "/", method="POST", body=b"0123456789" * 50), Ask("first target", "/", host="first.test"),
        Ask("host", "/", host="host.test"), Ask("host and port", "/", host="port.test"), Ask("as_host", "/", host="as.test"),
        Ask("as_host and host", "/", host="both.test"), Ask("none", "/", host="none.test"), Ask("test", "/x", host="test.test"),
        Ask("falls to test", "/", host="fall.test"), Ask("other options", "/", host="trust.test"),
        Ask("websocket to the second", "/", texts=["hello"]), Ask("websocket to none", "/", host="none.test", texts=[]),
        Ask("websocket to test", "/", host="test.test", texts=["hello"]), Ask("dies", "/drop", host="first.test"),
    ]),
    Case("holds", [
        "app.test {a}", "prefix.test,prefix=p- {a}", "sub.test {a},sub=everyone", "ws.test {b},over_http", "wsprefix.test,prefix=q- {b},over_http",
        "wssub.test {b},sub=implied,sub=other", "nogrip.test,no_grip {a}",
    ], [
        Ask("response", "/hold", channel="news"), Ask("stream", "/stream", channel="news"),
        Ask("prefixed response", "/hold", host="prefix.test", channel="p-news"), Ask("prefixed stream", "/stream", host="prefix.test", channel="p-news"),
        Ask("implied channel", "/hold", host="sub.test", channel="everyone"), Ask("and its own", "/stream", host="sub.test", channel="news"),
        Ask("websocket", "/chat", host="ws.test", texts=["one"], channel="chat"),
        Ask("prefixed websocket", "/chat", host="wsprefix.test", texts=["one"], channel="q-chat"),
        Ask("implied, native", "/", host="wssub.test", texts=["one"], channel="other"),
        Ask("bad instruction", "/bad"), Ask("no grip", "/json", host="nogrip.test"),
    ]),
    Case("cross origin", [
        "app.test,aco {a}", "basic.test,aco,jsonp_mode=basic {a}", "cb.test,aco,jsonp_cb=cb,jsonp_body=b {a}", "def.test,aco,jsonp_defcb=fallback,jsonp_body=b {a}",
        "method.test,aco,jsonp_defmethod=PUT {a}", "off.test {a}",
    ], [
        Ask("get", "/json", headers=[("Origin", "http://page.test")]), Ask("no origin", "/json"),
        Ask("preflight", "/json", method="OPTIONS", headers=[("Origin", "http://page.test"), ("Access-Control-Request-Method", "PUT"),
                                                             ("Access-Control-Request-Headers", "X-Mine")]),
        Ask("jsonp", "/json?callback=cb&x=1"), Ask("jsonp with a method", "/json?callback=cb&_method=POST&_body=hello"),
        Ask("jsonp with headers", "/json?callback=cb&_headers=%7B%22X-Mine%22%3A%22v%22%7D"), Ask("basic", "/json?callback=cb", host="basic.test"),
        Ask("basic with a body", "/json?callback=cb&_body=%7B%7D", host="basic.test"), Ask("own names", "/json?cb=f&b=%7B%22a%22%3A1%7D", host="cb.test"),
        Ask("own names, not given", "/json?callback=f", host="cb.test"), Ask("default callback", "/json?b=%7B%7D", host="def.test"),
        Ask("default method", "/json?callback=f", host="method.test"), Ask("off", "/json?callback=f", host="off.test", headers=[("Origin", "http://page.test")]),
        Ask("bad method", "/json?callback=cb&_method=(", ), Ask("empty callback", "/json?callback=", ),
        Ask("held", "/hold?callback=cb", channel="news"),
    ]),
    Case("ids", [
        "app.test,id=main {a}", "app.test,id=part,path_beg=/part {b}", "other.test,id=named {b}", "twice.test,id=two {a}", "twice2.test,id=two {b}", "* test",
    ], [
        Ask("by domain", "/"), Ask("by id", "/", headers=[("Pushpin-Route", "named")]), Ask("by id, from a stranger", "/x", host="unknown.test",
                                                                                            headers=[("Pushpin-Route", "main")]),
        Ask("its own", "/part/x"), Ask("unknown id", "/", headers=[("Pushpin-Route", "nothing")]),
        Ask("websocket by id", "/", headers=[("Pushpin-Route", "named")], texts=["x"]),
    ], {"proxy": {"accept_pushpin_route": "true"}}),
    Case("headers", [
        'app.test,header="X-Set: a, b # c",header="User-Agent: proxy" {a}', 'quote.test,header="X-Q: say \\"hi\\" \\\\" {a}', "gone.test,header=X-Gone: {a}",
        'whole.test,"header=X-Whole: in quotes" {a}', "orig.test,orig_headers {a}", "orig2.test,orig_headers,header=X-Mine:set {a}",
    ], [
        Ask("set", "/", headers=[("X-Set", "client's")]), Ask("quoted", "/", host="quote.test"), Ask("removed", "/", host="gone.test", headers=[("X-Gone", "1"), ("X-Stays", "2")]),
        Ask("whole", "/", host="whole.test"), Ask("originals", "/", host="orig.test", headers=[("X-Mine", "1")]),
        Ask("originals and set", "/", host="orig2.test", headers=[("X-Mine", "1")]), Ask("forwarded for", "/", headers=[("X-Forwarded-For", "1.1.1.1, 2.2.2.2")]),
        Ask("twice forwarded", "/", headers=[("X-Forwarded-For", "1.1.1.1"), ("X-Forwarded-For", "2.2.2.2, 3.3.3.3")]),
        Ask("a client's grip", "/", headers=[("Grip-Last", "a; last-id=b"), ("Grip-Feature", "x")]), Ask("forged mark", "/", headers=[("eb9bf0f5-X-Mine", "forged")]),
        Ask("hop by hop", "/", headers=[("Keep-Alive", "5"), ("TE", "trailers"), ("X-Forwarded-Proto", "https")]),
    ], {"proxy": {"x_forwarded_for": "truncate:1,append"}}),
    Case("signatures", [
        "app.test {a}", "own.test,sig_iss=route,sig_key=route-key {a}", "base64.test,sig_iss=route,sig_key=base64:cm91dGUta2V5 {a}",
        "debug.test,debug {a} 127.0.0.1:{closed}", "debugnone.test,debug 127.0.0.1:{closed}", "nobug.test 127.0.0.1:{closed}",
    ], [
        Ask("the node's", "/"), Ask("the route's", "/", host="own.test"), Ask("in base64", "/", host="base64.test"),
        Ask("trusted", "/stream", headers=[("Grip-Sig", token(KEYS["upstream"], {"iss": "up", "exp": FUTURE}))]),
        Ask("expired", "/", headers=[("Grip-Sig", token(KEYS["upstream"], {"iss": "up", "exp": 1}))]),
        Ask("forged", "/", headers=[("Grip-Sig", token(b"guess", {"iss": "up", "exp": FUTURE}))]),
        Ask("without exp", "/", headers=[("Grip-Sig", token(KEYS["upstream"], {"iss": "up"}))]),
        Ask("debug: bad instruction", "/bad", host="debug.test"), Ask("debug: no target", "/", host="debugnone.test"), Ask("no debug: no target", "/", host="nobug.test"),
    ], {"proxy": {"upstream_key": "upstream-key", "sig_iss": "me"}}),
    Case("sockjs and mistakes", [
        "sj.test,sockjs=/sj {b}", "as.test,sockjs=/sj,sockjs_as_path=/other {b},over_http", "bad.test,proto=ftp {a}", "bad.test {b}", "noport.test 127.0.0.1", "noport.test {a}",
        "dup.test {a}", "dup.test {b}", "twice.test,path_beg=/x,path_beg=/y {a}", "unknown.test,nonsense=1,more {a}", "lonely.test", "switch.test,debug=no {a}",
        'quote.test,header="X {a}', "level.test,log_level=3 {a}",
    ], [
        Ask("info", "/sj/info", host="sj.test", headers=[("Origin", "http://page.test")]), Ask("websocket", "/sj/websocket?x", host="sj.test", texts=["one"]),
        Ask("another path", "/sj/websocket", host="as.test", texts=["one"]), Ask("beside", "/elsewhere", host="sj.test"),
        Ask("unknown session", "/sj/000/none/xhr_send", host="sj.test", method="POST", body=b"[]"),
        Ask("xhr opens", "/sj/000/abc/xhr", host="sj.test", method="POST"), Ask("xhr opens elsewhere", "/sj/000/abd/xhr", host="as.test", method="POST"),
        Ask("bad line, good line", "/", host="bad.test"), Ask("no port", "/", host="noport.test"), Ask("same condition", "/", host="dup.test"),
        Ask("twice: first", "/x", host="twice.test"), Ask("twice: last", "/y", host="twice.test"), Ask("unknown option", "/", host="unknown.test"),
        Ask("no target", "/", host="lonely.test"), Ask("switch", "/bad", host="switch.test"), Ask("open quote", "/", host="quote.test"), Ask("log level", "/", host="level.test"),
    ]),
]


# Where the two differ, on purpose: (case, difference). docs/protocol.md has the reasons.
JSONP = r"/(jsonp.*|basic.*|own names|default callback|default method|held)"
KNOWN = [
    # The body of "no route" is that of Pushpin's newer versions.
    (".*", r"/[^/]+/body: pushpin 'No route for host: [^']*', holdfast 'Route not found.n'"),
    # The Host goes on as it was sent.
    ("domains", r"/in capitals/backend/0/headers: .*'host'"),
    # So does the path; Pushpin decodes what need not be encoded, and matches routes after that.
    ("paths", r"/(encoded|other encoding)/.*"),
    # A hop-by-hop header ends here.
    ("headers", r"/hop by hop/backend/0/headers: pushpin -.'te'"),
    # A marked copy is of what the client sent, not of what the route set.
    ("headers", r"/originals and set/backend/0/headers: .*'eb9bf0f5-x-mine'"),
    # CORS answers differ by Origin, and say so; JSON-P answers have CORS headers, and a script cannot be taken for something else.
    ("cross origin|sockjs.*", r"/[^/]+/headers: holdfast .*'vary'"),
    ("cross origin", JSONP + r"/headers: holdfast .*'(access-control-.*|x-content-type-options)'"),
    ("cross origin", r"/empty callback/headers: pushpin .*'access-control-.*'"),
    ("cross origin", r"/held/headers: pushpin .*'x-backend'"),
    ("cross origin", r"/basic.*/body: "),
    # What is no method is refused.
    ("cross origin", r"/bad method/.*"),
    # SockJS is that of version 1 of its client library, with its media types and texts.
    ("sockjs.*", r"/(info|unknown session|xhr opens.*)/(headers|body)"),
    # Its backends see PREFIX/websocket by every transport; with Pushpin PREFIX, but for plain WebSockets. The import warns.
    ("sockjs.*", r"/xhr opens/backend/0/target: "),
]
