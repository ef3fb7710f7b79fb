import assert from 'node:assert/strict';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { test } from 'node:test';
import {
  WebSocketServer,
  type Decision,
  type HandshakeRequest,
  type RefusalError,
  type ServerOptions,
} from 'framewire';
import { ManualClock, memoryPair } from 'framewire/testing';
import { RawPeer, requestHead, turn, turns, within } from '../connection/raw-peer.ts';
import { ask, askWith, FRONTS, serve } from './serving.ts';

interface User {
  readonly name: string;
}

for (const front of FRONTS) {
  for (const how of ['at once', 'later'] as const) {
    test(`authorize may accept ${how}, with a context, headers and a subprotocol (${front})`, async (t) => {
      const decide = (request: HandshakeRequest): Decision<User> => ({
        accept: true,
        context: { name: request.query.get('name') ?? '' },
        headers: { 'X-Node': '7', 'Set-Cookie': 'a=b' },
        protocol: request.protocols[1],
      });
      const { port, server } = await serve<User>(
        t,
        {
          authorize:
            how === 'at once'
              ? decide
              : async (request) => {
                  await turns(5);
                  return decide(request);
                },
        },
        front,
      );
      const peer = await RawPeer.dial(port);
      const changes = { 'Sec-WebSocket-Protocol': 'a, b' };
      const answer = await peer.openAsClient(changes, 'GET /?name=ada HTTP/1.1');
      assert.equal(answer.headers.get('x-node'), '7');
      assert.equal(answer.headers.get('set-cookie'), 'a=b');
      assert.equal(answer.headers.get('sec-websocket-protocol'), 'b');
      const [connection] = server.connections;
      assert.deepEqual(connection?.context, { name: 'ada' });
      assert.equal(connection?.protocol, 'b');
      peer.stream.destroy();
    });

    test(`authorize may refuse ${how}, with a status, headers and a body (${front})`, async (t) => {
      const decision: Decision = {
        accept: false,
        status: 401,
        headers: { 'WWW-Authenticate': 'Basic realm="here"' },
        body: 'who are you?',
      };
      const { port, server } = await serve(
        t,
        {
          authorize:
            how === 'at once'
              ? () => decision
              : async () => {
                  await turns(5);
                  return decision;
                },
        },
        front,
      );
      const answer = await askWith(port, {});
      assert.equal(answer.status, 401);
      assert.equal(answer.headers.get('www-authenticate'), 'Basic realm="here"');
      assert.equal(answer.headers.get('connection'), 'close');
      assert.equal(answer.headers.get('x-content-type-options'), 'nosniff');
      assert.equal(answer.body, 'who are you?');
      assert.equal(server.connections.size, 0);
    });

    test(`authorize that fails ${how} lets nobody in, and tells the client nothing (${front})`, async (t) => {
      const mistake = new Error('the password of the database is 1234');
      const errors: RefusalError[] = [];
      const { port, server } = await serve(
        t,
        {
          authorize: () => {
            if (how === 'at once') throw mistake;
            return Promise.reject(mistake);
          },
          onRefused: (error) => void errors.push(error),
        },
        front,
      );
      const answer = await askWith(port, {});
      assert.equal(answer.status, 500);
      assert.equal(answer.body, '');
      assert.equal(server.connections.size, 0);
      assert.equal(errors[0]?.code, 'ERR_WS_REFUSED');
      assert.equal(errors[0]?.cause, mistake);
    });
  }

  test(`the time for the whole handshake includes the decision: then 408 (${front})`, async (t) => {
    const clock = new ManualClock();
    let decide: ((decision: Decision) => void) | undefined;
    const { port, server } = await serve(
      t,
      {
        clock,
        handshakeTimeout: 2000,
        authorize: () => new Promise<Decision>((resolve) => (decide = resolve)),
      },
      front,
    );
    const asking = askWith(port, {});
    for (let count = 0; decide === undefined; count++) {
      assert.ok(count < 100_000);
      await turn();
    }
    await turns(3);
    clock.advance(2000);
    assert.equal((await asking).status, 408);
    decide({ accept: true });
    await turns(3);
    assert.equal(server.connections.size, 0);
  });
}

