import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RawTarget } from './raw.ts';
import { call, gateway } from './serving.ts';

const UPGRADE = 'Connection: Upgrade\r\nUpgrade: x\r\n';

for (const [what, fields] of [
  ['a request', ''],
  ['an upgrade', UPGRADE],
] as const) {
  test(`RFC 9112 §3.2.2 of ${what} in absolute-form the Host is that of the target`, async (t) => {
    const raw = await RawTarget.start(t);
    const caller = await call(t, await gateway(t, raw.port));
    caller.send(
      'GET http://ann:x@Demo.example:8080/x?y HTTP/1.1\r\nX-A: 1\r\nHost: other.example\r\n',
      `${fields}\r\n`,
    );
    const head = await (await raw.next()).readHead();
    assert.deepEqual(head.match(/^host: .*$/gim), ['Host: Demo.example:8080']);
    assert.match(head, /\r\nX-A: 1\r\n/);
  });
}

for (const target of ['/http://demo.example/', '*']) {
  test(`RFC 9112 §3.2 the Host stays with the target ${target}`, async (t) => {
    const raw = await RawTarget.start(t);
    const caller = await call(t, await gateway(t, raw.port));
    caller.send(`OPTIONS ${target} HTTP/1.1\r\nHost: other.example\r\n\r\n`);
    assert.match(await (await raw.next()).readHead(), /\r\nHost: other.example\r\n/);
  });
}
