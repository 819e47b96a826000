#!/usr/bin/env python3
"""Two echo backends for the Autobahn cases: one speaks WebSocket, one WebSocket-over-HTTP. Prints the ports of both, then serves until killed.

    echo_backend.py [--compression]      with permessage-deflate on the WebSocket
"""
import argparse
import asyncio

from aiohttp import WSMsgType, web

HOST = "127.0.0.1"
READ_AHEAD = 1 << 20


# ---- WebSocket

def echo_messages(compression):
    async def serve(request):
        socket = web.WebSocketResponse(compress=compression, max_msg_size=0)
        await socket.prepare(request)
        async for message in socket:  # whole, however many frames it came in
            if message.type == WSMsgType.TEXT:
                await socket.send_str(message.data)
            elif message.type == WSMsgType.BINARY:
                await socket.send_bytes(message.data)
        return socket
    return serve


# ---- WebSocket-over-HTTP

def echo_events(body):
    """What an echo answers: the same events, but PONG for PING and nothing for PONG and DISCONNECT."""
    answer, at = [], 0
    while at < len(body):
        line_end = body.index(b"\r\n", at)
        kind, _, size = body[at:line_end].partition(b" ")
        end = line_end + 2 + (int(size, 16) + 2 if size else 0)
        if kind == b"PING":
            answer.append(b"PONG" + body[at + len(kind):end])
        elif kind not in (b"PONG", b"DISCONNECT"):
            answer.append(body[at:end])
        at = end
    return b"".join(answer)


async def read_body(reader, fields):
    if fields.get("transfer-encoding") != "chunked":
        return await reader.readexactly(int(fields.get("content-length", 0)))
    body = bytearray()
    while True:
        size = int(await reader.readuntil(b"\r\n"), 16)
        body += (await reader.readexactly(size + 2))[:-2]
        if not size:
            return bytes(body)


async def answer_requests(reader, writer):
    try:
        while True:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            fields = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:])}
            answer = echo_events(await read_body(reader, fields))
            # No Sec-WebSocket-Extensions here: then messages reach the client as they are.
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/websocket-events\r\nContent-Length: %d\r\n\r\n" % len(answer))
            writer.write(answer)
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        pass  # the node closed an idle connection
    finally:
        writer.close()


async def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--compression", action="store_true")
    websocket = web.Application()
    websocket.router.add_get("/{path:.*}", echo_messages(parser.parse_args().compression))
    runner = web.AppRunner(websocket)
    await runner.setup()
    await web.TCPSite(runner, HOST, 0).start()
    http = await asyncio.start_server(answer_requests, HOST, 0, limit=READ_AHEAD)
    print(runner.addresses[0][1], http.sockets[0].getsockname()[1], flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
