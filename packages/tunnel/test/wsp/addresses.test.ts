/** Destinations that no relay gets an agent to ask, whatever its rules allow. */
import assert from 'node:assert/strict';
import dns from 'node:dns';
import http from 'node:http';
import net from 'node:net';
import { test, type TestContext } from 'node:test';
import { ask, serveTarget, startWithAgent } from './rig.ts';

/** A name that nobody has. */
const NAME = 'metadata.test';

/** It is 0.0.0.0 from now on: where that is dialled, it leads to the loopback interface. */
function claimName(t: TestContext): void {
  const { lookup } = dns;
  type Told = (error: null, addresses: unknown, family?: number) => void;
  t.mock.method(dns, 'lookup', (hostname: string, options: dns.LookupOptions, told: Told) => {
    if (hostname !== NAME) Reflect.apply(lookup, dns, [hostname, options, told]);
    else if (options.all === true) told(null, [{ address: '0.0.0.0', family: 4 }]);
    else told(null, '0.0.0.0', 4);
  });
}

for (const host of ['0.0.0.0', '169.254.169.254', '0xa9fea9fe', '[::ffff:169.254.169.254]']) {
  test(`a destination at ${host} is a 527, and is not dialled`, async (t) => {
    const httpAgent = new http.Agent();
    httpAgent.createConnection = () => assert.fail('it was dialled');
    const whitelist = [{ url: '.*' }];
    const { port, executed } = await startWithAgent(t, {}, { httpAgent, whitelist });
    const answer = await ask(port, { destination: `http://${host}/` });
    assert.deepEqual([answer.status, answer.body], [527, 'Destination is forbidden']);
    assert.equal(((await executed.next()).error as { code?: string }).code, 'ERR_TUNNEL_FORBIDDEN');
  });
}

test('a name that leads to such an address is a 527', async (t) => {
  let count = 0;
  const target = await serveTarget(t, (_request, response) => {
    count++;
    response.end();
  });
  const { port, executed } = await startWithAgent(t);
  claimName(t);
  const destination = `http://${NAME}:${new URL(target).port}/`;
  assert.equal((await ask(port, { destination })).status, 527);
  assert.equal(((await executed.next()).error as { code?: string }).code, 'ERR_TUNNEL_FORBIDDEN');
  assert.equal(count, 0);
});

for (const host of ['0.0.0.0', NAME]) {
  test(`a redirect to ${host} is a 527`, async (t) => {
    const asked: (string | undefined)[] = [];
    const target = await serveTarget(t, ({ url }, response) => {
      asked.push(url);
      const { port } = new URL(target);
      response.writeHead(302, { Location: `http://${host}:${port}/secret` }).end();
    });
    const { port } = await startWithAgent(t, {}, { followRedirects: true });
    claimName(t);
    assert.equal((await ask(port, { destination: `${target}/open` })).status, 527);
    assert.deepEqual(asked, ['/open']);
  });
}

test('allowLinkLocal lets an agent ask there', async (t) => {
  const target = await serveTarget(t, (_request, response) => void response.end('metadata'));
  const httpAgent = new http.Agent({ keepAlive: false });
  let lookup: unknown;
  httpAgent.createConnection = (options) => {
    ({ lookup } = options as net.TcpNetConnectOpts);
    return net.connect({ port: Number(new URL(target).port), host: '127.0.0.1' });
  };
  t.after(() => httpAgent.destroy());
  const { port } = await startWithAgent(t, {}, { httpAgent, allowLinkLocal: true });
  const answer = await ask(port, { destination: 'http://169.254.169.254/' });
  assert.deepEqual([answer.body, lookup], ['metadata', undefined]);
});
