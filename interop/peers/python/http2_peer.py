"""WebSockets over HTTP/2 (RFC 8441), by h2 for the streams and wsproto for the frames.

http2_peer.py listen [--certificate FILE --key FILE] [--without-websockets]
http2_peer.py dial URL [--ca FILE] [--ending ENDING] [--deflate]

Tells in a line of JSON each what happens. The server sends every message back. How a connection
ends is the path of the server's URL, or the ENDING of the client:
- "echo" and "close": with a Close; "goaway" has a GOAWAY without an error before it, and goes on;
- "reset", "cancel" and "stop": with RST_STREAM, and no Close;
- "end": with END_STREAM, and "fail": with GOAWAY for an error, and no Close.
The server does that when it gets the text "now", the client when it has got its echoes.
"""

import argparse
import asyncio
import json
import ssl
import sys
from urllib.parse import urlsplit

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.events import (
    DataReceived,
    RemoteSettingsChanged,
    RequestReceived,
    ResponseReceived,
    StreamEnded,
    StreamReset,
    WindowUpdated,
)
from h2.settings import SettingCodes, Settings
from hyperframe.frame import GoAwayFrame
from wsproto.connection import Connection, ConnectionState, ConnectionType
from wsproto.events import BytesMessage, CloseConnection, Message, Ping, TextMessage
from wsproto.extensions import PerMessageDeflate
from wsproto.handshake import client_extensions_handshake, server_extensions_handshake

PATIENCE = 10
RESETS = {
    "reset": ErrorCodes.INTERNAL_ERROR,
    "cancel": ErrorCodes.CANCEL,
    "stop": ErrorCodes.NO_ERROR,
}
TEXT = "Grüße, 漢字 and 👋"
MEBIBYTE = bytes(index * 7 % 251 for index in range(1 << 20))


def report(**event):
    print(json.dumps(event), flush=True)


class WebSocket:
    """One stream: the frames that go over it, and what waits for the peer's window."""

    def __init__(self, role, extensions, ending):
        self.frames = Connection(role, extensions)
        self.ending = ending
        self.outbox = bytearray()
        self.is_ending = False
        self.parts = []


