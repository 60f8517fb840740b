"""Routes that a team would write first: one that only validates the body, one that also inserts a row per request."""

import multiprocessing
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import asyncpg
import uvicorn
from fastapi import FastAPI, Request

from services.identification.bodies import CaseBody

CONNECTIONS = 10


def _serve(port: int, url: str) -> None:
    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        app.state.pool = await asyncpg.create_pool(url, min_size=CONNECTIONS, max_size=CONNECTIONS)
        yield
        await app.state.pool.close()

    app = FastAPI(lifespan=lifespan)

    @app.post("/validate", status_code=201)
    async def validate(request: Request) -> dict[str, str]:
        return {"channel": CaseBody.model_validate_json(await request.body()).channel}

    @app.post("/insert", status_code=201)
    async def insert(request: Request) -> dict[str, int]:
        body = CaseBody.model_validate_json(await request.body())
        sql = "INSERT INTO public.bench (body) VALUES ($1) RETURNING id"
        return {"id": await app.state.pool.fetchval(sql, body.model_dump_json())}

    uvicorn.run(app, port=port, log_level="error")


@contextmanager
def serving(port: int, url: str) -> Iterator[None]:
    """Both routes in one process of their own, as one of our services runs."""
    process = multiprocessing.get_context("spawn").Process(target=_serve, args=(port, url), daemon=True)
    process.start()
    try:
        yield
    finally:
        process.terminate()
        process.join()
