import assert from 'node:assert/strict';
import { test } from 'node:test';
import { memoryPair } from 'framewire/testing';
import { TunnelError } from '@framewire/tunnel';
import { decodePreamble, encodePreamble, readPreamble, type Preamble } from '#src/preamble.js';

const PREAMBLE: Preamble = { kind: 'tcp', name: 'app', caller: '192.0.2.1:7' };

function read(write: (far: ReturnType<typeof memoryPair>[1]) => void): Promise<{
  readonly result: Preamble | TunnelError;
  readonly near: ReturnType<typeof memoryPair>[0];
}> {
  const [near, far] = memoryPair();
  near.on('error', () => {});
  return new Promise((resolve) => {
    readPreamble(near, (result) => resolve({ result, near }));
    write(far);
  });
}

test('what is written is what is read, and the octets behind it are left', async () => {
  const octets = Buffer.concat([encodePreamble(PREAMBLE), Buffer.from('GET / HTTP/1.1')]);
  for (const cut of [octets.length, 1, 2, 3, octets.length - 15]) {
    const { result, near } = await read((far) => {
      far.write(octets.subarray(0, cut));
      setImmediate(() => far.write(octets.subarray(cut)));
    });
    assert.deepEqual(result, PREAMBLE);
    let rest = '';
    while (rest.length < 14) {
      const chunk = near.read() as Buffer | null;
      if (chunk === null) await new Promise((resolve) => near.once('readable', resolve));
      else rest += chunk.toString();
    }
    assert.equal(rest, 'GET / HTTP/1.1');
    for (const event of ['end', 'close', 'readable']) {
      assert.equal(
        near.listeners(event).some(({ name }) => name === 'ended'),
        false,
      );
    }
  }
});

test('octet by octet', async () => {
  const { result } = await read((far) => {
    const octets = [...encodePreamble(PREAMBLE)];
    const next = (): void => {
      const octet = octets.shift();
      if (octet === undefined) return;
      far.write(Buffer.of(octet));
      setImmediate(next);
    };
    next();
  });
  assert.deepEqual(result, PREAMBLE);
});

for (const [name, octets] of [
  ['a length beyond the bound', Buffer.from([0xff, 0xff])],
  ['what is no JSON', Buffer.from([0, 1, 0x7b])],
  ['JSON that is no object', Buffer.from('\0\x047777')],
  ['another kind', encodePreamble({ kind: 'udp' as 'tcp', name: 'a' })],
  ['no name', encodePreamble({ kind: 'tcp' } as Preamble)],
] as const) {
  test(`${name} is refused`, () => {
    const error = decodePreamble(octets);
    assert.ok(error instanceof TunnelError);
    assert.equal(error.code, 'ERR_TUNNEL_PREAMBLE');
  });
}

test('a stream that ends or breaks before is refused', async () => {
  const ended = await read((far) => far.end(Buffer.of(0)));
  assert.ok(ended.result instanceof TunnelError);
  const broken = await read((far) => far.destroy());
  assert.ok(broken.result instanceof TunnelError);
});
