import asyncio
import inspect
import time


async def until(condition, patience, what):
    """Waits for a condition (plain or async) with a deadline."""
    end = time.monotonic() + patience
    while True:
        value = condition()
        if inspect.isawaitable(value):
            value = await value
        if value:
            return value
        if time.monotonic() > end:
            raise TimeoutError("not in time: " + what)
        await asyncio.sleep(0.03)