class Session(asyncio.Protocol):
    def __init__(self, is_client, has_websockets=True):
        self.http2 = H2Connection(H2Configuration(client_side=is_client, header_encoding="utf-8"))
        # h2 would read nothing more on the session, though RFC 9113 §6.8 has its streams go on.
        self.http2._frame_dispatch_table[GoAwayFrame] = self.going_away
        self.role = ConnectionType.CLIENT if is_client else ConnectionType.SERVER
        if not is_client and has_websockets:
            values = {**self.http2.local_settings, SettingCodes.ENABLE_CONNECT_PROTOCOL: 1}
            self.http2.local_settings = Settings(client=False, initial_values=values)
        self.sockets = {}
        self.offer = None
        self.settings = asyncio.get_running_loop().create_future()
        self.response = asyncio.get_running_loop().create_future()
        self.messages = asyncio.Queue()
        self.over = asyncio.get_running_loop().create_future()

    # What asyncio calls.

    def connection_made(self, transport):
        self.transport = transport
        report(event="session")
        self.http2.initiate_connection()
        self.write()

    def data_received(self, data):
        for event in self.http2.receive_data(data):
            self.handle(event)
        self.write()

    def connection_lost(self, error):
        report(event="lost")
        if not self.over.done():
            self.over.set_result(None)

    def write(self):
        self.transport.write(self.http2.data_to_send())

    # What h2 tells.

    def handle(self, event):
        if isinstance(event, RemoteSettingsChanged) and not self.settings.done():
            code = SettingCodes.ENABLE_CONNECT_PROTOCOL
            self.settings.set_result(self.http2.remote_settings.get(code, 0) == 1)
        elif isinstance(event, RequestReceived):
            self.accept(event.stream_id, dict(event.headers))
        elif isinstance(event, ResponseReceived):
            self.response.set_result(dict(event.headers))
        elif isinstance(event, DataReceived):
            self.http2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            self.read(event.stream_id, event.data)
        elif isinstance(event, WindowUpdated):
            for stream_id in [event.stream_id] if event.stream_id else list(self.sockets):
                self.flush(stream_id)
        elif isinstance(event, StreamEnded):
            report(event="ended")
            if event.stream_id in self.sockets:
                self.end(event.stream_id)
        elif isinstance(event, StreamReset):
            report(event="reset", code=int(event.error_code))
            self.sockets.pop(event.stream_id, None)

    def going_away(self, frame):
        report(event="goaway", code=frame.error_code)
        return [], []

    def accept(self, stream_id, headers):
        report(event="request", headers=headers)
        asked = [headers.get(name) for name in (":method", ":protocol", "sec-websocket-version")]
        if asked != ["CONNECT", "websocket", "13"]:
            self.http2.send_headers(stream_id, [(":status", "400")], end_stream=True)
            return
        fields = [(":status", "200")]
        extensions = []
        offers = headers.get("sec-websocket-extensions")
        if offers is not None:
            deflate = PerMessageDeflate()
            agreed = server_extensions_handshake(offers.split(","), [deflate])
            if agreed is not None:
                extensions.append(deflate)
                fields.append(("sec-websocket-extensions", agreed.decode()))
        offered = headers.get("sec-websocket-protocol", "").split(", ")
        if "chat" in offered:
            fields.append(("sec-websocket-protocol", "chat"))
        self.http2.send_headers(stream_id, fields)
        path = headers[":path"].strip("/")
        self.sockets[stream_id] = WebSocket(self.role, extensions, path)

    # What wsproto reads and writes.

    def read(self, stream_id, data):
        socket = self.sockets.get(stream_id)
        if socket is None:
            return
        socket.frames.receive_data(data)
        for event in socket.frames.events():
            if isinstance(event, Message):
                socket.parts.append(event.data)
                if event.message_finished:
                    empty = "" if isinstance(event, TextMessage) else b""
                    self.message(stream_id, empty.join(socket.parts))
                    socket.parts.clear()
            elif isinstance(event, Ping):
                self.send(stream_id, event.response())
            elif isinstance(event, CloseConnection):
                report(event="close", code=int(event.code), reason=event.reason or "")
                if socket.frames.state is ConnectionState.REMOTE_CLOSING:
                    self.send(stream_id, event.response())
                if self.role is ConnectionType.SERVER:
                    self.end(stream_id)
            if stream_id not in self.sockets:
                return

    def message(self, stream_id, data):
        if self.role is ConnectionType.CLIENT:
            self.messages.put_nowait(data)
        elif data == "now":
            self.finish(stream_id, self.sockets[stream_id].ending)
        else:
            self.send_message(stream_id, data)

    def send_message(self, stream_id, data):
        kind = TextMessage if isinstance(data, str) else BytesMessage
        self.send(stream_id, kind(data=data))

    def send(self, stream_id, event):
        socket = self.sockets[stream_id]
        socket.outbox += socket.frames.send(event)
        self.flush(stream_id)

    def flush(self, stream_id):
        socket = self.sockets.get(stream_id)
        if socket is None:
            return
        while socket.outbox:
            window = self.http2.local_flow_control_window(stream_id)
            room = min(window, self.http2.max_outbound_frame_size)
            if room <= 0:
                return
            self.http2.send_data(stream_id, bytes(socket.outbox[:room]))
            del socket.outbox[:room]
        if socket.is_ending:
            del self.sockets[stream_id]
            self.http2.end_stream(stream_id)

    def end(self, stream_id):
        self.sockets[stream_id].is_ending = True
        self.flush(stream_id)

    def finish(self, stream_id, ending):
        if ending == "goaway":
            # Past h2 for the same reason.
            is_ours = self.role is ConnectionType.CLIENT
            frame = GoAwayFrame(0, last_stream_id=0 if is_ours else stream_id)
            self.write()
            self.transport.write(frame.serialize())
        if ending in ("echo", "close", "goaway"):
            self.send(stream_id, CloseConnection(code=4000, reason="as told"))
        elif ending in RESETS:
            del self.sockets[stream_id]
            self.http2.reset_stream(stream_id, RESETS[ending])
        elif ending == "end":
            self.end(stream_id)
        elif ending == "fail":
            self.http2.close_connection(ErrorCodes.INTERNAL_ERROR)
            self.write()
            self.transport.close()
        else:
            raise ValueError(f"no ending {ending}")


