/** RFC 6455 §1.9, §4: subprotocols, headers, origins, refusals. */
import assert from 'node:assert/strict';
import { text } from '../contents.ts';
import { Refusal, type DialOptions, type ListenOptions } from '../endpoint.ts';
import { assertContent, type Scenario, type Stage } from '../scenario.ts';

const FRIEND = 'https://friend.example';
const STRANGER = 'https://stranger.example';

async function assertRefused(
  stage: Stage,
  server: ListenOptions,
  client: Omit<DialOptions, 'url'>,
  status: number,
): Promise<void> {
  const listener = await stage.listen(server);
  const dialling = stage.dial({ ...client, url: `ws://127.0.0.1:${listener.port}/` });
  await assert.rejects(dialling, (error: unknown) => {
    assert.ok(error instanceof Refusal, String(error));
    const visible = stage.client.abilities.has('sees the status of a refusal');
    if (visible) assert.equal(error.status, status);
    return true;
  });
}

const SUBPROTOCOLS: readonly Scenario[] = [
  {
    title: 'the server chooses one subprotocol out of two (§1.9)',
    run: async (stage) => {
      const { ours, theirs } = await stage.open({
        server: { protocols: ['chat.v2', 'chat.v3'] },
        client: { protocols: ['chat.v1', 'chat.v2'] },
      });
      assert.equal(ours.protocol, 'chat.v2');
      assert.equal(theirs.protocol, 'chat.v2');
    },
  },
  {
    title: 'no subprotocol offered, none chosen (§4.2.2)',
    run: async (stage) => {
      const { ours, theirs } = await stage.open({ server: { protocols: ['chat.v2'] } });
      assert.equal(ours.protocol, '');
      assert.equal(theirs.protocol, '');
    },
  },
  {
    title: 'no subprotocol in common, none chosen (§4.2.2)',
    clientNeeds: ['does without a common subprotocol'],
    run: async (stage) => {
      const { ours, theirs } = await stage.open({
        server: { protocols: ['chat.v2'] },
        client: { protocols: ['chat.v9'] },
      });
      assert.equal(ours.protocol, '');
      assert.equal(theirs.protocol, '');
    },
  },
  {
    title: 'a client that offers subprotocols refuses a server that chooses none',
    subjectNeeds: ['insists on a subprotocol'],
    roles: ['server'],
    run: async (stage) => {
      const listener = await stage.listen({ protocols: ['chat.v2'] });
      const url = `ws://127.0.0.1:${listener.port}/`;
      await assert.rejects(stage.dial({ url, protocols: ['chat.v9'] }), /Sec-WebSocket-Protocol/);
    },
  },
];

const REFUSALS: readonly Scenario[] = [
  {
    title: 'a client without the required subprotocol gets 403 (§4.2.2)',
    roles: ['client'],
    run: (stage) =>
      assertRefused(stage, { requireProtocol: 'chat.v2' }, { protocols: ['chat.v1'] }, 403),
  },
  {
    title: 'a client from a strange origin gets 403 (§10.2)',
    needs: ['sets its origin'],
    run: (stage) => assertRefused(stage, { origins: [FRIEND] }, { origin: STRANGER }, 403),
  },
  {
    title: 'a client that the application refuses gets 403 (§4.2.2)',
    run: (stage) => assertRefused(stage, { refuse: 403 }, {}, 403),
  },
];

const REQUESTS: readonly Scenario[] = [
  {
    title: 'a client from an allowed origin is accepted (§10.2)',
    needs: ['sets its origin'],
    run: async (stage) => {
      const pair = await stage.open({ server: { origins: [FRIEND] }, client: { origin: FRIEND } });
      const accepted = stage.peerRole === 'client' ? pair.ours : pair.theirs;
      assert.equal(accepted.headers.get('origin'), FRIEND);
    },
  },
  {
    title: 'the server sees a header that the client added (§4.1)',
    needs: ['sets headers'],
    run: async (stage) => {
      const pair = await stage.open({ client: { headers: { 'X-Request-Tag': 'blue 42' } } });
      const accepted = stage.peerRole === 'client' ? pair.ours : pair.theirs;
      assert.equal(accepted.headers.get('x-request-tag'), 'blue 42');
    },
  },
  {
    title: 'an offer of permessage-deflate is declined and messages travel as they are (§9.1)',
    needs: ['offers compression'],
    roles: ['client'],
    run: async (stage) => {
      const { ours, theirs } = await stage.open({ ours: { echo: true } });
      assert.match(ours.headers.get('sec-websocket-extensions') ?? '', /permessage-deflate/);
      const compressible = text('again and '.repeat(1000));
      await theirs.send(compressible);
      assertContent(await theirs.messages.next(), compressible);
    },
  },
  {
    title: 'framewire listens through a server of node:http',
    roles: ['client'],
    run: async (stage) => {
      const { theirs } = await stage.open({ server: { attach: true }, ours: { echo: true } });
      await theirs.send(text('through node:http'));
      assertContent(await theirs.messages.next(), text('through node:http'));
    },
  },
];

export const OPENING_HANDSHAKE: readonly Scenario[] = [...SUBPROTOCOLS, ...REFUSALS, ...REQUESTS];
