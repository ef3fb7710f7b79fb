/**
 * RFC 7692 §5 and §7.1 — the negotiation of permessage-deflate in whole opening handshakes, with peers
 * that are raw where they do what no library would. The numbers are those of the list.
 */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import net from 'node:net';
import { test, type TestContext } from 'node:test';
import zlib from 'node:zlib';
import {
  connect,
  HandshakeError,
  ProtocolError,
  WebSocketServer,
  type Connection,
  type ConnectOptions,
  type DeflateAgreement,
  type PerMessageDeflateOptions,
} from 'framewire';
import { ManualClock, memoryPair } from 'framewire/testing';
import { RawListener } from '../connection/opening.ts';
import { RawPeer, requestHead, responseHead, turns, within } from '../connection/raw-peer.ts';
import { utf8 } from '../protocol/frames.ts';
import { askWith, FRONTS, serve, type Front } from '../server/serving.ts';

const EXTENSIONS = 'Sec-WebSocket-Extensions';
const GOOD = 'permessage-deflate; server_max_window_bits=11';

/** What a client offers that was told nothing. */
const DEFAULT_OFFER =
  'permessage-deflate; server_no_context_takeover; client_no_context_takeover; client_max_window_bits, ' +
  'permessage-deflate; client_no_context_takeover; client_max_window_bits';

/** A server that takes what it gets. */
const EASY: PerMessageDeflateOptions = {
  serverNoContextTakeover: false,
  clientNoContextTakeover: false,
};

/** A client that demands nothing and allows a window to be chosen. */
const EASY_CLIENT: ConnectOptions = { perMessageDeflate: EASY };

const TEXT = 'a message that is long enough, that is long enough, to get smaller';
const COMPRESSED_TEXT = 0xc1;

/** §7.2.1, by Node’s zlib. */
function deflated(text: string): Uint8Array {
  const octets = zlib.deflateRawSync(text, { finishFlush: zlib.constants.Z_SYNC_FLUSH });
  return octets.subarray(0, -4);
}

/** A server’s end of a connection, and the raw client that has it. */
async function openServer(
  t: TestContext,
  perMessageDeflate: boolean | PerMessageDeflateOptions | undefined,
  offer: string | readonly string[] | undefined,
  front: Front = 'listen',
): Promise<{ connection: Connection<undefined>; peer: RawPeer; answer: string | undefined }> {
  const { server, port } = await serve(t, { perMessageDeflate }, front);
  const peer = await RawPeer.dial(port);
  t.after(() => peer.stream.destroy());
  const { headers } = await peer.openAsClient({ [EXTENSIONS]: offer });
  const [connection] = server.connections;
  assert.ok(connection);
  return { connection, peer, answer: headers.get('sec-websocket-extensions') };
}

/** A client’s end, and the raw server that answered. */
async function openClient(
  t: TestContext,
  options: ConnectOptions,
  answer: string | readonly string[] | undefined,
): Promise<{ connection: Connection<undefined>; peer: RawPeer; offer: string | undefined }> {
  const listener = await RawListener.start(t);
  const connecting = connect(listener.url, options);
  const peer = await listener.next();
  const { headers } = await peer.openAsServer({ [EXTENSIONS]: answer });
  const connection = await within(connecting, 'connect');
  t.after(() => connection.terminate());
  return { connection, peer, offer: headers.get('sec-websocket-extensions') };
}

function assertNone(connection: Connection<undefined>): void {
  assert.equal(connection.extensions, '');
  assert.equal(connection.perMessageDeflate, undefined);
}

/** 14: well-formed, and to be declined (§7.1). */
const BAD_OFFERS: readonly string[] = [
  ...['0', '7', '16', '08', '1e1', '-1', '+9', '0x9', '9.0', 'abc', '"16"', '"08"'].flatMap(
    (value) => [`server_max_window_bits=${value}`, `client_max_window_bits=${value}`],
  ),
  'server_max_window_bits',
  'server_no_context_takeover=1',
  'client_no_context_takeover=true',
  'server_no_context_takeover; server_no_context_takeover',
  'client_max_window_bits; client_max_window_bits',
  'client_max_window_bits=10; client_max_window_bits',
  'server_max_window_bits=10; server_max_window_bits=11',
  'unheard_of',
  'server_max_window_bits=10; unheard_of=1',
  'Server_No_Context_Takeover',
  '__proto__',
  'constructor=10',
].map((parameters) => `permessage-deflate; ${parameters}`);

