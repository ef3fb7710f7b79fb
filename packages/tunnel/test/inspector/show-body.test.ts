import assert from 'node:assert/strict';
import { test } from 'node:test';
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from 'node:zlib';
import { CapturedOctets } from '#src/inspector/captured-octets.js';
import { flatten, isSecretName, Veil } from '#src/inspector/secrets.js';
import { showBody, type ShownBody } from '#src/inspector/show-body.js';

function show(content: string | Uint8Array, fields: string[], most: number = 65_536): ShownBody {
  const captured = new CapturedOctets(most);
  captured.add(Buffer.from(content));
  return showBody(captured, fields, new Veil(isSecretName), 'body');
}

const TYPE = 'Content-Type';
const text = ({ text: masked = [] }: ShownBody): string => flatten(masked);

const CODINGS: readonly (readonly [string, string, (octets: Buffer) => Buffer])[] = [
  ['gzip', 'gzip', gzipSync],
  ['br', 'br', brotliCompressSync],
  ['deflate', 'deflate', deflateSync],
  ['deflate without its header', 'deflate', deflateRawSync],
  ['gzip and then br', 'gzip, br', (octets) => brotliCompressSync(gzipSync(octets))],
];

for (const [title, coding, encode] of CODINGS) {
  test(`RFC 9110 §8.4: a body in ${title}`, () => {
    const body = show(encode(Buffer.from('Grüße')), [
      TYPE,
      'text/plain',
      'Content-Encoding',
      coding,
    ]);
    assert.equal(body.kind, 'text');
    assert.equal(text(body), 'Grüße');
    assert.deepEqual(body.notes, [`decoded from ${coding}`]);
  });
}

test('an encoded body that is cut off is decoded as far as it goes', () => {
  const lines = Array.from({ length: 5000 }, (_, index) => `line ${index * 7919}`).join('\n');
  const body = show(gzipSync(lines), [TYPE, 'text/plain', 'Content-Encoding', 'gzip'], 4096);
  assert.match(text(body), /^line 0\nline 7919\n/u);
  assert.match(body.notes[0] ?? '', /^only the first 4 KiB of \d+ KiB are kept$/u);
});

test('what unfolds to more than there is room for is not unfolded', () => {
  const bomb = gzipSync(Buffer.alloc(8 * 1024 * 1024));
  const body = show(bomb, ['Content-Encoding', 'gzip']);
  assert.equal(body.kind, 'hex');
  assert.deepEqual(body.notes, ['shown as it was sent: it unfolds to more than 1024 KiB']);
});

test('what is not in the coding it claims is shown as it was sent', () => {
  const body = show('plain', ['Content-Encoding', 'gzip']);
  assert.deepEqual(body.notes, ['shown as it was sent: it is not valid gzip']);
  assert.match(text(body), /^000000 {2}70 6c 61 69 6e .* plain$/u);
  assert.match(show('x', ['Content-Encoding', 'zstd']).notes[0] ?? '', /zstd is not decoded/u);
});

test('JSON by its type, and by what it looks like', () => {
  assert.equal(show('{"a":1}', [TYPE, 'application/problem+json']).kind, 'json');
  assert.equal(text(show('{"a":1}', [])), '{\n  "a": 1\n}');
  assert.equal(text(show('{"secret":"x', [TYPE, 'application/json'])), '{"secret":••••••');
});

test('a form has fields', () => {
  const body = show('a=b+c&password=d', [TYPE, 'application/x-www-form-urlencoded']);
  assert.equal(body.kind, 'form');
  assert.deepEqual(body.fields, [
    { name: 'a', value: ['b c'] },
    { name: 'password', value: [{ hidden: 'body:0' }] },
  ]);
});

test('RFC 7578: fields of multipart/form-data, and files by their size', () => {
  const content = [
    '--b',
    'Content-Disposition: form-data; name="token"',
    '',
    'x',
    '--b',
    'Content-Disposition: form-data; name="f"; filename="a.bin"',
    '',
    '\u0000\u0001',
    '--b--',
    '',
  ].join('\r\n');
  assert.deepEqual(show(content, [TYPE, 'multipart/form-data; boundary=b']).fields, [
    { name: 'token', value: [{ hidden: 'body:0' }] },
    { name: 'f', value: ['file a.bin, 2 octets'] },
  ]);
});

test('images are shown as such when they are whole, and never as SVG', () => {
  assert.equal(show('GIF', [TYPE, 'image/gif']).image, 'data:image/gif;base64,R0lG');
  assert.equal(show('GIF89', [TYPE, 'image/gif'], 2).image, undefined);
  assert.equal(show('<svg/>', [TYPE, 'image/svg+xml']).kind, 'text');
});

test('all else is in hexadecimal', () => {
  const body = show(Uint8Array.of(0, 65, 255), [TYPE, 'application/octet-stream']);
  assert.equal(body.kind, 'hex');
  assert.match(text(body), /^000000 {2}00 41 ff +\.A\.$/u);
});

test('no body is none', () => {
  assert.equal(show('', [TYPE, 'text/plain']).kind, 'none');
});
