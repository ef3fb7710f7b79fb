"""The interop peer for Python's websockets.

Requests and reports are JSON objects, one per line; interop/src/wire.ts describes them.
"""

import asyncio
import base64
import json
import ssl
import sys
from http import HTTPStatus

from websockets.client import WebSocketClientProtocol
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatusCode
from websockets.frames import OP_BINARY, OP_CONT, OP_TEXT, Close
from websockets.extensions.permessage_deflate import (
    ClientPerMessageDeflateFactory,
    ServerPerMessageDeflateFactory,
)
from websockets.legacy.client import connect
from websockets.legacy.server import WebSocketServerProtocol, serve

LINE_LIMIT = 64 * 1024 * 1024


def report(value):
    sys.stdout.write(json.dumps(value) + "\n")
    sys.stdout.flush()


def encode(data):
    return base64.b64encode(data).decode()


# What a scenario asks for, and the arguments of the library's two factories.
DEFLATE_ARGUMENTS = {
    "serverNoContextTakeover": "server_no_context_takeover",
    "clientNoContextTakeover": "client_no_context_takeover",
    "serverMaxWindowBits": "server_max_window_bits",
    "clientMaxWindowBits": "client_max_window_bits",
}


def compression(options, factory):
    """The arguments of serve() and connect() that are about permessage-deflate."""
    request = options.get("deflate", "default")
    if request == "default":
        return {}
    if request == "off":
        return {"compression": None}
    arguments = {DEFLATE_ARGUMENTS[name]: value for name, value in request.items()}
    return {"compression": None, "extensions": [factory(**arguments)]}


def agreed(connection):
    """What the library has agreed on, as the header that says the same."""
    for extension in connection.extensions:
        local = (extension.local_no_context_takeover, extension.local_max_window_bits)
        remote = (extension.remote_no_context_takeover, extension.remote_max_window_bits)
        client, server = (local, remote) if connection.is_client else (remote, local)
        header = extension.name
        for side, (no_context, bits) in (("server", server), ("client", client)):
            header += f"; {side}_no_context_takeover" if no_context else ""
            header += f"; {side}_max_window_bits={bits}"
        return header
    return ""


class ReportsPings:
    """The library answers a ping by calling pong(): the place where it can be seen."""

    link = None

    async def pong(self, data=b""):
        if self.link is not None:
            report({"event": "ping", "link": self.link, "data": encode(bytes(data))})
        await super().pong(data)


class Server(ReportsPings, WebSocketServerProtocol):
    pass


class Client(ReportsPings, WebSocketClientProtocol):
    pass


class Agent:
    def __init__(self):
        self.links = {}
        self.servers = {}
        self.tasks = set()

    def start(self, coroutine):
        task = asyncio.get_running_loop().create_task(coroutine)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
        return task

    def add(self, connection):
        connection.link = len(self.links) + 1
        self.links[connection.link] = connection
        return connection.link

    async def read(self, connection, echo):
        link = connection.link
        try:
            while True:
                message = await connection.recv()
                if echo:
                    await connection.send(message)
                    continue
                text = isinstance(message, str)
                data = message.encode() if text else message
                kind = "text" if text else "binary"
                report({"event": "message", "link": link, "type": kind, "data": encode(data)})
        except ConnectionClosed:
            pass
        await connection.wait_closed()
        code, reason = connection.close_code, connection.close_reason
        report({"event": "closed", "link": link, "code": code, "reason": reason or ""})

    async def listen(self, options):
        async def accepted(connection):
            link = self.add(connection)
            headers = {k.lower(): v for k, v in connection.request_headers.raw_items()}
            report(
                {
                    "event": "accepted",
                    "port": port,
                    "link": link,
                    "protocol": connection.subprotocol or "",
                    "extensions": agreed(connection),
                    "headers": headers,
                }
            )
            await self.read(connection, options.get("echo", False))

        async def refuse(_path, _headers):
            return HTTPStatus(options["refuse"]), [], b"refused"

        context = None
        if "certificate" in options:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(options["certificate"], options["key"])
        server = await serve(
            accepted,
            "127.0.0.1",
            0,
            create_protocol=Server,
            subprotocols=options.get("protocols"),
            origins=options.get("origins"),
            process_request=refuse if "refuse" in options else None,
            max_size=options.get("maxMessageSize"),
            ping_interval=None,
            ssl=context,
            **compression(options, ServerPerMessageDeflateFactory),
        )
        port = server.sockets[0].getsockname()[1]
        self.servers[port] = server
        return {"port": port}

    async def dial(self, options):
        context = None
        if "certificate" in options:
            context = ssl.create_default_context(cafile=options["certificate"])
        try:
            connection = await connect(
                options["url"],
                create_protocol=Client,
                subprotocols=options.get("protocols"),
                origin=options.get("origin"),
                extra_headers=options.get("headers"),
                max_size=options.get("maxMessageSize"),
                ping_interval=None,
                **({"ssl": context} if context else {}),
                **compression(options, ClientPerMessageDeflateFactory),
            )
        except InvalidStatusCode as error:
            return {"error": str(error), "status": error.status_code}
        except InvalidHandshake as error:
            return {"error": str(error)}
        link = self.add(connection)
        self.start(self.read(connection, options.get("echo", False)))
        return {
            "link": link,
            "protocol": connection.subprotocol or "",
            "extensions": agreed(connection),
        }

    async def ping(self, connection, data):
        waiter = await connection.ping(data)

        async def wait():
            try:
                await waiter
                report({"event": "pong", "link": connection.link, "data": encode(data)})
            except ConnectionClosed:
                pass

        self.start(wait())

    async def fragments(self, connection, kind, parts, ping):
        """Writes the frames one by one: send() offers no place for a ping before the end."""
        opcode = OP_TEXT if kind == "text" else OP_BINARY
        for index, part in enumerate(parts):
            final = index == len(parts) - 1
            await connection.write_frame(final, OP_CONT if index else opcode, part)
            if index == 0:
                await self.ping(connection, ping)

    async def close(self, connection, request):
        if "code" in request:
            self.start(connection.close(request["code"], request.get("reason", "")))
        else:
            await connection.write_close_frame(Close(1005, ""), b"")

    async def perform(self, request):
        op = request["op"]
        if op == "listen":
            return await self.listen(request["options"])
        if op == "dial":
            return await self.dial(request["options"])
        if op == "shutdown":
            self.servers.pop(request["port"]).close()
            return {}
        connection = self.links[request["link"]]
        data = base64.b64decode(request.get("data", ""))
        if op == "send":
            # write_frame instead of send(), because a scenario sends text that is not UTF-8.
            opcode = OP_TEXT if request["type"] == "text" else OP_BINARY
            await connection.write_frame(True, opcode, data)
        elif op == "fragments":
            parts = [base64.b64decode(part) for part in request["parts"]]
            await self.fragments(connection, request["type"], parts, data)
        elif op == "ping":
            await self.ping(connection, data)
        elif op == "close":
            await self.close(connection, request)
        elif op == "abort":
            connection.transport.abort()
        else:
            raise ValueError(f"unknown op {op}")
        return {}


async def main():
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=LINE_LIMIT)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    agent = Agent()
    while line := await reader.readline():
        request = json.loads(line)
        try:
            reply = await agent.perform(request)
        except Exception as error:  # Any failure is an answer to the one who asked.
            reply = {"error": f"{type(error).__name__}: {error}"}
        report({"id": request["id"], **reply})


asyncio.run(main())
