/** What the page may ask. */
import type { Draft } from './again.ts';
import type { Recorder } from './recorder.ts';

export interface ApiQuestion {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly body: string;
}

export interface ApiAnswer {
  readonly status: number;
  readonly value: unknown;
}

type Action = (question: ApiQuestion, id: number, signal: AbortSignal) => unknown;

/** Throws `InspectorRefusal` for what cannot be done, and a SyntaxError for what cannot be read. */
export async function answerApi(
  recorder: Recorder,
  question: ApiQuestion,
  signal: AbortSignal,
): Promise<ApiAnswer> {
  const [, id = '0', name] =
    /^\/api\/(?:exchanges\/(\d{1,15})\/?)?(\w*)$/u.exec(question.path) ?? [];
  const key = `${question.method} ${id === '0' ? '' : 'exchange/'}${name ?? ''}`;
  const action = actionsOf(recorder).get(key);
  if (action === undefined) return { status: 404, value: { error: 'there is no such thing' } };
  return { status: 200, value: await action(question, Number(id), signal) };
}

function actionsOf(recorder: Recorder): ReadonlyMap<string, Action> {
  return new Map<string, Action>([
    ['GET exchange/', (_question, id) => recorder.detail(id)],
    ['GET exchange/draft', (_question, id) => recorder.draft(id)],
    ['POST exchange/reveal', ({ body }, id) => ({ value: recorder.reveal(id, hiddenOf(body)) })],
    ['POST exchange/curl', ({ body }, id) => ({ command: recorder.curl(id, hidesOf(body)) })],
    [
      'POST exchange/replay',
      async ({ body }, id, signal) => ({
        id: await recorder.replay(id, draftIn(body), signal),
      }),
    ],
    ['GET search', async ({ query }) => ({ ids: await recorder.search(query.get('q') ?? '') })],
    [
      'POST clear',
      () => {
        recorder.clear();
        return {};
      },
    ],
  ]);
}

function objectIn(body: string): Readonly<Record<string, unknown>> {
  const value: unknown = body === '' ? {} : JSON.parse(body);
  if (typeof value !== 'object' || value === null) throw new SyntaxError('this is no object');
  return value as Readonly<Record<string, unknown>>;
}

function stringOf(value: unknown, name: string): string {
  if (typeof value !== 'string') throw new SyntaxError(`${name} is no string`);
  return value;
}

function hiddenOf(body: string): string {
  return stringOf(objectIn(body)['hidden'], 'hidden');
}

function hidesOf(body: string): boolean {
  return objectIn(body)['secrets'] !== true;
}

function draftIn(body: string): Draft | undefined {
  const { draft } = objectIn(body) as { readonly draft?: unknown };
  if (draft === undefined) return undefined;
  const { method, target, headers, body: content } = objectIn(JSON.stringify(draft));
  return {
    method: stringOf(method, 'method'),
    target: stringOf(target, 'target'),
    headers: stringOf(headers, 'headers'),
    body: content === undefined || content === null ? undefined : stringOf(content, 'body'),
  };
}
