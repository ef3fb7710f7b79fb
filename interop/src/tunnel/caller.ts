/** Whoever asks: requests of HTTP/1.1, whose answers are taken to their end or break off. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import http, { type ClientRequest, type IncomingMessage } from 'node:http';
import { pseudoRandomOctets } from '../contents.ts';
import { patiently } from '../event-queue.ts';

/** A public side, and the Host that leads to one of its agents. */
export interface Place {
  readonly port: number;
  readonly host: string;
}

export interface Asking {
  readonly method?: string;
  readonly path: string;
  readonly headers?: http.OutgoingHttpHeaders;
  readonly content?: Uint8Array;
  /** In chunks of so many octets; by default Content-Length says the size. */
  readonly pieces?: number | undefined;
  readonly trailers?: Readonly<Record<string, string>>;
}

export interface Answer {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly trailers: NodeJS.Dict<string>;
  readonly content: Buffer;
}

/** Milliseconds for one request. */
const LONGEST = 12_000;

/** Begins a request, on a connection of its own, whose errors are left to who waits for them. */
export function begin(
  { port, host }: Place,
  { method = 'GET', path, headers }: Asking,
): ClientRequest {
  const options = { host: '127.0.0.1', port, method, path, agent: false as const };
  return http.request({ ...options, headers: { Host: host, ...headers } }).on('error', () => {});
}

/** The head of the answer. */
export async function answerTo(request: ClientRequest): Promise<IncomingMessage> {
  const [response] = (await patiently('answer', once(request, 'response'), LONGEST)) as [
    IncomingMessage,
  ];
  return response.on('error', () => {});
}

/** Rejects where it breaks off. */
export async function whole(response: IncomingMessage): Promise<Answer> {
  const pieces: Buffer[] = [];
  const reading = async (): Promise<void> => {
    for await (const piece of response as AsyncIterable<Buffer>) pieces.push(piece);
  };
  await patiently('end of the answer', reading(), LONGEST);
  const { statusCode: status = 0, headers, trailers } = response;
  return { status, headers, trailers, content: Buffer.concat(pieces) };
}

export async function ask(place: Place, asking: Asking): Promise<Answer> {
  const { content, pieces, trailers } = asking;
  const length = content !== undefined && pieces === undefined;
  const headers = { ...asking.headers, ...(length && { 'Content-Length': content.length }) };
  const request = begin(place, { ...asking, headers });
  const answer = answerTo(request);
  if (content !== undefined && pieces !== undefined) await sendPieces(request, content, pieces);
  if (trailers !== undefined) request.addTrailers(trailers);
  request.end(length ? content : undefined);
  return whole(await answer);
}

async function sendPieces(
  request: ClientRequest,
  content: Uint8Array,
  size: number,
): Promise<void> {
  for (let at = 0; at < content.length; at += size) {
    if (!request.write(content.subarray(at, at + size))) await once(request, 'drain');
  }
}

export async function get(place: Place, path: string): Promise<string> {
  const { status, content } = await ask(place, { path });
  assert.equal(status, 200, `${path}: ${content}`);
  return content.toString();
}

export function sumOf(octets: Uint8Array): string {
  return createHash('sha256').update(octets).digest('hex');
}

/** Sends them, in chunks or not, and has them back, the checksum in a trailer. */
export async function echo(place: Place, size: number, pieces?: number): Promise<void> {
  const content = pseudoRandomOctets(size);
  const answer = await ask(place, { method: 'POST', path: '/echo', content, pieces });
  assert.equal(answer.status, 200);
  const sum = sumOf(content);
  assert.equal(answer.content.length, size);
  assert.equal(sumOf(answer.content), sum);
  assert.equal(answer.trailers['x-sum'], sum);
}

/** Begun now and waited for later, by a scenario that may fail before. */
export function inBackground<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => {});
  return promise;
}