for (const nothing of [
  undefined,
  null,
  true,
  'yes',
  0,
  {},
  { accept: 'no' === ('yes' as string) },
]) {
  for (const how of ['at once', 'later'] as const) {
    test(`what is no decision lets nobody in: ${JSON.stringify(nothing)} ${how}`, async (t) => {
      const authorize = (): unknown => (how === 'at once' ? nothing : Promise.resolve(nothing));
      const { port } = await serve(t, { authorize: authorize as ServerOptions['authorize'] });
      assert.equal((await askWith(port, {})).status, 500);
    });
  }
}

for (const answer of [false, undefined, null, Promise.resolve(true), 'yes', 1]) {
  test(`§10.2 an origins function lets in with true and nothing else: ${String(answer)}`, async (t) => {
    const { port } = await serve(t, { origins: (() => answer) as ServerOptions['origins'] });
    assert.equal((await askWith(port, { Origin: 'http://localhost' })).status, 403);
  });
}

test('§10.2 an origins function is asked about requests without an Origin too', async (t) => {
  const asked: unknown[] = [];
  const { port } = await serve(t, {
    origins: (origin, request) => {
      asked.push([origin, request.path]);
      return true;
    },
  });
  assert.equal((await askWith(port, {}, 'GET /a HTTP/1.1')).status, 101);
  assert.equal((await askWith(port, { Origin: 'x:y' }, 'GET /b HTTP/1.1')).status, 101);
  assert.deepEqual(asked, [
    [undefined, '/a'],
    ['x:y', '/b'],
  ]);
});

test('§10.2 origins may be a list, or any', async (t) => {
  const list = await serve(t, { origins: ['https://app.example', /^https:\/\/\w+\.test$/u] });
  const any = await serve(t, { origins: 'any' });
  for (const [origin, status] of [
    ['https://app.example', 101],
    ['https://a.test', 101],
    ['https://app.example.evil', 403],
    ['http://localhost', 403],
  ] as const) {
    assert.equal((await askWith(list.port, { Origin: origin })).status, status, origin);
    assert.equal((await askWith(any.port, { Origin: origin })).status, 101);
  }
});

test('§4.2.2 the checks come in order: protocol, path, origin, and the application last', async (t) => {
  let asked = 0;
  const { port } = await serve(t, {
    path: '/ws',
    authorize: () => {
      asked++;
      return { accept: false, status: 418 };
    },
  });
  const bad = { 'Sec-WebSocket-Version': '8', Origin: 'http://evil.example' };
  assert.equal((await askWith(port, bad, 'GET /x HTTP/1.1')).status, 426);
  const evil = { Origin: 'http://evil.example' };
  assert.equal((await askWith(port, evil, 'GET /x HTTP/1.1')).status, 404);
  assert.equal((await askWith(port, evil, 'GET /ws HTTP/1.1')).status, 403);
  assert.equal(asked, 0);
  assert.equal((await askWith(port, {}, 'GET /ws?x HTTP/1.1')).status, 418);
  assert.equal(asked, 1);
});

for (const [protocols, offered, chosen] of [
  [['a', 'b'], 'b, a', 'b'],
  [['a', 'b'], 'c', undefined],
  [[], 'a', undefined],
  [(names: readonly string[]) => names.at(-1), 'x, y', 'y'],
  [() => undefined, 'x', undefined],
] as const) {
  test(`§1.9 of ${offered} a server with ${String(protocols)} chooses ${String(chosen)}`, async (t) => {
    const { port } = await serve(t, { protocols });
    const answer = await askWith(port, { 'Sec-WebSocket-Protocol': offered });
    assert.equal(answer.status, 101);
    assert.equal(answer.headers.get('sec-websocket-protocol'), chosen);
  });
}

