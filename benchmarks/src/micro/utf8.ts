/** RFC 6455 §8.1: text is judged, decoded and encoded. */
import { isAscii, isUtf8, transcode } from 'node:buffer';
import { decodeText, readBuffer, Utf8Validator } from './internals.ts';
import { sizesTo } from './sizes.ts';
import { LANGUAGES, textOf, type Language } from './texts.ts';
import type { Decision, Row, Table } from './table.ts';

const MOST = 65_536;

const VALIDATION: readonly Decision[] = [
  { name: 'NATIVE_PAYS_FROM', file: 'protocol/utf8.ts', from: ['isUtf8', 'by octets'] },
];

const LOOKING: Decision = {
  name: 'LOOK_PAYS_FROM',
  file: 'native/text.ts',
  from: ['isAscii, latin1', 'toString'],
};
const TRANSCODING: Decision = {
  name: 'TRANSCODING_PAYS_FROM',
  file: 'native/text.ts',
  from: ['isAscii, transcode', 'isAscii, toString'],
};

const ENCODING: readonly Decision[] = [
  { name: 'writeText', file: 'connection/protocol-driver.ts' },
  { name: 'encodeInto', file: 'protocol/frame-encoder.ts' },
];

export const utf8: readonly Table[] = [
  ...LANGUAGES.map((language) =>
    table(`UTF-8 validation, ${language}`, language, validation, VALIDATION),
  ),
  ...LANGUAGES.map((language) =>
    table(
      `UTF-8 decoding, ${language}`,
      language,
      language === 'ASCII' ? asciiDecoding : decoding,
      [language === 'ASCII' ? LOOKING : TRANSCODING],
    ),
  ),
  ...LANGUAGES.map((language) =>
    table(`UTF-8 encoding, ${language}`, language, encoding, ENCODING),
  ),
];

type Ways = (octets: Buffer, text: string) => Row['ways'];

function table(title: string, language: Language, ways: Ways, decides: readonly Decision[]): Table {
  return { title, rows: 'octets', measured: rows(language, ways), decides };
}

/** The octets lie where they are received. */
function* rows(language: Language, ways: Ways): Iterable<Row> {
  for (const size of sizesTo(MOST)) {
    const text = textOf(language, size);
    yield { label: size, ways: ways(readBuffer.subarray(0, readBuffer.write(text)), text) };
  }
}

function validation(octets: Buffer): Row['ways'] {
  const validator = new Utf8Validator();
  const { length } = octets;
  return {
    'by octets': () => validator.accept(octets, 0, length),
    isUtf8: () => isUtf8(octets.subarray(0, length)),
  };
}

function asciiDecoding(octets: Buffer): Row['ways'] {
  const { length } = octets;
  return {
    ...decoders(octets),
    'isAscii, latin1': () => {
      const text = octets.subarray(0, length);
      return isAscii(text) && text.toString('latin1');
    },
  };
}

function decoding(octets: Buffer): Row['ways'] {
  const { length } = octets;
  return {
    ...decoders(octets),
    'isAscii, toString': () => {
      const text = octets.subarray(0, length);
      return !isAscii(text) && text.toString('utf8');
    },
    'isAscii, transcode': () => {
      const text = octets.subarray(0, length);
      return !isAscii(text) && transcode(text, 'utf8', 'ucs2').toString('ucs2');
    },
  };
}

/** `decodeText` is what the library makes of it; the others are what it may choose from. */
function decoders(octets: Buffer): Row['ways'] {
  const decoder = new TextDecoder();
  const { length } = octets;
  return {
    decodeText: () => decodeText(octets, 0, length),
    toString: () => octets.toString('utf8', 0, length),
    TextDecoder: () => decoder.decode(octets.subarray(0, length)),
  };
}

function encoding(_octets: Buffer, text: string): Row['ways'] {
  const encoder = new TextEncoder();
  const target = Buffer.alloc(16 + 3 * text.length);
  const plain = new Uint8Array(target.buffer);
  return {
    'Buffer.write': () => target.write(text, 6, 'utf8'),
    encodeInto: () => encoder.encodeInto(text, plain.subarray(6)),
    'TextEncoder, set': () => plain.set(encoder.encode(text), 6),
    'Buffer.from, set': () => plain.set(Buffer.from(text), 6),
  };
}
