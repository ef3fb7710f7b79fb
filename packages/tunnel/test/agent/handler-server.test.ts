import assert from 'node:assert/strict';
import http, { type IncomingMessage } from 'node:http';
import { once } from 'node:events';
import { test, type TestContext } from 'node:test';
import { memoryPair } from 'framewire/testing';
import { createHandlerServer } from '#src/agent/handler-server.js';
import type { FetchHandler } from '#src/agent/target.js';

interface Asked {
  readonly request: http.ClientRequest;
  readonly response: Promise<IncomingMessage>;
}

function ask(t: TestContext, handler: FetchHandler, options: http.RequestOptions = {}): Asked {
  const server = createHandlerServer(handler);
  const [near, far] = memoryPair();
  server.emit('connection', far);
  t.after(() => near.destroy());
  const request = http.request({
    createConnection: () => near,
    host: 'app.example',
    ...options,
  });
  request.on('error', () => {});
  const response = once(request, 'response').then(([answer]) => answer as IncomingMessage);
  response.catch(() => {});
  return { request, response };
}

async function textOf(message: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of message as AsyncIterable<Buffer>) text += chunk.toString();
  return text;
}

test('a handler gets a Request, and what it returns is the answer', async (t) => {
  const { request, response } = ask(
    t,
    async (asked) => {
      assert.equal(asked.method, 'POST');
      assert.equal(asked.url, 'http://app.example/path?a=b');
      assert.equal(asked.headers.get('x-a'), '1');
      const headers = new Headers({ 'X-B': '2' });
      headers.append('Set-Cookie', 'a=1');
      headers.append('Set-Cookie', 'b=2');
      return new Response((await asked.text()).toUpperCase(), { status: 201, headers });
    },
    { method: 'POST', path: '/path?a=b', headers: { 'X-A': '1' } },
  );
  request.end('hello');
  const answer = await response;
  assert.equal(answer.statusCode, 201);
  assert.equal(answer.headers['x-b'], '2');
  assert.deepEqual(answer.headers['set-cookie'], ['a=1', 'b=2']);
  assert.equal(await textOf(answer), 'HELLO');
});

test('a body is passed on as it comes', async (t) => {
  let send!: (text: string) => void;
  let close!: () => void;
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      send = (text) => controller.enqueue(Buffer.from(text));
      close = () => controller.close();
    },
  });
  const { request, response } = ask(t, () => new Response(body));
  request.end();
  const answer = await response;
  send('one');
  assert.equal(String((await once(answer, 'data'))[0]), 'one');
  send('two');
  assert.equal(String((await once(answer, 'data'))[0]), 'two');
  close();
  await once(answer, 'end');
});

test('HEAD has the headers alone', async (t) => {
  const { request, response } = ask(t, () => new Response('body', { headers: { 'X-A': '1' } }), {
    method: 'HEAD',
  });
  request.end();
  const answer = await response;
  assert.equal(answer.headers['x-a'], '1');
  assert.equal(await textOf(answer), '');
});

test('what a handler throws is a 500 that does not say what', async (t) => {
  const warned = once(process, 'warning');
  const { request, response } = ask(t, () => Promise.reject(new Error('the secret')));
  request.end();
  const answer = await response;
  assert.equal(answer.statusCode, 500);
  assert.doesNotMatch(await textOf(answer), /secret/u);
  assert.match(String((await warned)[0]), /the secret/u);
});

test('a body that breaks off does not look whole', async (t) => {
  const warned = once(process, 'warning');
  let fail!: () => void;
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      controller.enqueue(Buffer.from('half'));
      fail = () => controller.error(new Error('gone'));
    },
  });
  const { request, response } = ask(t, () => new Response(body));
  request.end();
  const answer = await response;
  await once(answer, 'data');
  const closed = new Promise((resolve) => answer.once('close', resolve));
  answer.on('error', () => {});
  fail();
  await closed;
  assert.equal(answer.complete, false);
  await warned;
});

test('a caller that goes aborts the signal and cancels the body', async (t) => {
  let aborted!: Promise<unknown>;
  let cancelled!: Promise<void>;
  const { request, response } = ask(t, (asked) => {
    aborted = once(asked.signal as never, 'abort');
    let cancel!: () => void;
    cancelled = new Promise((resolve) => (cancel = resolve));
    return new Response(new ReadableStream({ start: (c) => c.enqueue(Buffer.from('x')), cancel }));
  });
  request.end();
  await response;
  request.destroy();
  await aborted;
  await cancelled;
});
