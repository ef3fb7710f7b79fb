import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import fc from 'fast-check';
import { Closing, endsTransportFirst } from '#src/protocol/closing.js';
import { closingSteps, type ClosingState, type ClosingStep } from 'framewire/protocol';

const STATES: readonly ClosingState[] = ['open', 'closeSent', 'closeReceived', 'closed'];
const STEPS: readonly ClosingStep[] = ['sendClose', 'receiveClose', 'fail', 'transportEnd'];

/** The steps that lead from `open` to each state. */
const WAYS: Readonly<Record<ClosingState, readonly ClosingStep[]>> = {
  open: [],
  closeSent: ['sendClose'],
  closeReceived: ['receiveClose'],
  closed: ['sendClose', 'receiveClose'],
};

const FRAME = { code: 1000, reason: 'done' };

function take(closing: Closing, step: ClosingStep): void {
  if (step === 'sendClose') closing.send(FRAME);
  else if (step === 'receiveClose') closing.receive(FRAME);
  else if (step === 'fail') closing.fail(new Error('broken'), undefined);
  else closing.transportEnd(new Error('lost'));
}

function closingAfter(...steps: readonly ClosingStep[]): Closing {
  const closing = new Closing();
  for (const step of steps) take(closing, step);
  return closing;
}

test('§7.1 the closing handshake has these steps', () => {
  assert.deepEqual(closingSteps(), [
    ['open', 'sendClose', 'closeSent'],
    ['open', 'receiveClose', 'closeReceived'],
    ['open', 'fail', 'closed'],
    ['open', 'transportEnd', 'closed'],
    ['closeSent', 'receiveClose', 'closed'],
    ['closeSent', 'fail', 'closed'],
    ['closeSent', 'transportEnd', 'closed'],
    ['closeReceived', 'sendClose', 'closed'],
    ['closeReceived', 'fail', 'closed'],
    ['closeReceived', 'transportEnd', 'closed'],
    ['closed', 'transportEnd', 'closed'],
  ]);
});

test('§7.1 the diagram of the documentation shows these steps', () => {
  const readme = new URL('../../../src/protocol/README.md', import.meta.url);
  const arrows = readFileSync(readme, 'utf8').matchAll(/^ +(\w+) --> (\w+): (.+)$/gmu);
  const drawn = [...arrows].flatMap(([, from, to, steps = '']) =>
    steps.split(', ').map((step) => `${from} ${step} ${to}`),
  );
  assert.deepEqual(
    drawn.sort(),
    closingSteps()
      .map(([from, step, to]) => `${from} ${step} ${to}`)
      .sort(),
  );
});

for (const state of STATES) {
  for (const step of STEPS) {
    const row = closingSteps().find(([from, by]) => from === state && by === step);
    // Failing twice is no step, but no bug either: the second error tells nothing new.
    const next = state === 'closed' && step === 'fail' ? 'closed' : row?.[2];
    test(`§7.1 ${step} in ${state} ${next === undefined ? 'is a bug' : `leads to ${next}`}`, () => {
      const closing = closingAfter(...WAYS[state]);
      assert.equal(closing.state, state);
      if (next === undefined) {
        assert.throws(() => take(closing, step), /is impossible in/u);
        return;
      }
      take(closing, step);
      assert.equal(closing.state, next);
    });
  }
}

test('§7.1 any walk along the table ends in closed, and is open only before its first step', () => {
  const walks = fc.array(fc.constantFrom(...STEPS), { maxLength: 6 });
  fc.assert(
    fc.property(walks, (steps) => {
      const closing = new Closing();
      let state: ClosingState = 'open';
      for (const step of steps) {
        const row = closingSteps().find(([from, by]) => from === state && by === step);
        if (row === undefined) continue;
        take(closing, step);
        state = row[2];
        assert.equal(closing.state, state);
        assert.equal(closing.isOpen, false);
      }
      if (state !== 'closed') take(closing, 'transportEnd');
      assert.equal(closing.state, state === 'open' ? 'closed' : closing.state);
      assert.equal(closing.state, 'closed');
    }),
    { numRuns: 200 },
  );
});

test('§7.1.4 a close is clean when both Closes were exchanged', () => {
  assert.deepEqual(closingAfter('sendClose', 'receiveClose').info('client'), {
    code: 1000,
    reason: 'done',
    wasClean: true,
    initiator: 'client',
    received: FRAME,
    sent: FRAME,
  });
});

test('§7.1.4 a close is not clean with only one of them', () => {
  assert.equal(closingAfter('sendClose', 'transportEnd').info('client').wasClean, false);
  assert.equal(closingAfter('receiveClose', 'transportEnd').info('client').wasClean, false);
});

test('§7.1.5 the code is that of the peer, and 1006 until there is one', () => {
  const closing = new Closing();
  closing.send({ code: 3000, reason: 'ours' });
  assert.equal(closing.info('client').code, 1006);
  assert.equal(closing.info('client').reason, '');
  closing.receive({ code: 4000, reason: 'theirs' });
  assert.equal(closing.info('client').code, 4000);
  assert.equal(closing.info('client').reason, 'theirs');
});

test('§7.1.3 who sent Close first began, on either side', () => {
  assert.equal(closingAfter('sendClose').info('client').initiator, 'client');
  assert.equal(closingAfter('sendClose').info('server').initiator, 'server');
  assert.equal(closingAfter('receiveClose').info('client').initiator, 'server');
  assert.equal(closingAfter('receiveClose').info('server').initiator, 'client');
  assert.equal(closingAfter('sendClose', 'receiveClose').info('server').initiator, 'server');
  assert.equal(closingAfter('receiveClose', 'sendClose').info('server').initiator, 'client');
});

test('§7.1.7 a failure keeps its first error, and the Close that told the peer of it', () => {
  const closing = new Closing();
  const error = new Error('first');
  closing.fail(error, { code: 1002, reason: 'because' });
  closing.fail(new Error('second'), undefined);
  assert.equal(closing.error, error);
  assert.deepEqual(closing.info('server'), {
    code: 1006,
    reason: '',
    wasClean: false,
    initiator: 'server',
    sent: { code: 1002, reason: 'because' },
    error,
  });
});

test('§7.1.7 a failure after the Close of the peer leaves it as the one that began', () => {
  const closing = closingAfter('receiveClose');
  closing.fail(new Error('broken'), FRAME);
  assert.equal(closing.info('server').initiator, 'client');
  assert.deepEqual(closing.info('server').sent, FRAME);
});

test('§7.1.5 a transport that ends without any Close was ended by the network', () => {
  const closing = new Closing();
  const error = new Error('lost');
  closing.transportEnd(error);
  assert.deepEqual(closing.info('client'), {
    code: 1006,
    reason: '',
    wasClean: false,
    initiator: 'network',
    error,
  });
});

test('§7.1.4 the end of the transport is no error once both have said Close', () => {
  const closing = closingAfter('receiveClose', 'sendClose');
  closing.transportEnd(new Error('late'));
  assert.equal(closing.error, undefined);
  assert.equal(closing.info('client').wasClean, true);
});

test('§7.1.7 the end of the transport does not hide what failed before', () => {
  const closing = new Closing();
  const error = new Error('first');
  closing.fail(error, undefined);
  closing.transportEnd(new Error('lost'));
  assert.equal(closing.error, error);
});

test('§7.1.1 the server ends TCP first', () => {
  assert.equal(endsTransportFirst('server'), true);
  assert.equal(endsTransportFirst('client'), false);
});