const OTHER_EXTENSIONS: readonly string[] = [
  'x-foo',
  'x-webkit-deflate-frame; no_context_takeover',
  'Permessage-Deflate',
  'permessage-deflate2; server_max_window_bits=10',
  '__proto__; constructor, toString',
];

const MALFORMED: readonly string[] = [
  '',
  ',',
  'permessage-deflate;',
  'permessage-deflate,',
  ', permessage-deflate',
  'permessage-deflate; =1',
  'permessage-deflate; server_max_window_bits=',
  'permessage-deflate; server_max_window_bits=""',
  'permessage-deflate; server_max_window_bits="10',
  'permessage-deflate; server_max_window_bits="1 0"',
  'permessage-deflate permessage-deflate',
  `${GOOD}, a/b`,
];

for (const front of FRONTS) {
  test(`14 §7.1 bad offers are declined, the handshake is not refused (${front})`, async (t) => {
    const { server, port } = await serve(t, { perMessageDeflate: EASY }, front);
    for (const offer of [...BAD_OFFERS, ...OTHER_EXTENSIONS]) {
      const peer = await RawPeer.dial(port);
      const { headers } = await peer.openAsClient({ [EXTENSIONS]: offer });
      assert.equal(headers.has('sec-websocket-extensions'), false, offer);
      const [connection] = server.connections;
      assert.ok(connection);
      assertNone(connection);
      // It works as it would have without any offer.
      void connection.send(TEXT, { compress: true });
      await peer.expectMessage(TEXT);
      connection.terminate();
      peer.stream.destroy();
      await within(connection.closed, 'the end');
    }
  });

  test(`14 §5 a good offer is found among bad ones and other extensions (${front})`, async (t) => {
    const { port } = await serve(t, { perMessageDeflate: EASY }, front);
    for (const other of [...BAD_OFFERS, ...OTHER_EXTENSIONS]) {
      for (const offers of [`${other}, ${GOOD}`, [other, GOOD], `${GOOD}, ${other}`]) {
        const { status, headers } = await askWith(port, { [EXTENSIONS]: offers });
        assert.equal(status, 101);
        assert.equal(headers.get('sec-websocket-extensions'), GOOD, String(offers));
      }
    }
  });

  test(`14 RFC 6455 §9.1 a header that is malformed is refused with 400 (${front})`, async (t) => {
    for (const perMessageDeflate of [true, false]) {
      const { server, port } = await serve(t, { perMessageDeflate }, front);
      for (const value of MALFORMED) {
        const answer = await askWith(port, { [EXTENSIONS]: value });
        assert.equal(answer.status, 400, value);
        assert.equal(answer.headers.has('sec-websocket-extensions'), false);
      }
      assert.equal(server.connections.size, 0);
    }
  });

  test(`§5 a server without the option ignores what is offered (${front})`, async (t) => {
    for (const perMessageDeflate of [undefined, false]) {
      for (const offer of [GOOD, DEFAULT_OFFER, BAD_OFFERS[0]]) {
        const { connection, answer } = await openServer(t, perMessageDeflate, offer, front);
        assert.equal(answer, undefined);
        assertNone(connection);
      }
    }
  });

  test(`§5 a server answers nothing to a client that offers nothing (${front})`, async (t) => {
    const { connection, answer } = await openServer(t, true, undefined, front);
    assert.equal(answer, undefined);
    assertNone(connection);
  });

  test(`§5 what a server has answered is what its connection tells (${front})`, async (t) => {
    const { connection, answer } = await openServer(
      t,
      { serverMaxWindowBits: 10, clientNoContextTakeover: false },
      ['x-foo, permessage-deflate; server_max_window_bits=7', 'permessage-deflate'],
      front,
    );
    assert.equal(
      answer,
      'permessage-deflate; server_no_context_takeover; server_max_window_bits=10',
    );
    assert.equal(connection.extensions, answer);
    assert.deepEqual(connection.perMessageDeflate, {
      serverNoContextTakeover: true,
      clientNoContextTakeover: false,
      serverMaxWindowBits: 10,
      clientMaxWindowBits: 15,
    });
  });
}

