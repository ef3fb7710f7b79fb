import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connect } from 'framewire';
import { main, start } from '../compression.ts';
import { printed } from './printed.ts';

/** What a client's frame has besides 126 octets of payload or more: header and masking key. */
const HEADER = 8;

/** `JSON: 8314 octets, 1101 on the wire` as name and numbers. */
function read(line: string): readonly [string, number, number] {
  const [, name, octets, onTheWire] =
    /^([\w: ]+): (\d+) octets, (\d+) on the wire$/.exec(line) ?? [];
  return [name ?? line, Number(octets), Number(onTheWire)];
}

test('compression: what is compressed, and what is not', async () => {
  const { lines, print } = printed();
  await main(print);
  const agreed = 'permessage-deflate; server_no_context_takeover; client_no_context_takeover';
  assert.deepEqual([lines[0], lines[10], lines.length], [agreed, 'permessage-deflate', 14]);
  const measured = new Map(lines.map((line) => [read(line)[0], read(line).slice(1) as number[]]));
  for (const name of ['JSON', 'prepared', 'stream', 'compress: true']) {
    const [octets = 0, onTheWire = 0] = measured.get(name) ?? [];
    assert.ok(onTheWire > 0 && onTheWire < octets / 5, `${name}: ${onTheWire} of ${octets}`);
  }
  assert.deepEqual(measured.get('short'), [5, 5 + 6]);
  for (const name of ['secret', 'random', 'not tried', 'random again']) {
    const [octets = 0, onTheWire] = measured.get(name) ?? [];
    assert.deepEqual([octets > 0, onTheWire], [true, octets + HEADER], name);
  }
});

test('compression: with context takeover, messages that are alike get smaller', async () => {
  const { lines, print } = printed();
  await main(print);
  const sizes = lines.slice(-3).map((line) => read(line)[2]);
  const [first = 0, second = 0, third = 0] = sizes;
  assert.ok(second > 0 && second < first / 5 && third < first / 5, String(sizes));
});

test('compression: a client that does without is served as well', async () => {
  const server = await start();
  const connection = await connect(server.url);
  assert.equal(connection.extensions, '');
  await connection.send('x'.repeat(1000));
  const measured: unknown = JSON.parse(String(await connection.receive()));
  assert.deepEqual(measured, { octets: 1000, onTheWire: 1000 + HEADER });
  await connection.close();
  await server.close();
});
