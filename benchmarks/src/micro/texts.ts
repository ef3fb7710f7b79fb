/** Texts of an exact number of octets, whose words come in no order that a processor could learn. */

const WORDS = {
  ASCII: 'account balance carrier customer delivery discount estimate gross harbour invoice market',
  French: 'après élève où garçon naïve forêt façade maïs cœur été déjà hôtel à plus avec dans pour',
  Chinese: '天地 玄黄 宇宙 洪荒 日月 盈昃 辰宿 列张 寒来 暑往 秋收 冬藏',
};

export type Language = keyof typeof WORDS;

export const LANGUAGES = Object.keys(WORDS) as Language[];

export function textOf(language: Language, octets: number): string {
  const words = WORDS[language].split(' ');
  const space = language === 'Chinese' ? '' : ' ';
  let text = '';
  let left = octets;
  for (let state = 1; left > 0; state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0) {
    const word = words[(state >>> 16) % words.length]! + space;
    const length = Buffer.byteLength(word);
    text += length <= left ? word : '.'.repeat(left);
    left -= Math.min(length, left);
  }
  // In one piece, as a text that an application has made or received.
  return Buffer.from(text).toString();
}
