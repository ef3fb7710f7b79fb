import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { connect, type HandshakeError } from 'framewire';
import { ManualClock } from 'framewire/testing';
import { RawListener } from '../connection/opening.ts';
import { turns, within, type RawPeer } from '../connection/raw-peer.ts';

interface Refused {
  readonly error: HandshakeError;
  readonly peer: RawPeer;
}

/** What a client makes of an answer. Time stands still: nothing may depend on a timeout. */
async function refuse(
  t: TestContext,
  answer: (peer: RawPeer, clock: ManualClock) => Promise<void> | void,
): Promise<Refused> {
  const listener = await RawListener.start(t);
  const clock = new ManualClock();
  const connecting = connect(listener.url, { clock });
  connecting.catch(() => {});
  const peer = await listener.next();
  await peer.readHead();
  await answer(peer, clock);
  const error = await within(
    connecting.then(
      () => assert.fail('it was accepted'),
      (reason: unknown) => reason as HandshakeError,
    ),
    'the refusal',
  );
  assert.equal(error.name, 'HandshakeError');
  assert.equal(error.url, listener.url);
  // Whatever the answer was, nothing stays behind.
  await peer.ended();
  assert.equal(clock.pending, 0);
  return { error, peer };
}

function text(error: HandshakeError): string {
  return Buffer.from(error.body ?? []).toString();
}

for (const [status, reason] of [
  [200, 'OK'],
  [401, 'Unauthorized'],
  [403, ''],
  [503, 'Service Unavailable'],
] as const) {
  test(`26 §4.1 the server answers ${status}: status, headers and body are told`, async (t) => {
    const { error } = await refuse(t, (peer) => {
      peer.send(
        `HTTP/1.1 ${status} ${reason}\r\nContent-Length: 5\r\nWWW-Authenticate: Basic\r\n\r\nsorry`,
        'and what is not part of it',
      );
    });
    assert.equal(error.code, 'ERR_WS_STATUS');
    assert.equal(error.status, status);
    assert.equal(error.headers?.get('www-authenticate'), 'Basic');
    assert.equal(text(error), 'sorry');
    assert.match(error.message, new RegExp(`${status}.*sorry`, 'u'));
  });
}

