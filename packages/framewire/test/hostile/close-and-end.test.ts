/** Peers that end a connection in ways they should not. The numbers are those of the list. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CloseInfo, Connection, Message, Role } from 'framewire';
import { hex, ManualClock } from 'framewire/testing';
import { octetsOf, utf8 } from '../protocol/frames.ts';
import { open, openOnTcp, openPair, ROLES, type OpenOptions } from '../connection/opening.ts';
import { turns, within, type RawPeer } from '../connection/raw-peer.ts';

function other(role: Role): Role {
  return role === 'client' ? 'server' : 'client';
}

function codeOf(info: CloseInfo): unknown {
  return Reflect.get(info.error ?? {}, 'code');
}

interface Ending {
  readonly name: string;
  readonly end: (peer: RawPeer, connection: Connection<undefined>) => Promise<void> | void;
  readonly options?: OpenOptions;
  /** `peer` stands for the other role, `self` for the connection's own. */
  readonly initiator: 'self' | 'peer' | 'network';
  readonly code: number;
  readonly wasClean?: boolean;
  readonly error?: string;
  readonly message?: RegExp;
}

const MISTAKE = new Error('a mistake');

/** Every way for a connection to end, and what is told of it: the answer to "why 1006?". */
const ENDINGS: readonly Ending[] = [
  {
    name: 'the peer closes',
    end: (peer) => void peer.sendClose(4000, 'enough').end(),
    initiator: 'peer',
    code: 4000,
    wasClean: true,
  },
  {
    name: 'the peer closes without a code',
    end: (peer) => void peer.sendClose().end(),
    initiator: 'peer',
    code: 1005,
    wasClean: true,
  },
  {
    name: 'this side closes',
    end: async (peer, connection) => {
      void connection.close(4001, 'done');
      await peer.expectClose(4001);
      peer.sendClose(4002).end();
    },
    initiator: 'self',
    code: 4002,
    wasClean: true,
  },
  {
    name: '61 the transport ends between messages',
    end: (peer) => void peer.sendText('whole').end(),
    initiator: 'network',
    code: 1006,
    error: 'ERR_WS_TRUNCATED',
    message: /between messages/u,
  },
  {
    name: '61 the transport ends within a message',
    end: (peer) => void peer.sendFrame(0x01, 'begun').end(),
    initiator: 'network',
    code: 1006,
    error: 'ERR_WS_TRUNCATED',
    message: /within a message/u,
  },
  {
    name: '61 the transport ends within a frame',
    end: (peer) => void peer.send(peer.frame(0x82, octetsOf(10)).slice(0, 9)).end(),
    initiator: 'network',
    code: 1006,
    error: 'ERR_WS_TRUNCATED',
    message: /within a frame/u,
  },
  {
    name: '61 the transport is reset within a frame',
    end: async (peer) => {
      peer.send(peer.frame(0x82, octetsOf(10)).slice(0, 9));
      await turns(20);
      peer.reset();
    },
    initiator: 'network',
    code: 1006,
    error: 'ERR_WS_TRUNCATED',
    message: /within a frame/u,
  },
  {
    name: 'the peer breaks the protocol',
    end: (peer) => void peer.sendFrame(0x83).end(),
    initiator: 'self',
    code: 1006,
    error: 'ERR_WS_RESERVED_OPCODE',
  },
  {
    name: 'the peer sends too much',
    options: { maxMessageSize: 10 },
    end: (peer) => void peer.sendFrame(0x82, octetsOf(11)).end(),
    initiator: 'self',
    code: 1006,
    error: 'ERR_WS_MESSAGE_TOO_BIG',
    message: /11 where maxMessageSize is 10/u,
  },
  {
    name: '77 a handler throws',
    options: {
      handler: {
        message() {
          throw MISTAKE;
        },
      },
    },
    end: (peer) => void peer.sendText('x').end(),
    initiator: 'self',
    code: 1006,
    message: /a mistake/u,
  },
  {
    name: 'this side terminates',
    end: (_peer, connection) => connection.terminate(),
    initiator: 'network',
    code: 1006,
    error: 'ERR_WS_TERMINATED',
  },
  {
    name: 'this side terminates with an error',
    end: (_peer, connection) => connection.terminate(MISTAKE),
    initiator: 'network',
    code: 1006,
    message: /a mistake/u,
  },
  {
    name: 'the transport is destroyed beneath it',
    end: (_peer, connection) => void connection.transport.destroy(MISTAKE),
    initiator: 'network',
    code: 1006,
    error: 'ERR_WS_TRUNCATED',
  },
];

