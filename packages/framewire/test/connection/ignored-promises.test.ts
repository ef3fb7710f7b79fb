/** Every promise of a connection may be ignored: nothing of it may end the process. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { test } from 'node:test';
import { within } from './raw-peer.ts';

interface Outcome {
  readonly code: number | null;
  readonly stderr: string;
  readonly stdout: string;
}

async function run(script: string): Promise<Outcome> {
  const preamble = `
    import { connect, WebSocketServer, prepareMessage, json } from ${JSON.stringify(import.meta.resolve('framewire'))};
    const turns = async (count) => {
      while (count-- > 0) await new Promise((resolve) => setImmediate(resolve));
    };
    const until = async (condition) => {
      for (let count = 0; !condition(); count++) {
        if (count > 100_000) throw new Error('it does not happen: ' + condition);
        await turns(1);
      }
    };
  `;
  const child = spawn(process.execPath, ['--input-type=module', '--eval', preamble + script], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (text: Buffer) => (stdout += text.toString()));
  child.stderr.on('data', (text: Buffer) => (stderr += text.toString()));
  const exited = new Promise<number | null>((resolve) => child.on('close', resolve));
  try {
    return { code: await within(exited, 'the child', 20_000), stdout, stderr };
  } finally {
    child.kill();
  }
}

test('a process that ignores all promises and closes in all ways goes on', async () => {
  const { code, stdout, stderr } = await run(`
    const server = new WebSocketServer({ maxBufferedAmount: 1000, slowConsumer: 'drop' });
    const { url } = await server.listen({ port: 0, host: '127.0.0.1' });
    const use = (connection) => {
      connection.send('text');
      connection.send(new Uint8Array(500_000));
      connection.send(new Uint8Array(500_000));
      connection.send(prepareMessage('prepared'));
      connection.sendStream(['a', 'b']);
      connection.sendStream((function* () { yield 'a'; throw new Error('source'); })());
      connection.sendStream((function* () { throw new Error('source'); })());
      connection.sendStream([1]);
      connection.withCodec(json()).send({});
      connection.ping();
      connection.ping({ payload: 'x'.repeat(200) });
      connection.ping({ signal: AbortSignal.abort() });
      connection.closed;
      server.broadcast('all');
    };
    const ways = [
      (c) => c.close(),
      (c) => c.close(1000),
      (c) => { c.close(1000); c.close(4000); c.terminate(); },
      (c) => c.terminate(),
      (c) => c.terminate(new Error('mine')),
      (c) => c.transport.destroy(new Error('network')),
      (c) => c.transport.resetAndDestroy(),
      (c) => c.transport.end(),
      (c) => { c[Symbol.asyncDispose](); },
    ];
    let ended = 0;
    for (const way of ways) {
      for (const side of ['near', 'far']) {
        const near = await connect(url);
        const [far] = server.connections;
        use(near);
        use(far);
        way(side === 'near' ? near : far);
        use(near);
        use(far);
        near.transport.destroy();
        await near.closed;
        await until(() => server.connections.size === 0);
        use(near);
        use(far);
        ended++;
      }
    }
    connect(url).then((connection) => connection.terminate());
    await until(() => server.connections.size === 1);
    await server.close();
    console.log('ended', ended);
  `);
  assert.equal(code, 0, stderr);
  assert.equal(stdout.trim(), 'ended 18');
  assert.equal(stderr, '');
});

test('an open connection keeps the process alive, and an unref’d one does not', async () => {
  const { code, stdout, stderr } = await run(`
    const server = new WebSocketServer();
    const { url } = await server.listen({ port: 0, host: '127.0.0.1' });
    const near = await connect(url);
    const [far] = server.connections;
    near.unref();
    far.unref();
    near.ref();
    near.unref();
    server.close({ timeout: 60_000 });
    near.transport.pause();
    process.on('exit', () => console.log('exits', far.readyState));
  `);
  assert.equal(code, 0, stderr);
  assert.equal(stdout.trim(), 'exits closing');
});

test('75 idle connections pin none of the memory of what they have received', async () => {
  const { code, stdout, stderr } = await run(`
    import v8 from 'node:v8';
    import vm from 'node:vm';
    v8.setFlagsFromString('--expose-gc');
    const gc = vm.runInNewContext('gc');
    const settle = async () => {
      for (let count = 0; count < 6; count++) { gc(); await turns(20); }
      return process.memoryUsage().external;
    };
    let received = 0;
    const server = new WebSocketServer({
      heartbeat: false,
      handler: { message: (_connection, message) => void (received += message.length) },
    });
    const { url } = await server.listen({ port: 0, host: '127.0.0.1', backlog: 2000 });
    const clients = [];
    // What a connection itself costs is there before the burst.
    for (let count = 0; count < 2000; count += 50) {
      const opening = Array.from({ length: 50 }, () => connect(url, { heartbeat: false }));
      clients.push(...(await Promise.all(opening)));
    }
    await until(() => server.connections.size === 2000);
    const before = await settle();
    const burst = new Uint8Array(64 * 1024 - 100);
    for (let index = 0; index < clients.length; index++) {
      await clients[index].send(burst);
      if (index % 50 === 49) await until(() => received === (index + 1) * burst.length);
    }
    for (const connection of server.connections) connection.send(burst.subarray(0, 30_000));
    let answered = 0;
    for (const client of clients) answered += (await client.receive()).length;
    const pinned = (await settle()) - before;
    console.log(JSON.stringify({ received: received / burst.length, answered: answered / 30_000, pinned }));
    for (const client of clients) client.terminate();
    for (const connection of server.connections) connection.terminate();
    await server.close();
  `);
  assert.equal(code, 0, stderr);
  const { received, answered, pinned } = JSON.parse(stdout) as Record<string, number>;
  assert.equal(received, 2000);
  assert.equal(answered, 2000);
  // 128 MB were received, and as much was sent: next to nothing of it may be left.
  assert.ok(pinned! < 8_000_000, `${pinned} octets are pinned`);
});