async def listen(options):
    context = None
    if options.certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(options.certificate, options.key)
        context.set_alpn_protocols(["h2"])
    server = await asyncio.get_running_loop().create_server(
        lambda: Session(False, not options.without_websockets), "127.0.0.1", 0, ssl=context
    )
    report(event="listening", port=server.sockets[0].getsockname()[1])
    await server.serve_forever()


async def open_session(url, options):
    context = None
    if url.scheme == "wss":
        context = ssl.create_default_context(cafile=options.ca)
        context.set_alpn_protocols(["h2"])
    create = asyncio.get_running_loop().create_connection
    _, session = await create(lambda: Session(True), url.hostname, url.port, ssl=context)
    if not await session.settings:
        raise RuntimeError("the server does not announce SETTINGS_ENABLE_CONNECT_PROTOCOL")
    return session


async def connect(session, url, options):
    stream_id = session.http2.get_next_available_stream_id()
    deflate = PerMessageDeflate()
    fields = [
        (":method", "CONNECT"),
        (":protocol", "websocket"),
        (":scheme", "https" if url.scheme == "wss" else "http"),
        (":path", url.path or "/"),
        (":authority", url.netloc),
        ("sec-websocket-version", "13"),
        ("sec-websocket-protocol", "other, chat"),
    ]
    if options.deflate:
        fields.append(("sec-websocket-extensions", f"{deflate.name}; {deflate.offer()}"))
    session.http2.send_headers(stream_id, fields)
    session.write()
    headers = await session.response
    accepted = headers.get("sec-websocket-extensions")
    extensions = client_extensions_handshake(accepted.split(","), [deflate]) if accepted else []
    session.sockets[stream_id] = WebSocket(session.role, extensions, options.ending)
    report(event="response", headers=headers)
    return stream_id


async def dial(options):
    url = urlsplit(options.url)
    session = await open_session(url, options)
    stream_id = await connect(session, url, options)
    for data in (TEXT, MEBIBYTE):
        session.send_message(stream_id, data)
        session.write()
        if await session.messages.get() != data:
            raise RuntimeError("the echo is not what was sent")
        report(event="echo", length=len(data))
    session.finish(stream_id, options.ending)
    session.write()
    # Our server has the last word on its stream; then this side has nothing to wait for.
    while stream_id in session.sockets:
        await asyncio.wait({session.over}, timeout=0.02)
        if session.over.done():
            break
    session.transport.close()
    await session.over


async def main():
    parser = argparse.ArgumentParser()
    commands = parser.add_subparsers(required=True)
    server = commands.add_parser("listen")
    server.add_argument("--certificate")
    server.add_argument("--key")
    server.add_argument("--without-websockets", action="store_true")
    server.set_defaults(run=listen)
    client = commands.add_parser("dial")
    client.add_argument("url")
    client.add_argument("--ca")
    client.add_argument("--ending", default="close")
    client.add_argument("--deflate", action="store_true")
    client.set_defaults(run=lambda options: asyncio.wait_for(dial(options), PATIENCE))
    options = parser.parse_args()
    await options.run(options)


sys.exit(asyncio.run(main()))
