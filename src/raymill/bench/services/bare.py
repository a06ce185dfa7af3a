"""A plain FastAPI route on uvicorn, as the services are compared with; run as a process."""

import sys

import uvicorn
from fastapi import FastAPI

from raymill.services.hosts.listen import listen

app = FastAPI()
STATUS = {"service": "screener", "status": "healthy", "total_stocks": 0, "uptime": 1.0}


@app.get("/status")
async def status() -> dict[str, object]:
    """A small answer."""
    return {"status": "success", "data": STATUS}


if __name__ == "__main__":
    door = listen("127.0.0.1", 0)
    sys.stderr.write(f"raymill serves http://127.0.0.1:{door.getsockname()[1]}, bare\n")
    sys.stderr.flush()
    config = uvicorn.Config(
        app, loop="asyncio", http="httptools", access_log=False, log_level="error"
    )
    uvicorn.Server(config).run(sockets=[door])
