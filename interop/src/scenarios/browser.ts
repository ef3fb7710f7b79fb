/** What only a browser does: it tells its origin truthfully, and its pages go away. */
import assert from 'node:assert/strict';
import { text } from '../contents.ts';
import { Refusal } from '../endpoint.ts';
import { assertContent, assertInfo, closingOf, type Scenario } from '../scenario.ts';

export const BROWSER: readonly Scenario[] = [
  {
    title: 'a page of the same origin is accepted by default (§10.2)',
    needs: ['is a browser'],
    run: async (stage) => {
      const { ours, theirs, listener } = await stage.open({ ours: { echo: true } });
      assert.equal(ours.headers.get('origin'), `http://127.0.0.1:${listener.port}`);
      await theirs.send(text('same origin'));
      assertContent(await theirs.messages.next(), text('same origin'));
    },
  },
  {
    title: 'a page of another origin is refused by default (§10.2)',
    needs: ['is a browser'],
    subjectNeeds: ['refuses other origins by default'],
    run: async (stage) => {
      // A different origin, and one that nothing but the server objects to.
      const origin = 'http://localhost:9';
      const { ours } = await stage.open({ server: { origins: [origin] }, client: { origin } });
      assert.equal(ours.headers.get('origin'), origin);
      const listener = await stage.listen({});
      const url = `ws://127.0.0.1:${listener.port}/`;
      await assert.rejects(stage.dial({ url, origin }), Refusal);
    },
  },
  {
    title: 'a page offers compression, and that its window be chosen (RFC 7692 §7.1.2.2)',
    needs: ['is a browser'],
    run: async (stage) => {
      const { ours, theirs } = await stage.open({ ours: { deflate: { clientMaxWindowBits: 11 } } });
      const offer = ours.headers.get('sec-websocket-extensions');
      assert.equal(offer, 'permessage-deflate; client_max_window_bits');
      assert.equal(theirs.extensions, 'permessage-deflate; client_max_window_bits=11');
      assert.equal(ours.extensions, theirs.extensions);
    },
  },
  {
    title: 'a page that goes away closes with 1001 (§7.4.1)',
    needs: ['is a browser'],
    run: async (stage) => {
      const { ours, theirs } = await stage.open({});
      await theirs.abort();
      const closing = await closingOf(ours);
      assert.equal(closing.code, 1001);
      assertInfo(closing, (info) => assert.equal(info.initiator, 'client'));
    },
  },
];
