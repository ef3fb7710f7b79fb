import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  WebSocketServer,
  connect,
  type CloseInfo,
  type Connection,
  type ConnectionHandler,
  type HandshakeRequest,
} from 'framewire';
import { hex } from 'framewire/testing';
import { octetsOf } from '../protocol/frames.ts';
import { open, openOnTcp, openPair, ROLES } from './opening.ts';
import { turns, within } from './raw-peer.ts';

type AnyHandler = ConnectionHandler<undefined, unknown>;

for (const role of ROLES) {
  test(`a handler hears all that happens on a ${role}'s connection, in order`, async () => {
    const events: unknown[] = [];
    let onClosed: ((info: CloseInfo) => void) | undefined;
    const closed = new Promise<CloseInfo>((resolve) => (onClosed = resolve));
    const handler: AnyHandler = {
      open: () => void events.push('open'),
      message: (_connection, message) => void events.push(message),
      ping: (_connection, payload) => void events.push(['ping', payload]),
      pong: (_connection, payload) => void events.push(['pong', payload]),
      closed: (_connection, info) => onClosed?.(info),
    };
    const { connection, peer } = await open(role, { handler });
    peer
      .sendText('text')
      .sendFrame(0x82, hex`01`)
      .sendFrame(0x89, hex`02`);
    peer
      .sendFrame(0x8a, hex`03`)
      .sendClose(1001, 'bye')
      .end();
    const info = await within(closed, 'closed');
    assert.deepEqual(events, ['open', 'text', hex`01`, ['ping', hex`02`], ['pong', hex`03`]]);
    assert.deepEqual([info.code, info.reason, info.wasClean], [1001, 'bye', true]);
    assert.deepEqual(await connection.closed, info);
  });

  test(`drain tells a ${role} that all has left after there was too much`, async () => {
    let drained = 0;
    const handler: AnyHandler = { drain: () => void drained++ };
    const { connection, peer } = await open(role, { handler });
    await turns(2);
    void connection.send('small');
    await peer.expectMessage('small');
    peer.stream.pause();
    const sent = connection.send(octetsOf(200_000));
    await turns(3);
    assert.equal(drained, 0);
    peer.stream.resume();
    await within(sent, 'room');
    assert.equal(drained, 1);
    assert.equal(connection.bufferedAmount, 0);
    connection.terminate();
  });

  for (const method of ['open', 'message', 'ping', 'pong', 'drain'] as const) {
    for (const how of ['throws', 'rejects'] as const) {
      test(`77 §7.4.1 ${method}() of a ${role} that ${how} fails that connection with 1011, no other`, async () => {
        const error = new Error(`a mistake in ${method}`);
        const fail = (): void => {
          if (how === 'throws') throw error;
          // What the types do not forbid: an async method where nothing is awaited.
          return Promise.reject(error) as unknown as void;
        };
        const other = await open(role, { handler: { message() {} } });
        const { connection, peer } = await open(role, { handler: { [method]: fail } });
        if (method === 'message') peer.sendText('x');
        if (method === 'ping') peer.sendFrame(0x89);
        if (method === 'pong') peer.sendFrame(0x8a);
        if (method === 'drain') {
          await turns(2);
          peer.stream.pause();
          void connection.send(octetsOf(200_000));
          await turns(2);
          peer.stream.resume();
          await peer.expectMessage(octetsOf(200_000));
        }
        if (method === 'ping') assert.equal((await peer.readFrame()).opcode, 0xa, 'still owed');
        assert.equal(await peer.expectClose(1011), '', 'the application’s words stay here');
        peer.end();
        const info = await within(connection.closed, 'the end');
        assert.equal(info.error, error);
        assert.equal(info.code, 1006);
        assert.deepEqual(info.sent, { code: 1011, reason: '' });
        assert.equal(other.connection.readyState, 'open');
        other.connection.terminate();
      });
    }
  }

  for (const how of ['throws', 'rejects'] as const) {
    test(`closed() of a ${role} that ${how} is a warning: there is nothing left to fail`, async (t) => {
      for (const mistake of [new Error('a mistake in closed'), 'no error at all', undefined]) {
        const warn = t.mock.method(process, 'emitWarning', () => {});
        const handler: AnyHandler = {
          closed() {
            if (how === 'throws') throw mistake;
            return Promise.reject(mistake) as unknown as void;
          },
        };
        const { connection } = await open(role, { handler });
        connection.terminate();
        await within(connection.closed, 'the end');
        await turns(1);
        assert.equal(warn.mock.callCount(), 1);
        const warning: unknown = warn.mock.calls[0]?.arguments[0];
        assert.ok(warning instanceof Error);
        assert.equal(mistake instanceof Error ? warning : warning.cause, mistake);
        warn.mock.restore();
      }
    });
  }

  test(`what a ${role}'s handler throws that is no error is told as one`, async () => {
    const handler: AnyHandler = {
      message() {
        throw { not: 'an error' };
      },
    };
    const { connection, peer } = await open(role, { handler });
    peer.sendText('x').end();
    const { error } = await within(connection.closed, 'the end');
    assert.ok(error instanceof Error);
    assert.deepEqual(error.cause, { not: 'an error' });
  });

  test(`79 a ${role} that closes inside a handler gets no further message of the same chunk`, async () => {
    const seen: unknown[] = [];
    const handler: AnyHandler = {
      message(connection, message) {
        seen.push(message);
        void connection.close(1000);
      },
    };
    const { connection, peer } = await open(role, { handler });
    peer.send(...['one', 'two', 'three'].map((text) => peer.frame(0x81, text)));
    await peer.expectClose(1000);
    peer.sendText('four').sendClose(1000).end();
    assert.equal((await within(connection.closed, 'the end')).wasClean, true);
    assert.deepEqual(seen, ['one']);
  });

  test(`79 a ${role} that terminates inside a handler gets nothing more, not even a Pong out`, async () => {
    const seen: unknown[] = [];
    const handler: AnyHandler = {
      message(connection, message) {
        seen.push(message);
        connection.terminate();
      },
      ping: () => void seen.push('ping'),
    };
    const { connection, peer } = await open(role, { handler });
    peer.send(peer.frame(0x81, 'one'), peer.frame(0x89), peer.frame(0x81, 'two'));
    await within(connection.closed, 'the end');
    assert.deepEqual(seen, ['one']);
    assert.ok(peer.isDry);
  });

  test(`a ${role} may send, close or terminate as soon as open() is called`, async () => {
    const sending = await open(role, {
      handler: { open: (connection) => void connection.send('hello'), message() {} },
    });
    await sending.peer.expectMessage('hello');
    sending.connection.terminate();
    const closing = await open(role, {
      handler: { open: (connection) => void connection.close(4000), message() {} },
    });
    await closing.peer.expectClose(4000);
    closing.peer.sendClose(4000).end();
    assert.equal((await within(closing.connection.closed, 'the end')).wasClean, true);
    const infos: CloseInfo[] = [];
    const ending = await open(role, {
      handler: {
        open: (connection) => connection.terminate(),
        message() {},
        closed: (_connection, info) => void infos.push(info),
      },
    }).catch(() => undefined);
    await turns(3);
    assert.equal(infos.length, 1);
    assert.notEqual(ending?.connection.readyState, 'open');
  });

  test(`a handler of a ${role} without message() leaves the messages to be read`, async () => {
    const pings: Uint8Array[] = [];
    const handler: AnyHandler = { ping: (_connection, payload) => void pings.push(payload) };
    const { connection, peer } = await open(role, { handler });
    peer.sendFrame(0x89, hex`07`).sendText('read');
    assert.equal(await within(connection.receive(), 'a message'), 'read');
    assert.deepEqual(pings, [hex`07`]);
    connection.terminate();
  });
}