for (const role of ROLES) {
  for (const { name, end, options, initiator, code, wasClean = false, error, message } of ENDINGS) {
    for (const over of ['memory', 'TCP'] as const) {
      test(`§7.1.5 ${name}: a ${role} tells how and why it ended, once (${over})`, async (t) => {
        const infos: CloseInfo[] = [];
        const handler = {
          ...options?.handler,
          closed: (_connection: Connection<undefined>, info: CloseInfo) => void infos.push(info),
        };
        const { connection, peer } =
          over === 'memory'
            ? await open(role, { ...options, handler })
            : await openOnTcp(t, role, { ...options, handler });
        await end(peer, connection);
        const info = await within(connection.closed, 'the end');
        await turns(3);
        assert.equal(infos.length, 1);
        assert.deepEqual(infos[0], info);
        assert.equal(info.code, code);
        assert.equal(info.wasClean, wasClean);
        const who = { self: role, peer: other(role), network: 'network' }[initiator];
        assert.equal(info.initiator, who);
        if (error !== undefined) assert.equal(codeOf(info), error);
        if (message !== undefined) assert.match(info.error?.message ?? '', message);
        assert.equal(info.error === undefined, wasClean);
        assert.equal(connection.readyState, 'closed');
        assert.equal(connection.bufferedAmount, 0);
      });
    }
  }

  test(`61 the cause of a reset is told to a ${role}`, async (t) => {
    const { connection, peer } = await openOnTcp(t, role);
    await turns(3);
    peer.reset();
    const info = await within(connection.closed, 'the end');
    const cause = info.error?.cause as NodeJS.ErrnoException | undefined;
    assert.equal(cause?.code, 'ECONNRESET');
    await assert.rejects(connection.receive(), { cause: info.error });
  });

  test(`49 §5.5.1 data behind a Close is never delivered by a ${role}`, async () => {
    const { connection, peer } = await open(role);
    peer.send(peer.frame(0x81, 'before'), peer.frame(0x88), peer.frame(0x81, 'behind'));
    await peer.expectClose(1005);
    peer.sendText('later').end();
    const seen: Message[] = [];
    for await (const message of connection) seen.push(message);
    assert.deepEqual(seen, ['before']);
  });

  test(`49 §5.5.2 after its own Close a ${role} drops messages, and answers Pings`, async () => {
    const { connection, peer } = await open(role);
    const closed = connection.close(1000);
    await peer.expectClose(1000);
    peer.sendText('late').sendFrame(0x02, 'later').sendFrame(0x89, 'ping').sendClose(1000).end();
    await peer.expectFrame(0xa, 'ping');
    assert.equal((await within(closed, 'the end')).wasClean, true);
    assert.equal(await connection.receive(), undefined);
    assert.ok(peer.isDry);
  });

  for (const code of [0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65_535]) {
    test(`56 §7.4 a Close with ${code} fails the ${role}'s connection with 1002`, async () => {
      const { connection, peer } = await open(role);
      peer.sendClose(code);
      await peer.expectClose(1002);
      peer.end();
      assert.equal(codeOf(await within(connection.closed, 'the end')), 'ERR_WS_CLOSE_CODE');
    });
  }

  test(`57 §5.5.1 a reason that is no UTF-8 fails the ${role}'s connection with 1007`, async () => {
    const { connection, peer } = await open(role);
    peer.sendFrame(0x88, hex`03 e8 c0 80`);
    await peer.expectClose(1007);
    peer.end();
    const info = await within(connection.closed, 'the end');
    assert.equal(codeOf(info), 'ERR_WS_INVALID_UTF8');
    assert.equal(info.received, undefined);
  });

  test(`57 §5.5.1 the reasons a ${role} may give: 123 octets, and no code point cut in half`, async () => {
    const { connection, peer } = await open(role);
    for (const reason of ['x'.repeat(124), `${'x'.repeat(120)}😀`, 'é'.repeat(62)]) {
      assert.throws(() => void connection.close(1000, reason), { name: 'RangeError' });
    }
    assert.equal(connection.readyState, 'open', 'a mistake closes nothing');
    const fits = `${'x'.repeat(119)}😀`;
    const closed = connection.close(1000, fits);
    assert.equal(await peer.expectClose(1000), fits);
    peer.sendClose(1000).end();
    assert.equal((await within(closed, 'the end')).sent?.reason, fits);
  });

  test(`§7.4.2 the codes a ${role} may give`, async () => {
    const { connection } = await open(role);
    for (const code of [0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 1000.5, NaN, Infinity]) {
      assert.throws(() => void connection.close(code), { name: 'RangeError' }, String(code));
    }
    assert.equal(connection.readyState, 'open');
    if (role === 'server') assert.throws(() => void connection.close(1010), { name: 'RangeError' });
    connection.terminate();
  });

  for (const reason of [new Float64Array(20), new Uint8Array(3), 7, null, {}]) {
    test(`58 a reason that is no string never leaves the memory of a ${role}: ${reason?.constructor.name ?? 'null'}`, async () => {
      const { connection } = await open(role);
      assert.throws(() => void connection.close(1000, reason as never), {
        name: 'TypeError',
        code: 'ERR_WS_INVALID_ARGUMENT',
      });
      assert.equal(connection.readyState, 'open');
      connection.terminate();
    });
  }

  test(`59 a peer that never answers a ${role}'s Close, and goes on talking, is dropped in time`, async () => {
    const clock = new ManualClock();
    const { connection, peer } = await open(role, { clock, closeTimeout: 1000, heartbeat: false });
    const closed = connection.close(1000);
    await peer.expectClose(1000);
    for (let count = 0; count < 10; count++) {
      peer.sendText('bla').sendFrame(0x89);
      await turns(2);
      assert.equal(connection.readyState, 'closing');
      clock.advance(100);
    }
    const info = await within(closed, 'the end');
    assert.deepEqual([info.code, info.wasClean], [1006, false]);
    assert.equal(codeOf(info), 'ERR_WS_CLOSING_TIMEOUT');
    assert.equal(clock.pending, 0);
  });

  test(`59 a peer that keeps the transport after a ${role} has failed is dropped in time`, async () => {
    const clock = new ManualClock();
    const { connection, peer } = await open(role, { clock, closeTimeout: 1000, heartbeat: false });
    peer.sendFrame(0x83);
    await peer.expectClose(1002);
    await peer.ended();
    peer.sendText('still here');
    await turns(2);
    assert.equal(connection.readyState, 'closing');
    clock.advance(1000);
    const info = await within(connection.closed, 'the end');
    assert.equal(codeOf(info), 'ERR_WS_RESERVED_OPCODE', 'the first error is the one that counts');
    assert.equal(clock.pending, 0);
  });

  test(`62 close() again changes nothing for a ${role}, and tells the same`, async () => {
    const { connection, peer } = await open(role);
    const first = connection.close(4000, 'first');
    const second = connection.close(4001, 'second');
    await connection.send('late').catch(() => {});
    await peer.expectClose(4000);
    peer.sendClose(4000).end();
    assert.deepEqual(await within(second, 'the end'), await first);
    assert.deepEqual(await connection.close(), await first);
    assert.deepEqual(await connection.closed, await first);
    connection.terminate();
    assert.equal((await connection.closed).wasClean, true);
    assert.ok(peer.isDry);
  });

  test(`62 pings that wait when a ${role} ends are told`, async () => {
    const { connection, peer } = await open(role);
    const ping = connection.ping();
    await peer.readFrame();
    peer.sendClose(1000).end();
    await assert.rejects(within(ping, 'the end'), { code: 'ERR_WS_CLOSED' });
    await connection.closed;
    await assert.rejects(connection.ping(), { code: 'ERR_WS_CLOSED' });
  });

  test(`[Symbol.asyncDispose] of a ${role} closes with 1000 and waits for the end`, async () => {
    const { connection, peer } = await open(role);
    let isDisposed = false;
    const disposing = connection[Symbol.asyncDispose]().then(() => (isDisposed = true));
    await peer.expectClose(1000);
    assert.equal(isDisposed, false);
    peer.sendClose(1000).end();
    await within(disposing, 'the end');
    assert.equal(connection.readyState, 'closed');
    await connection[Symbol.asyncDispose]();
  });

  test(`80 what a paused ${role} has not read arrives in order when it resumes, then the end`, async (t) => {
    const { connection, peer } = await openOnTcp(t, role);
    connection.pause();
    for (let count = 0; count < 100; count++) peer.sendText(`message ${count}`);
    peer.sendClose(1000).end();
    await turns(20);
    assert.equal(connection.readyState, 'open');
    connection.resume();
    const seen: Message[] = [];
    for await (const message of connection) seen.push(message);
    assert.deepEqual(
      seen,
      Array.from({ length: 100 }, (_, count) => `message ${count}`),
    );
    assert.equal((await connection.closed).wasClean, true);
  });

  test(`80 the same without a Close: all that arrived, and then why it ended`, async (t) => {
    const { connection, peer } = await openOnTcp(t, role);
    connection.pause();
    peer.sendText('one').sendText('two').end();
    await turns(20);
    connection.resume();
    assert.equal(await within(connection.receive(), 'a message'), 'one');
    assert.equal(await within(connection.receive(), 'a message'), 'two');
    await assert.rejects(within(connection.receive(), 'the end'), { code: 'ERR_WS_CLOSED' });
  });

  test(`§7.1.2 messages sent before close() leave before the Close of a ${role}`, async (t) => {
    const { connection, peer } = await openOnTcp(t, role);
    void connection.send('small');
    void connection.send(octetsOf(3_000_000));
    void connection.send('last');
    void connection.close(1000);
    await peer.expectMessage('small');
    await peer.expectMessage(octetsOf(3_000_000));
    await peer.expectMessage('last');
    await peer.expectClose(1000);
    peer.sendClose(1000).end();
    assert.equal((await within(connection.closed, 'the end')).wasClean, true);
  });
}