test('§7.1.2.2 a server that wants a window declines clients that do not let it choose', async (t) => {
  const wish = { ...EASY, clientMaxWindowBits: 10 };
  const { connection, answer } = await openServer(t, wish, 'permessage-deflate');
  assert.equal(answer, undefined);
  assertNone(connection);
  const fallback = 'permessage-deflate, permessage-deflate; client_max_window_bits=12';
  const other = await openServer(t, wish, fallback);
  assert.equal(other.answer, 'permessage-deflate; client_max_window_bits=10');
  assert.equal(other.connection.perMessageDeflate?.clientMaxWindowBits, 10);
});

test('§5 what was agreed on does not wait for a decision that takes time', async (t) => {
  const { server, port } = await serve(t, {
    perMessageDeflate: EASY,
    authorize: async () => {
      await turns(3);
      return { accept: true };
    },
  });
  const peer = await RawPeer.dial(port);
  // Behind the request, though nothing was agreed on yet: a client that knows its server may.
  peer.send(requestHead({ [EXTENSIONS]: GOOD }), peer.frame(COMPRESSED_TEXT, deflated(TEXT)));
  const { headers } = await peer.readHead();
  assert.equal(headers.get('sec-websocket-extensions'), GOOD);
  const [connection] = server.connections;
  assert.ok(connection);
  assert.equal(connection.extensions, GOOD);
  assert.equal(await within(connection.receive(), 'a message'), TEXT);
  peer.stream.destroy();
});

test('§5 a refused handshake agrees on nothing', async (t) => {
  const { port } = await serve(t, {
    perMessageDeflate: true,
    authorize: () => ({ accept: false, status: 403 }),
  });
  const { status, headers } = await askWith(port, { [EXTENSIONS]: GOOD });
  assert.equal(status, 403);
  assert.equal(headers.has('sec-websocket-extensions'), false);
});

for (const [options, offer] of [
  [{}, undefined],
  [{ perMessageDeflate: undefined }, undefined],
  [{ perMessageDeflate: false }, undefined],
  [{ perMessageDeflate: true }, DEFAULT_OFFER],
  [{ perMessageDeflate: {} }, DEFAULT_OFFER],
  [EASY_CLIENT, 'permessage-deflate; client_max_window_bits'],
  [
    { perMessageDeflate: { ...EASY, serverMaxWindowBits: 9, clientMaxWindowBits: 10 } },
    'permessage-deflate; server_max_window_bits=9; client_max_window_bits=10',
  ],
] as const) {
  test(`§5 a client with ${JSON.stringify(options)} offers ${offer ?? 'nothing'}`, async (t) => {
    const opened = await openClient(t, options, undefined);
    assert.equal(opened.offer, offer);
    // The server has declined, which is its right (§5.1).
    assertNone(opened.connection);
    void opened.connection.send(TEXT, { compress: true });
    await opened.peer.expectMessage(TEXT);
  });
}

for (const [answer, agreement] of [
  ['permessage-deflate', {}],
  ['permessage-deflate; server_no_context_takeover', { serverNoContextTakeover: true }],
  ['permessage-deflate; client_no_context_takeover', { clientNoContextTakeover: true }],
  // §7.1.2.1: a server may do with less than it was asked to.
  ['permessage-deflate; server_max_window_bits=8', { serverMaxWindowBits: 8 }],
  ['permessage-deflate; server_max_window_bits=15', {}],
  ['permessage-deflate; client_max_window_bits=8', { clientMaxWindowBits: 8 }],
  [
    'permessage-deflate ;client_max_window_bits="\\9";\tserver_max_window_bits = "10"',
    { serverMaxWindowBits: 10, clientMaxWindowBits: 9 },
  ],
] as const) {
  test(`§7.1 a client that demands nothing takes ${answer}`, async (t) => {
    const { connection, peer } = await openClient(t, EASY_CLIENT, answer);
    assert.equal(connection.extensions, answer);
    assert.deepEqual(connection.perMessageDeflate, {
      serverNoContextTakeover: false,
      clientNoContextTakeover: false,
      serverMaxWindowBits: 15,
      clientMaxWindowBits: 15,
      ...agreement,
    });
    peer.sendFrame(COMPRESSED_TEXT, deflated('deflated'));
    assert.equal(await within(connection.receive(), 'a message'), 'deflated');
  });
}