test('one handler serves many connections, and is told which and why', async (t) => {
  const requests: (HandshakeRequest | undefined)[] = [];
  const seen = new Map<Connection<undefined>, unknown>();
  const server = new WebSocketServer({
    handler: {
      open: (_connection, request) => void requests.push(request),
      message: (connection, message) => void seen.set(connection, message),
    },
  });
  const { url } = await server.listen({ port: 0, host: '127.0.0.1' });
  t.after(() => server.close());
  const clients = await Promise.all(['a', 'b', 'c'].map((path) => connect(`${url}${path}`)));
  assert.deepEqual(requests.map((request) => request?.path).sort(), ['/a', '/b', '/c']);
  for (const client of clients) void client.send(client.url);
  for (let count = 0; seen.size < 3; count++) {
    assert.ok(count < 1000);
    await turns(1);
  }
  for (const [connection, message] of seen) assert.ok(String(message).endsWith(connection.url));
  for (const client of clients) client.terminate();
});

test('77 an async handler that rejects long after ends its connection only', async (t) => {
  const error = new Error('the database is gone');
  let reject: ((error: Error) => void) | undefined;
  const { near, far, server } = await openPair(t, {
    handler: {
      message: () => new Promise((_resolve, rejected) => (reject = rejected)),
    },
  });
  const other = await connect(near.url);
  await near.send('work');
  for (let count = 0; reject === undefined; count++) {
    assert.ok(count < 1000);
    await turns(1);
  }
  reject(error);
  const info = await within(far.closed, 'the end');
  assert.equal(info.error, error);
  assert.equal((await near.closed).code, 1011);
  assert.equal(server.connections.size, 1);
  await other.close(1000);
});

for (const role of ROLES) {
  test(`a ${role}'s handler that sends too late has made no mistake`, async (t) => {
    const warn = t.mock.method(process, 'emitWarning', () => {});
    const handler: AnyHandler = {
      async message(connection, message) {
        await connection.close(1000);
        await connection.send(message);
      },
      closed: (connection) => connection.send('too late') as unknown as void,
    };
    const { connection, peer } = await open(role, { handler });
    peer.sendText('x');
    await peer.expectClose(1000);
    peer.sendClose(1000).end();
    const info = await within(connection.closed, 'the end');
    await turns(2);
    assert.equal(info.error, undefined);
    assert.equal(warn.mock.callCount(), 0);
  });

  test(`a ${role} is not to blame when its handler sends to another that has left`, async () => {
    const gone = await open(role);
    gone.connection.terminate();
    await gone.connection.closed;
    const handler: AnyHandler = {
      message: (_connection, message) => gone.connection.send(message),
    };
    const { connection, peer } = await open(role, { handler });
    peer.sendText('for somebody who has left').sendFrame(0x89, 'still there?');
    await peer.expectFrame(0xa, 'still there?');
    assert.equal(connection.readyState, 'open');
    connection.terminate();
  });
}

test('a chunk with 1000 messages for a handler over TCP arrives complete', async (t) => {
  const seen: string[] = [];
  const handler: AnyHandler = {
    message: (_connection, message) => void seen.push(String(message)),
  };
  const { connection, peer } = await openOnTcp(t, 'server', { handler });
  const texts = Array.from({ length: 1000 }, (_, index) => `message ${index}`);
  peer.send(...texts.map((text) => peer.frame(0x81, text)), peer.frame(0x88)).end();
  assert.equal((await within(connection.closed, 'the end')).code, 1005);
  assert.deepEqual(seen, texts);
});
