/** The messages that travel: every length where the frame header changes, and text beyond ASCII. */
import type { Content } from './endpoint.ts';

const utf8 = new TextEncoder();

export interface NamedContent {
  readonly name: string;
  readonly content: Content;
}

export function text(value: string): Content {
  return { type: 'text', data: utf8.encode(value) };
}

/** Octets from a seeded generator (xorshift32): the same in every run. */
export function pseudoRandomOctets(length: number, seed: number = length + 1): Uint8Array {
  const octets = new Uint8Array(length);
  let state = seed;
  for (let index = 0; index < length; index++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    octets[index] = state & 0xff;
  }
  return octets;
}

export function binary(length: number): Content {
  return { type: 'binary', data: pseudoRandomOctets(length) };
}

/** Text of exactly this many octets in UTF-8, of characters of one to four octets. */
export function textOfOctets(length: number): string {
  const characters = ['a', 'é', '漢', '😀'];
  let result = '';
  let octets = 0;
  for (let index = 0; octets < length; index++) {
    const size = index % characters.length;
    const fits = octets + size + 1 <= length;
    result += fits ? characters[size] : 'z';
    octets += fits ? size + 1 : 1;
  }
  return result;
}

const WORDS = {
  kind: ['order', 'invoice', 'delivery', 'return', 'note'],
  city: ['Łódź', 'Málaga', 'København', 'Zürich', 'Tromsø', 'Αθήνα'],
  item: ['lamp', 'table', 'wardrobe', 'chair', 'shelf', 'mirror', 'carpet', 'curtain'],
};

/** Lines of JSON as applications send them, made up from a seed: no two are the same, all are alike. */
export function* jsonLines(seed: number): Generator<string> {
  for (let line = 0; ; line++) {
    const [a = 0, b = 0, c = 0, d = 0] = pseudoRandomOctets(4, 2 ** 16 * seed + line + 1);
    const kind = WORDS.kind[a % WORDS.kind.length];
    const city = WORDS.city[b % WORDS.city.length];
    const item = WORDS.item[c % WORDS.item.length];
    yield `${JSON.stringify({ kind, number: line, city, item, count: d })}\n`;
  }
}

/** The beginning of such lines, cut off at exactly this many octets. */
export function jsonOfOctets(length: number, seed: number = 1): string {
  let result = '';
  let octets = 0;
  for (const line of jsonLines(seed)) {
    const size = Buffer.byteLength(line);
    if (octets + size > length) break;
    result += line;
    octets += size;
  }
  return result + ' '.repeat(length - octets);
}

const CHINESE = ['网络', '协议', '压缩', '消息', '服务器', '客户端', '窗口', '上下文', '，', '。'];

/** Text of characters of three octets. */
export function chinese(characters: number): string {
  const choices = pseudoRandomOctets(characters, 77);
  const words = Array.from(choices, (choice) => CHINESE[choice % CHINESE.length]);
  return words.join('').slice(0, characters);
}

const TEXT_LENGTHS = [125, 126, 65_535, 65_536];
const BINARY_LENGTHS = [0, 1, 125, 126, 65_535, 65_536, 1_048_576];

/** What every peer sends to framewire and framewire to every peer (RFC 6455 §5.2, §5.6). */
export const CONTENTS: readonly NamedContent[] = [
  { name: 'empty text', content: text('') },
  { name: 'ASCII text', content: text('Hello') },
  { name: 'text of emoji and CJK', content: text('👩‍💻🚀 漢字かな交じり文 𝒲𝓈 ½') },
  ...TEXT_LENGTHS.map((length) => ({
    name: `text of ${length} octets`,
    content: text(textOfOctets(length)),
  })),
  ...BINARY_LENGTHS.map((length) => ({
    name: `binary of ${length} octets`,
    content: binary(length),
  })),
];