/** 29: answers a client must fail for (§7.1), and what the error says of them. */
const BAD_ANSWERS: readonly (readonly [
  string,
  string | readonly string[],
  PerMessageDeflateOptions | boolean,
  RegExp,
])[] = [
  ['an extension that was not offered', 'x-foo', true, /"x-foo" was not offered/u],
  ['another extension beside it', `${GOOD}, x-foo`, EASY, /"x-foo" was not offered/u],
  ['its name in another case', 'Permessage-Deflate', true, /was not offered/u],
  ['compression nobody asked for', 'permessage-deflate', false, /was not offered/u],
  ['it twice', 'permessage-deflate, permessage-deflate', EASY, /twice/u],
  ['it twice, in two lines', ['permessage-deflate', GOOD], EASY, /twice/u],
  ['all that was offered', DEFAULT_OFFER, true, /twice/u],
  ['a header that is malformed', 'permessage-deflate;', true, /malformed/u],
  ['a header without a value', '', true, /malformed/u],
  ...[
    ...['0', '7', '16', 'abc', '"abc"', '08', '"08"', '1e1', '-1', '+9', '0x9', '9.0'].flatMap(
      (value) => [`server_max_window_bits=${value}`, `client_max_window_bits=${value}`],
    ),
    'server_max_window_bits',
    'client_max_window_bits',
    'server_no_context_takeover=1',
    'client_no_context_takeover=true',
    'server_max_window_bits=10; server_max_window_bits=10',
    'client_no_context_takeover; client_no_context_takeover',
    'unheard_of',
    '__proto__=10',
    'Server_Max_Window_Bits=10',
  ].map(
    (parameters) =>
      [
        parameters,
        `permessage-deflate; ${parameters}`,
        EASY,
        /a parameter is unknown, repeated or has a bad value: "permessage-deflate/u,
      ] as const,
  ),
  [
    'no server_no_context_takeover, which was demanded',
    'permessage-deflate; client_no_context_takeover',
    { serverNoContextTakeover: true },
    /is no answer to/u,
  ],
  [
    'no server_max_window_bits, which was demanded',
    'permessage-deflate',
    { ...EASY, serverMaxWindowBits: 10 },
    /is no answer to "permessage-deflate; server_max_window_bits=10/u,
  ],
  [
    'a larger server_max_window_bits than was demanded',
    'permessage-deflate; server_max_window_bits=11',
    { ...EASY, serverMaxWindowBits: 10 },
    /is no answer to/u,
  ],
];

for (const [name, answer, perMessageDeflate, message] of BAD_ANSWERS) {
  test(`29 §7.1 a 101 with ${name} is refused, and the socket is gone`, async (t) => {
    const listener = await RawListener.start(t);
    const clock = new ManualClock();
    const transport = net.connect(listener.port, '127.0.0.1');
    const connecting = connect(listener.url, { perMessageDeflate, transport, clock });
    const peer = await listener.next();
    // What follows in the same packet must not be read by anybody.
    await peer.openAsServer({ [EXTENSIONS]: answer }, peer.frame(COMPRESSED_TEXT, deflated(TEXT)));
    await assert.rejects(within(connecting, 'connect'), (error) => {
      assert.ok(error instanceof HandshakeError);
      assert.equal(error.code, 'ERR_WS_EXTENSION');
      assert.match(error.message, message);
      assert.equal(error.status, 101);
      assert.equal(error.url, listener.url);
      assert.equal(error.headers?.get('sec-websocket-extensions'), [answer].flat().join(', '));
      return true;
    });
    assert.ok(transport.destroyed);
    assert.equal(clock.pending, 0);
    await peer.ended();
    peer.stream.destroy();
    await peer.closed();
    // An error that nobody waits for would come up by now.
    await turns(3);
    assert.equal(await listener.size, 0);
  });
}

