"""The gate does to a connection what its words say."""
import asyncio

import pytest
from gate import Gate

LONG = 5.0


class Echo:
    """What lies behind the gate; knows how its connections ended."""

    async def __aenter__(self):
        self.ended = asyncio.Queue()
        self.server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.gate = await Gate(self.server.sockets[0].getsockname()[:2]).start()
        return self

    async def __aexit__(self, *_):
        await self.gate.close()
        self.server.close()

    async def _serve(self, reader, writer):
        try:
            while data := await reader.read(100):
                writer.write(data)
        except ConnectionError:
            pass
        self.ended.put_nowait(True)
        writer.close()

    async def connect(self):
        return await asyncio.open_connection(*self.gate.address)


async def ask(connection, text, patience=LONG):
    reader, writer = connection
    writer.write(text)
    return await asyncio.wait_for(reader.readexactly(len(text)), patience)


def through_a_gate(test):
    async def run():
        async with Echo() as echo:
            await test(echo)
    return lambda: asyncio.run(run())


@through_a_gate
async def test_bytes_pass_both_ways(echo):
    assert await ask(await echo.connect(), b"hello") == b"hello"


@through_a_gate
async def test_an_end_passes(echo):
    reader, writer = await echo.connect()
    writer.write_eof()
    assert await asyncio.wait_for(reader.read(), LONG) == b""


@through_a_gate
async def test_a_cut_breaks_connections_and_refuses_new_ones_until_it_heals(echo):
    connection = await echo.connect()
    await ask(connection, b"x")
    echo.gate.cut()
    with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
        await ask(connection, b"lost")
    with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
        await ask(await echo.connect(), b"lost")
    echo.gate.heal()
    assert await ask(await echo.connect(), b"again") == b"again"


@through_a_gate
async def test_a_stall_moves_nothing_and_passes_it_on_when_it_heals(echo):
    connection = await echo.connect()
    await ask(connection, b"x")
    echo.gate.stall()
    with pytest.raises(TimeoutError):
        await ask(connection, b"late", 0.3)
    late = await echo.connect()
    with pytest.raises(TimeoutError):
        await ask(late, b"new", 0.3)
    echo.gate.heal()
    assert await asyncio.wait_for(connection[0].readexactly(4), LONG) == b"late"
    assert await asyncio.wait_for(late[0].readexactly(3), LONG) == b"new"


@through_a_gate
async def test_a_slow_link_keeps_the_order(echo):
    connection = await echo.connect()
    echo.gate.slow(0.1)
    began = asyncio.get_running_loop().time()
    assert await ask(connection, b"slow") == b"slow"
    assert asyncio.get_running_loop().time() - began >= 0.19
    echo.gate.heal()
    connection[1].write(b"1")
    assert await ask(connection, b"2") == b"1"


@through_a_gate
async def test_a_half_open_connection_ends_behind_the_gate_only(echo):
    connection = await echo.connect()
    await ask(connection, b"x")
    echo.gate.half_open()
    await asyncio.wait_for(echo.ended.get(), LONG)
    with pytest.raises(TimeoutError):
        await ask(connection, b"nobody", 0.3)
    assert await ask(await echo.connect(), b"new") == b"new"
