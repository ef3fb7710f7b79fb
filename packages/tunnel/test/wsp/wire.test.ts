import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TunnelError } from '@framewire/tunnel';
import { contentLengthOf, fieldsOf, rawHeadersOf } from '#src/wsp/fields.js';
import {
  decodeGreeting,
  decodeRequestHead,
  decodeResponseHead,
  encodeRequestHead,
  encodeResponseHead,
  isAgentId,
} from '#src/wsp/wire.js';

test('a head is written as encoding/json writes it: keys in order, & < > and controls escaped', () => {
  const fields = fieldsOf(['x-b', '1', 'accept', 'a\u0008&<>', 'X-B', '2']);
  const head = { method: 'GET', url: 'http://h/?a=1&b=<2>\u2028', fields, contentLength: -1 };
  assert.equal(
    encodeRequestHead(head),
    '{"Method":"GET","URL":"http://h/?a=1\\u0026b=\\u003c2\\u003e\\u2028",' +
      '"Header":{"Accept":["a\\u0008\\u0026\\u003c\\u003e"],"X-B":["1","2"]},"ContentLength":-1}',
  );
});

test('an answer without headers has an empty object for them', () => {
  const head = { statusCode: 527, fields: new Map(), contentLength: 3 };
  assert.equal(encodeResponseHead(head), '{"StatusCode":527,"Header":{},"ContentLength":3}');
});

test('a backslash before b or f is no escape of a control', () => {
  const fields = fieldsOf(['X', '\\b\\\\f']);
  const text = encodeResponseHead({ statusCode: 200, fields, contentLength: 0 });
  assert.deepEqual(JSON.parse(text), {
    StatusCode: 200,
    Header: { X: ['\\b\\\\f'] },
    ContentLength: 0,
  });
});

test('a head is read as Go reads it: any case, null for no header, unknown keys, no length', () => {
  const head = decodeRequestHead('{"method":"POST","url":"http://h/","HEADER":null,"x":[1]}');
  assert.ok(!(head instanceof TunnelError));
  assert.deepEqual(
    [head.method, head.url, head.fields.size, head.contentLength],
    ['POST', 'http://h/', 0, 0],
  );
});

for (const [written, asked] of [
  ['post', 'POST'],
  ['Connect', 'CONNECT'],
  ['', 'GET'],
] as const) {
  test(`the method ${JSON.stringify(written)} is ${asked}, as Node sends it`, () => {
    const head = decodeRequestHead(JSON.stringify({ Method: written, URL: 'http://h/' }));
    assert.ok(!(head instanceof TunnelError));
    assert.equal(head.method, asked);
  });
}

for (const [text, why] of [
  ['', 'the head is no JSON object'],
  ['[]', 'the head is no JSON object'],
  ['{"StatusCode":101}', 'StatusCode is not one of an answer'],
  ['{"StatusCode":"200"}', 'StatusCode is not one of an answer'],
  ['{"StatusCode":1000}', 'StatusCode is not one of an answer'],
  ['{"StatusCode":200,"ContentLength":-2}', 'ContentLength is not a length'],
  ['{"StatusCode":200,"Header":[]}', 'Header is no object'],
  ['{"StatusCode":200,"Header":{"a b":["1"]}}', 'Header has a name that is no token'],
  ['{"StatusCode":200,"Header":{"A":"1"}}', 'the values of A are no list'],
  ['{"StatusCode":200,"Header":{"A":["1\\r\\nB: 2"]}}', 'a value of A is none'],
] as const) {
  test(`a head of an answer that is none: ${text || 'nothing'}`, () => {
    const error = decodeResponseHead(text);
    assert.ok(error instanceof TunnelError);
    assert.equal(error.code, 'ERR_TUNNEL_WSP_WIRE');
    assert.ok(error.message.endsWith(why), error.message);
  });
}

test('a name of a header that means something to JavaScript is a name', () => {
  const head = decodeResponseHead('{"StatusCode":200,"Header":{"__proto__":["1"]}}');
  assert.ok(!(head instanceof TunnelError));
  assert.deepEqual([...head.fields], [['__proto__', ['1']]]);
  assert.match(encodeResponseHead(head), /"Header":\{"__proto__":\["1"\]\}/);
});

test('octets of a value are UTF-8 on the wire, and the same octets again', () => {
  const latin1 = Buffer.from('Grüße').toString('latin1');
  const fields = fieldsOf(['X', latin1]);
  assert.deepEqual(fields.get('X'), ['Grüße']);
  assert.deepEqual(rawHeadersOf(fields), ['X', latin1]);
});

for (const [values, expected] of [
  [[], -1],
  [['12'], 12],
  [['12, 12'], 12],
  [['12', '12'], 12],
  [['12', '13'], undefined],
  [['+12'], undefined],
  [[''], undefined],
] as const) {
  test(`Content-Length of ${JSON.stringify(values)} is ${expected}`, () => {
    assert.equal(
      contentLengthOf(new Map([['Content-Length', values]].filter(() => values.length > 0) as [])),
      expected,
    );
  });
}

for (const [text, id, size] of [
  ['agent-1_1', 'agent-1', 1],
  ['_3', '', 3],
  ['a_b_3', 'a_b', 3],
  ['id_-5', 'id', 0],
  ['id_999999999', 'id', 10_000],
] as const) {
  test(`the greeting ${text} is of ${id || 'nobody'} who wants ${size}`, () => {
    assert.deepEqual(decodeGreeting(text), { id, size });
  });
}

for (const text of ['', 'agent', 'id_', 'id_ 5', 'id_x', 'id_5_extra', 'id_9999999999', 'i\nd_1']) {
  test(`the greeting ${JSON.stringify(text)} is none`, () => {
    assert.ok(decodeGreeting(text) instanceof TunnelError);
  });
}

test('an id with an underscore is none that a Go relay understands', () => {
  assert.deepEqual(['a-1', 'a_1', '', 'a b', 'ä'].map(isAgentId), [
    true,
    false,
    false,
    false,
    false,
  ]);
});