test('§7.1.1.1 without being told, a client takes a server that keeps its context', async (t) => {
  const { connection } = await openClient(t, { perMessageDeflate: true }, 'permessage-deflate');
  assert.equal(connection.perMessageDeflate?.serverNoContextTakeover, false);
});

test('32 §7.2.2 a compressed message in the packet of the 101 is read', async (t) => {
  const listener = await RawListener.start(t);
  const connecting = connect(listener.url, EASY_CLIENT);
  const peer = await listener.next();
  const request = await peer.readHead();
  const key = request.headers.get('sec-websocket-key') ?? '';
  peer.send(
    responseHead(key, { [EXTENSIONS]: 'permessage-deflate' }),
    peer.frame(COMPRESSED_TEXT, deflated(TEXT)),
    peer.frame(0x81, 'plain'),
  );
  const connection = await within(connecting, 'connect');
  for (const text of [TEXT, 'plain']) {
    assert.equal(await within(connection.receive(), 'a message'), text);
  }
  connection.terminate();
});

test('§7.1.2.2 the window a client has announced is all it uses, though the answer names none', async (t) => {
  const { connection, peer } = await openClient(
    t,
    { perMessageDeflate: { ...EASY, clientMaxWindowBits: 9 } },
    'permessage-deflate',
  );
  // What repeats itself lies further back than the window reaches, and stays as long as it is.
  const half = randomBytes(1024);
  void connection.send(Buffer.concat([half, half]), { compress: true });
  const { rsv, payload } = await peer.readFrame();
  assert.equal(rsv, 4);
  assert.ok(payload.length > 2 * half.length, `${payload.length} octets refer beyond the window`);
});

for (const [announced, options] of [
  [true, { serverNoContextTakeover: false }],
  [false, { serverNoContextTakeover: false, clientNoContextTakeover: false }],
] as const) {
  const does = announced ? 'does without context' : 'uses its context';
  test(`§7.1.1.2 a client that ${does} does so, though the answer says nothing of it`, async (t) => {
    const { connection, peer } = await openClient(
      t,
      { perMessageDeflate: options },
      'permessage-deflate',
    );
    const payloads: Uint8Array[] = [];
    for (let count = 0; count < 2; count++) {
      void connection.send(TEXT, { compress: true });
      payloads.push((await peer.readFrame()).payload);
    }
    const [first, second] = payloads;
    if (announced) assert.deepEqual(second, first);
    else assert.ok(second!.length < first!.length);
  });
}

async function assertReservedBits(
  connection: Connection<undefined>,
  peer: RawPeer,
  octet0: number,
): Promise<void> {
  peer.sendFrame(octet0, utf8('x'));
  await peer.expectClose(1002);
  peer.end();
  const { code, error } = await within(connection.closed, 'the end');
  assert.equal(code, 1006);
  assert.ok(error instanceof ProtocolError);
  assert.equal(error.code, 'ERR_WS_RESERVED_BITS');
}

for (const [name, perMessageDeflate, peerSays] of [
  ['nobody spoke of it', undefined, undefined],
  ['the server did not take it', false, GOOD],
  ['the client did not offer it', true, undefined],
  ['the offer was bad', true, 'permessage-deflate; server_max_window_bits=7'],
] as const) {
  test(`RFC 6455 §5.2 RSV1 fails a server’s connection with 1002 where ${name}`, async (t) => {
    const { connection, peer } = await openServer(t, perMessageDeflate, peerSays);
    await assertReservedBits(connection, peer, 0xc1);
  });
}

for (const perMessageDeflate of [undefined, false, true]) {
  test(`RFC 6455 §5.2 RSV1 fails a client’s connection with 1002 without an answer (${perMessageDeflate})`, async (t) => {
    const { connection, peer } = await openClient(t, { perMessageDeflate }, undefined);
    await assertReservedBits(connection, peer, 0xc1);
  });
}