test('60 §7.1 both sides close at once: both ends are clean', async (t) => {
  const { near, far } = await openPair(t);
  const closing = [near.close(4001, 'near'), far.close(4002, 'far')];
  const [nearInfo, farInfo] = await within(Promise.all(closing), 'the end');
  assert.deepEqual(
    [nearInfo?.code, nearInfo?.wasClean, nearInfo?.initiator],
    [4002, true, 'client'],
  );
  assert.deepEqual([farInfo?.code, farInfo?.wasClean, farInfo?.initiator], [4001, true, 'server']);
});

test('§7.1.1 the server ends TCP first, so that the client’s port is not held', async (t) => {
  const { connection, peer } = await openOnTcp(t, 'server');
  peer.sendClose(1000);
  await peer.expectClose(1000);
  await peer.ended();
  assert.equal(connection.readyState, 'closing');
  peer.end();
  await within(connection.closed, 'the end');
  const client = await openOnTcp(t, 'client');
  client.peer.sendClose(1000);
  await client.peer.expectClose(1000);
  await turns(20);
  assert.equal(client.peer.hasEnded, false);
  client.peer.end();
  await client.peer.ended();
  assert.equal((await within(client.connection.closed, 'the end')).wasClean, true);
  assert.equal(utf8('').length, 0);
});
