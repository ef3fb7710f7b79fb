/** Looking for text in everything that is shown of exchanges; what is hidden is not found. */
import type { Exchange } from './exchange.ts';
import { flatten, Veil, type IsSecretName, type Masked } from './secrets.ts';
import { detailOf, type ShownPart } from './view.ts';

/** Milliseconds at a time: the tunnel goes on meanwhile. */
const TURN = 8;

/** The ids of those in which every word is, whatever its case. */
export async function search(
  exchanges: readonly Exchange[],
  query: string,
  isSecret: IsSecretName,
): Promise<number[]> {
  const words = query.toLowerCase().split(/\s+/u).filter(Boolean);
  const found: number[] = [];
  let began = performance.now();
  for (const exchange of exchanges) {
    const text = textOfAll(exchange, isSecret);
    if (words.every((word) => text.includes(word))) found.push(exchange.id);
    if (performance.now() - began < TURN) continue;
    await new Promise((resolve) => setImmediate(resolve));
    began = performance.now();
  }
  return found;
}

function textOfAll(exchange: Exchange, isSecret: IsSecretName): string {
  const detail = detailOf(exchange, isSecret, new Veil(isSecret));
  const { method, path, status, reason, host, caller, error, request, answer, messages } = detail;
  return [
    `${method} ${path} ${status ?? ''} ${reason} ${host} ${caller}`,
    error === undefined ? '' : `${error.code} ${error.text}`,
    ...textOfPart(request),
    ...(answer === undefined ? [] : textOfPart(answer)),
    ...(messages ?? []).map(({ text }) => flatten(text)),
  ]
    .join('\n')
    .toLowerCase();
}

function textOfPart({ headers, trailers, body }: ShownPart): string[] {
  const line = ({ name, value }: { readonly name: string; readonly value: Masked }): string =>
    `${name}: ${flatten(value)}`;
  const fields = [...headers, ...trailers, ...(body.fields ?? [])].map(line);
  return body.text === undefined ? fields : [...fields, flatten(body.text)];
}
