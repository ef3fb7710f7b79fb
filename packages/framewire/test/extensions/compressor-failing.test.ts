/** Where zlib cannot have memory, messages are sent as they are, and nobody else is failed. */
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { Compression } from '#src/extensions/compression.js';
import { Compressor } from '#src/extensions/compressor.js';
import { resolveDeflateOptions } from '#src/extensions/deflate-options.js';
import { HandleDeflater } from '#src/extensions/handle-codec.js';
import { StreamDeflater } from '#src/extensions/stream-codec.js';
import { PreparedMessage } from 'framewire/protocol';
import { octetsOf } from '../protocol/frames.ts';

const FAILURE = new Error('no memory');

function compressor(serverNoContextTakeover: boolean): Compressor {
  const agreement = {
    serverNoContextTakeover,
    clientNoContextTakeover: true,
    serverMaxWindowBits: 15,
    clientMaxWindowBits: 15,
  };
  const settings = resolveDeflateOptions({ serverNoContextTakeover });
  return new Compressor(new Compression('server', agreement, 'permessage-deflate', settings));
}

/** Both ways of using zlib fail, the first by throwing or by rejecting. */
function failing(t: TestContext, fails: () => Promise<Uint8Array>): () => void {
  const mocks = [HandleDeflater, StreamDeflater].map((codec) =>
    t.mock.method(codec.prototype, 'deflate', fails as () => never),
  );
  return () => {
    for (const { mock } of mocks) mock.restore();
  };
}

const FAILURES: readonly (readonly [string, () => Promise<Uint8Array>])[] = [
  [
    'throws',
    (): never => {
      throw FAILURE;
    },
  ],
  ['rejects', () => Promise.reject(FAILURE)],
];

for (const [how, fails] of FAILURES) {
  for (const kept of [false, true]) {
    test(`a message is not compressed where zlib ${how}, with${kept ? '' : 'out'} context`, async (t) => {
      const restore = failing(t, fails);
      const failed = compressor(!kept);
      assert.equal(await failed.tryDeflate(octetsOf(500), true), undefined);
      restore();
      const deflated = await failed.tryDeflate(new Uint8Array(500), true);
      assert.ok(deflated !== undefined && deflated.length < 20, 'the next one is');
      failed.close();
    });

    test(`a prepared message is sent as it is where zlib ${how}, with${kept ? '' : 'out'} context`, async (t) => {
      const restore = failing(t, fails);
      for (const size of [500, 200_000]) {
        const message = new PreparedMessage('binary', octetsOf(size));
        assert.equal(await compressor(!kept).prepare(message), message);
      }
      restore();
    });
  }
}