test('a redirect is not followed: the error tells where to', async (t) => {
  const { error } = await refuse(t, (peer) => {
    peer.send(
      'HTTP/1.1 302 Found\r\nLocation: wss://elsewhere.example/\r\nContent-Length: 0\r\n\r\n',
    );
  });
  assert.equal(error.status, 302);
  assert.match(error.message, /302 Found to wss:\/\/elsewhere\.example\//u);
});

test('26 of a long body the first 4096 octets are kept', async (t) => {
  const { error } = await refuse(t, (peer) => {
    peer.send(`HTTP/1.1 404 Not Found\r\nContent-Length: 100000\r\n\r\n${'x'.repeat(100_000)}`);
  });
  assert.equal(error.body?.length, 4096);
  assert.equal(error.body.buffer.byteLength, 4096, 'and nothing else is kept with them');
});

test('26 a body without an announced length ends with the transport', async (t) => {
  const { error } = await refuse(t, (peer) => {
    peer.send('HTTP/1.1 500 Oops\r\n\r\nfirst, ').send('second').end();
  });
  assert.equal(text(error), 'first, second');
});

test('26 an endless body is read no further than it is kept', async (t) => {
  const { error } = await refuse(t, async (peer) => {
    peer.send('HTTP/1.1 500 Oops\r\n\r\n');
    for (let count = 0; count < 100 && !peer.hasEnded && !peer.isClosed; count++) {
      peer.send('x'.repeat(1000));
      await turns(2);
    }
  });
  assert.equal(error.body?.length, 4096);
});

test('26 a body that does not come is waited for a second, and its part is kept', async (t) => {
  const { error } = await refuse(t, async (peer, clock) => {
    peer.send('HTTP/1.1 500 Oops\r\nContent-Length: 10\r\n\r\npart');
    // Only the clock can end this: first the handshake's own timer was set, then this one.
    for (let count = 0; clock.pending < 2; count++) {
      assert.ok(count < 10_000);
      await turns(1);
    }
    await turns(5);
    clock.advance(1000);
  });
  assert.equal(text(error), 'part');
});

const CHUNKED = 'HTTP/1.1 400 Bad Request\r\nTransfer-Encoding: chunked\r\n\r\n';

test('RFC 9112 §7.1 a chunked body is put together', async (t) => {
  const { error } = await refuse(t, (peer) => {
    peer.send(CHUNKED, '5\r\nhello\r\n7;ext=1\r\n, world\r\n0\r\n\r\n');
  });
  assert.equal(text(error), 'hello, world');
});

test('RFC 9112 §7.1 … also when it comes octet by octet, and with a trailer', async (t) => {
  const { error } = await refuse(t, async (peer) => {
    for (const octet of `${CHUNKED}5\r\nhello\r\n0\r\nX-Trailer: 1\r\n\r\n`) {
      peer.send(octet);
      await turns(2);
    }
  });
  assert.equal(text(error), 'hello');
});

test('RFC 9112 §7.1 what looks like the last chunk within the data is data', async (t) => {
  const { error } = await refuse(t, async (peer) => {
    peer.send(CHUNKED, 'a\r\n0\r\n\r\n0\r\n\r\n\r\n');
    await turns(5);
    peer.send('3\r\nend\r\n0\r\n\r\n');
  });
  assert.equal(text(error), '0\r\n\r\n0\r\n\r\nend');
});

test('26 chunks without end are read no further than they are kept', async (t) => {
  const { error } = await refuse(t, async (peer) => {
    peer.send(CHUNKED);
    for (let count = 0; count < 100 && !peer.hasEnded && !peer.isClosed; count++) {
      peer.send(`3e8\r\n${'x'.repeat(1000)}\r\n`);
      await turns(2);
    }
  });
  assert.equal(error.body?.length, 4096);
});

for (const line of [
  'Content-Length: -5',
  'Content-Length: 1e3',
  'Content-Length: 5, 5',
  'Content-Length: abc',
  'Content-Length: 99999999999999999999999999',
]) {
  test(`a bad length is an error of the server, not of ours: ${line}`, async (t) => {
    const { error } = await refuse(t, (peer) => {
      peer.send(`HTTP/1.1 400 Bad Request\r\n${line}\r\n\r\nhello`).end();
    });
    assert.equal(error.status, 400);
  });
}

for (const size of ['xyz', '-1', 'ffffffffffffffffffffff', '']) {
  test(`a bad chunk size is an error of the server, not of ours: ${JSON.stringify(size)}`, async (t) => {
    const { error } = await refuse(t, (peer) => {
      peer.send(CHUNKED, `${size}\r\nhello\r\n0\r\n\r\n`).end();
    });
    assert.equal(error.status, 400);
  });
}

test('a transport that fails within the body only shortens it', async (t) => {
  const listener = await RawListener.start(t);
  const connecting = connect(listener.url, { clock: new ManualClock() });
  const peer = await listener.next();
  await peer.readHead();
  peer.send('HTTP/1.1 401 Unauthorized\r\nContent-Length: 10\r\n\r\npart');
  await turns(10);
  peer.reset();
  await assert.rejects(within(connecting, 'the refusal'), { status: 401 });
});

for (const status of ['204 No Content', '304 Not Modified']) {
  test(`RFC 9112 §6.3 a ${status.slice(0, 3)} has no body, whatever it announces`, async (t) => {
    const { error } = await refuse(t, (peer) => {
      peer.send(`HTTP/1.1 ${status}\r\nContent-Length: 5\r\n\r\n`, 'HTTP/1.1 408 Next\r\n\r\n');
    });
    assert.equal(text(error), '');
    assert.match(error.message, new RegExp(`: ${status} \\(RFC`, 'u'));
  });
}

test('26 the server’s own words for a status are told in quotes', async (t) => {
  const { error } = await refuse(t, (peer) => {
    peer.send('HTTP/1.1 403 Not "you"\r\nContent-Length: 0\r\n\r\n');
  });
  assert.match(error.message, /: 403 "Not \\"you\\"" \(RFC/u);
});

test('a body that is a page, or not printable, is not quoted in the message', async (t) => {
  for (const body of ['<!doctype html>', '\u0007bell', '']) {
    const { error } = await refuse(t, (peer) => {
      peer.send(`HTTP/1.1 403 Forbidden\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
    });
    assert.match(error.message, /: 403 Forbidden \(RFC/u);
  }
});