test('§4.2.2 a subprotocol that was not offered is a mistake of the application: 500', async (t) => {
  for (const options of [
    { protocols: () => 'mine' },
    { authorize: (): Decision => ({ accept: true, protocol: 'mine' }) },
  ]) {
    const { port } = await serve(t, options);
    assert.equal((await askWith(port, { 'Sec-WebSocket-Protocol': 'yours' })).status, 500);
  }
});

test('onRefused hears of every refusal, and may answer it in its own way', async (t) => {
  const heard: [string, string | undefined][] = [];
  const { port } = await serve(t, {
    onRefused(error, request) {
      heard.push([error.code, request?.path]);
      if (error.code !== 'ERR_WS_ORIGIN') return undefined;
      return { status: 404, headers: { 'X-Why': 'hidden' }, body: 'nothing here' };
    },
  });
  const custom = await askWith(port, { Origin: 'http://evil.example' }, 'GET /a HTTP/1.1');
  assert.equal(custom.status, 404);
  assert.equal(custom.headers.get('x-why'), 'hidden');
  assert.equal(custom.body, 'nothing here');
  const usual = await askWith(port, { Upgrade: 'h2c' });
  assert.equal(usual.status, 426);
  assert.equal(usual.headers.get('upgrade'), 'websocket');
  assert.match(usual.body, /Upgrade header is not "websocket"/u);
  assert.equal((await ask(port, 'nonsense\r\n\r\n')).status, 400);
  assert.deepEqual(heard, [
    ['ERR_WS_ORIGIN', '/a'],
    ['ERR_WS_UPGRADE', undefined],
    ['ERR_WS_HEAD_MALFORMED', undefined],
  ]);
});

test('an onRefused that fails, or answers what cannot be sent, still leaves an answer', async (t) => {
  const warn = t.mock.method(process, 'emitWarning', () => {});
  for (const [onRefused, status] of [
    [
      () => {
        throw new Error('a mistake');
      },
      426,
    ],
    [
      () => {
        throw 'not even an error';
      },
      426,
    ],
    [() => ({ status: 99 }), 426],
    [() => ({ status: 204, body: 'nothing' }), 426],
    [() => ({ headers: { 'X-A': 'b\r\nX-C: d' } }), 500],
  ] as const) {
    const { port } = await serve(t, { onRefused });
    const answer = await askWith(port, { Upgrade: 'h2c' });
    assert.equal(answer.status, status);
    assert.equal(answer.headers.has('x-c'), false);
  }
  assert.equal(warn.mock.callCount(), 5);
});

test('framewire:handshake:refused tells observers of it', async (t) => {
  const seen: { error: Error; request?: HandshakeRequest }[] = [];
  const listener = (message: unknown): void => void seen.push(message as (typeof seen)[number]);
  subscribe('framewire:handshake:refused', listener);
  t.after(() => void unsubscribe('framewire:handshake:refused', listener));
  const { port } = await serve(t);
  await askWith(port, { Origin: 'http://evil.example' }, 'GET /a HTTP/1.1');
  assert.equal(seen.length, 1);
  assert.equal(seen[0]?.request?.path, '/a');
  assert.match(seen[0].error.message, /Origin/u);
});

test('upgrade and serve reject with what the client was told', async () => {
  const [near, far] = memoryPair();
  const server = new WebSocketServer({ authorize: () => ({ accept: false, status: 403 }) });
  const serving = server.serve(near);
  serving.catch(() => {});
  const peer = new RawPeer(far, 'client').send(requestHead());
  assert.equal((await peer.readHead()).status, 403);
  await assert.rejects(within(serving, 'the rejection'), {
    name: 'HandshakeError',
    code: 'ERR_WS_REFUSED',
    status: 403,
  });
  peer.end();
  await peer.closed();
});
