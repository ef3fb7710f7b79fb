import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connect, HandshakeError } from 'framewire';
import { start } from '../push-handler.ts';

test('push-handler: guests hear who comes, what is said, and who leaves', async () => {
  const room = await start();
  const ada = await connect(`${room.url}?name=Ada`);
  assert.equal(await ada.receive(), 'Welcome, Ada. 1 here.');
  const bob = await connect(`${room.url}?name=Bob`);
  assert.equal(await bob.receive(), 'Welcome, Bob. 2 here.');
  assert.equal(await ada.receive(), 'Bob has come.');

  await bob.send('good morning');
  assert.equal(await ada.receive(), 'Bob: good morning');
  await ada.send('good morning, Bob');
  // Bob's own message did not come back to him.
  assert.equal(await bob.receive(), 'Ada: good morning, Bob');

  await bob.close(1000);
  assert.equal(await ada.receive(), 'Bob has left (1000).');

  const { closed } = ada;
  await room.close();
  const { code, reason } = await closed;
  assert.deepEqual([code, reason], [1001, 'the room closes']);
});

test('push-handler: octets are answered with 1003, a name is needed', async () => {
  const room = await start();
  const guest = await connect(`${room.url}?name=Eve`);
  await guest.send(Uint8Array.of(1));
  assert.equal((await guest.closed).code, 1003);
  for (const query of ['', '?name=', '?name=no%20spaces']) {
    await assert.rejects(connect(`${room.url}${query}`), (error) => {
      assert.ok(error instanceof HandshakeError);
      assert.equal(error.status, 400);
      assert.match(error.message, /a name is needed/);
      return true;
    });
  }
  await room.close();
});
