/** framewire's json codec against the JSON codec of golang.org/x/net/websocket. */
import assert from 'node:assert/strict';
import { text } from '../contents.ts';
import type { Scenario } from '../scenario.ts';

const ORDER = {
  name: 'Bücher & 漢字 😀 </script>',
  count: 41,
  price: 12.25,
  tags: ['a', '"quoted"', 'line\nbreak'],
  notes: { '': 'empty key', key: '\u2028' },
};

/** What the Go program sends back for an order. */
const COUNTED = { ...ORDER, count: ORDER.count + 1 };

export const JSON_CODEC: readonly Scenario[] = [
  {
    title: 'a value goes from framewire through the JSON codec of the peer and back',
    needs: ['has a JSON codec'],
    run: async (stage) => {
      const { ours } = await stage.open({
        ours: { json: true },
        theirs: { json: true, echo: true },
      });
      await ours.send(text(JSON.stringify(ORDER)));
      const { type, data } = await ours.messages.next();
      assert.equal(type, 'text');
      assert.deepEqual(JSON.parse(new TextDecoder().decode(data)), COUNTED);
    },
  },
  {
    title: 'a value goes from the JSON codec of the peer through framewire and back',
    needs: ['has a JSON codec'],
    run: async (stage) => {
      const { theirs } = await stage.open({
        ours: { json: true, echo: true },
        theirs: { json: true },
      });
      await theirs.send(text(JSON.stringify(ORDER)));
      const { data } = await theirs.messages.next();
      assert.deepEqual(JSON.parse(new TextDecoder().decode(data)), COUNTED);
    },
  },
];
