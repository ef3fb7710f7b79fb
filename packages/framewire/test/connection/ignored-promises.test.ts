/** Every promise of a connection may be ignored: nothing of it may end the process. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { run } from './child.ts';

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
