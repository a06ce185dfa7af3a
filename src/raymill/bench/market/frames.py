"""The other end of a measured websocket: sends made frames to whoever connects."""

import asyncio
import sys

from websockets.asyncio.server import ServerConnection, serve

from raymill.bench.market.stream import bodies


async def main(count: int) -> None:
    """Serve until the process is ended."""
    frames = [body.decode() for body in bodies(count)]

    async def talk(connection: ServerConnection) -> None:
        for frame in frames:
            await connection.send(frame)
        await connection.wait_closed()

    async with serve(talk, "127.0.0.1", 0, compression=None, ping_interval=None) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        sys.stdout.write(f"ws://127.0.0.1:{port}\n")
        sys.stdout.flush()
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
