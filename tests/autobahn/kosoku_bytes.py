#!/usr/bin/env python3
"""kosoku, with its compression cases given bytes. It hands them a message that came uncompressed as str (binary ones as Latin-1), on which
they break; a peer may leave any message of a compressed connection as it is (RFC 7692 section 6)."""
import sys

from kosoku._cli import main
from kosoku.cases import CASES


def with_bytes(on_message):
    def on_bytes(case, message, binary):
        if isinstance(message, str):
            message = message.encode("latin-1" if binary else "utf-8")
        on_message(case, message, binary)
    return on_bytes


for case in CASES.values():
    if case.__module__ == "case12_x_x":
        case.onMessage = with_bytes(case.onMessage)

if __name__ == "__main__":
    sys.exit(main())