for (const octet0 of [0xa1, 0x91, 0xe1, 0xd1, 0xf1]) {
  test(`RFC 7692 §6 the other reserved bits stay reserved: ${octet0.toString(16)}`, async (t) => {
    const server = await openServer(t, true, GOOD);
    assert.notEqual(server.answer, undefined);
    await assertReservedBits(server.connection, server.peer, octet0);
    const client = await openClient(t, EASY_CLIENT, GOOD);
    await assertReservedBits(client.connection, client.peer, octet0);
  });
}

/** Both ends in memory; what they agree on, and that each understands the other. */
async function negotiate(
  forServer: PerMessageDeflateOptions | boolean,
  forClient: PerMessageDeflateOptions | boolean,
): Promise<DeflateAgreement | undefined> {
  const [here, there] = memoryPair();
  const server = new WebSocketServer({ perMessageDeflate: forServer });
  const [far, near] = await within(
    Promise.all([
      server.serve(here),
      connect('ws://test.example/', { transport: there, perMessageDeflate: forClient }),
    ]),
    'the handshake',
  );
  assert.equal(near.extensions, far.extensions);
  assert.deepEqual(near.perMessageDeflate, far.perMessageDeflate);
  for (const [sender, receiver] of [
    [near, far],
    [far, near],
    [near, far],
    [far, near],
  ] as const) {
    void sender.send(TEXT, { compress: true });
    assert.equal(await within(receiver.receive(), 'a message'), TEXT);
  }
  near.terminate();
  far.terminate();
  await Promise.all([near.closed, far.closed]);
  return near.perMessageDeflate;
}

test('§5 both sides read the same agreement, whatever each wants of context', async () => {
  const choices = [undefined, true, false];
  const options: PerMessageDeflateOptions[] = choices.flatMap((serverNoContextTakeover) =>
    choices.map((clientNoContextTakeover) => ({
      serverNoContextTakeover,
      clientNoContextTakeover,
    })),
  );
  for (const forServer of options) {
    for (const forClient of options) {
      // Each side may do without; only where both keep it is it kept (§7.1.1).
      const isWithout = (name: keyof PerMessageDeflateOptions): boolean =>
        forServer[name] !== false || forClient[name] !== false;
      assert.deepEqual(await negotiate(forServer, forClient), {
        serverNoContextTakeover: isWithout('serverNoContextTakeover'),
        clientNoContextTakeover: isWithout('clientNoContextTakeover'),
        serverMaxWindowBits: 15,
        clientMaxWindowBits: 15,
      });
    }
  }
});

test('§5 … and of windows: the smaller of the two', async () => {
  const choices = [undefined, 8, 12];
  for (const ofServer of choices) {
    for (const ofClient of choices) {
      const smaller = Math.min(ofServer ?? 15, ofClient ?? 15);
      assert.deepEqual(
        await negotiate(
          { ...EASY, serverMaxWindowBits: ofServer, clientMaxWindowBits: ofServer },
          { ...EASY, serverMaxWindowBits: ofClient, clientMaxWindowBits: ofClient },
        ),
        {
          serverNoContextTakeover: false,
          clientNoContextTakeover: false,
          serverMaxWindowBits: smaller,
          clientMaxWindowBits: smaller,
        },
      );
    }
  }
});

test('§5 … and nothing is agreed on where one side has the option off', async () => {
  for (const [forServer, forClient] of [
    [true, false],
    [false, true],
    [false, false],
  ] as const) {
    assert.equal(await negotiate(forServer, forClient), undefined);
  }
});

test('a bad option is told before anything is dialled', async (t) => {
  const listener = await RawListener.start(t);
  for (const perMessageDeflate of [null, 1, 'yes', { level: 0 }, { serverMaxWindowBits: 16 }]) {
    const options = { perMessageDeflate } as unknown as ConnectOptions;
    const expected = { code: 'ERR_WS_INVALID_ARGUMENT', message: /perMessageDeflate/u };
    await assert.rejects(connect(listener.url, options), expected);
    assert.throws(
      () => new WebSocketServer({ perMessageDeflate: perMessageDeflate as never }),
      expected,
    );
  }
  assert.equal(await listener.size, 0);
});
