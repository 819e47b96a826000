"""What the README shows must be true: its backend, run as it stands but for the port."""
import re
import subprocess
import sys

from kit import BINARY, ROOT, eventually, Connection
import socket


def test_the_backend_of_the_readme_sees_a_push_arrive(start, tmp_path):
    code = re.search(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.S)[1]
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    assert "8000" in code
    (tmp_path / "backend.py").write_text(code.replace("8000", str(port)))
    backend = subprocess.Popen([sys.executable, str(tmp_path / "backend.py")], stderr=subprocess.DEVNULL)
    try:
        node = start(routes=[{"path_begins": "/", "targets": [{"address": "127.0.0.1:%d" % port}]}])

        def listens():
            try:
                Connection(("127.0.0.1", port)).close()
                return True
            except OSError:
                return False
        eventually(listens)
        r = node.get("/chat")
        r.until("you are listening to room-1\n")
        eventually(lambda: node.metrics()["holdfast_subscriptions"] == 1)
        run = subprocess.run([BINARY, "publish", "--url", node.addresses["publishers"][0], "room-1", "Hello, room"], capture_output=True, text=True)
        assert run.returncode == 0, run.stderr
        r.until("Hello, room")
    finally:
        backend.kill()
        backend.wait()
