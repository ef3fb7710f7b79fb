import assert from 'node:assert/strict';
import { test } from 'node:test';
import { main } from '../protocol-frames.ts';
import { printed } from './printed.ts';

test('protocol-frames: §5.7, the examples of the RFC octet by octet', () => {
  const { lines, print } = printed();
  main(print);
  const after = (title: string): readonly string[] => {
    const at = lines.findIndex((line) => line.startsWith(title));
    assert.notEqual(at, -1, title);
    const next = lines.findIndex((line, index) => index > at && !line.startsWith(' '));
    return lines.slice(at + 1, next < 0 ? undefined : next).map((line) => line.trim());
  };
  assert.deepEqual(after('A text message in one frame'), [
    '81 05 48 65 6c 6c 6f',
    'the client received text: Hello',
  ]);
  assert.deepEqual(after('The same, masked'), [
    '81 85 37 fa 21 3d 7f 9f 4d 51 58',
    'the server received text: Hello',
  ]);
  assert.deepEqual(after('The first of two'), ['01 03 48 65 6c']);
  assert.deepEqual(after('The second'), ['80 02 6c 6f', 'the client received text: Hello']);
  assert.equal(after('A Ping')[0], '89 05 48 65 6c 6c 6f');
  assert.equal(after('The Pong')[0], '8a 85 37 fa 21 3d 7f 9f 4d 51 58');
  assert.match(after('256 octets')[0] ?? '', /^82 7e 01 00 /);
  assert.match(after('64 KiB')[0] ?? '', /^82 7f 00 00 00 00 00 01 00 00 /);
  assert.equal(after('The client closes')[1], 'the server received Close 1000 bye');
  assert.equal(
    after('The server answers, and')[2],
    'shouldEndTransport: client false, server true',
  );
  assert.match(after('A frame from a client')[0] ?? '', /^the server failed: .*RFC 6455 §5\.1/);
  assert.match(lines.at(-1) ?? '', /the client received Close 1002/);
});
