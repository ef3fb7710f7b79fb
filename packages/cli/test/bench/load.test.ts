import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Clock } from 'framewire';
import { ManualClock } from 'framewire/testing';
import type { LoadSettings } from '#src/bench/load-settings.js';
import { Load, type LoadProgress } from '#src/bench/load.js';
import { ExitCode } from '#src/exit-codes.js';
import { FakeServer } from './fake-server.js';

interface Bench {
  readonly clock: ManualClock;
  readonly server: FakeServer;
  readonly load: Load;
  readonly progress: LoadProgress[];
  /** Whether the run is over. */
  isDone(): Promise<boolean>;
}

const SETTINGS: LoadSettings = {
  connections: 1,
  window: 1,
  rate: undefined,
  type: 'text',
  size: 16,
  duration: 1000,
  warmup: 0,
  answerTimeout: 5000,
};

/** A load that has begun, on a server that echoes after a millisecond. */
async function begin(settings: Partial<LoadSettings>, lateness: number = 0): Promise<Bench> {
  const clock = new ManualClock();
  const late: Clock = {
    now: () => clock.now(),
    setTimer: (delay, task) => clock.setTimer(delay + lateness, task),
  };
  const server = new FakeServer(clock);
  const progress: LoadProgress[] = [];
  const whole = { ...SETTINGS, ...settings };
  const load = new Load(whole, late, (look) => progress.push(look));
  const connections = Array.from({ length: whole.connections }, () => load.createConnection());
  await Promise.all(connections.map(server.dial));
  let done = false;
  void load.run(connections).then(() => (done = true));
  const isDone = async (): Promise<boolean> => {
    await new Promise((resolve) => setImmediate(resolve));
    return done;
  };
  return { clock, server, load, progress, isDone };
}

test('a closed loop: the next message leaves when the answer to the last has come', async () => {
  const { clock, server, load, isDone } = await begin({});
  assert.equal(server.received, 1);
  clock.advance(500);
  assert.equal(server.received, 501);
  clock.advance(501);
  assert.equal(await isDone(), true);
  const { measurement } = load;
  assert.deepEqual([measurement.elapsed, measurement.unanswered], [1000, 0]);
  assert.equal(measurement.fromDue.summary()?.max, 1);
  assert.equal(measurement.fromSent.count, 0);
});

test('no connection has more in flight than the window', async () => {
  const { clock, server, load } = await begin({ connections: 2, window: 3 });
  assert.equal(server.received, 6);
  clock.advance(1);
  assert.equal(server.received, 12);
  server.standStill();
  clock.advance(100);
  assert.equal(server.received, 12);
  assert.equal(load.measurement.messages, 6);
});

test('what is answered while warming up is not counted', async () => {
  const { clock, server, load } = await begin({ warmup: 300, duration: 100 });
  server.delay = 10;
  clock.advance(299);
  assert.equal(load.measurement.messages, 0);
  // The first left when an echo still took 1 ms, the others one each 10 ms.
  clock.advance(1 + 100 + 10);
  const { messages, fromDue } = load.measurement;
  assert.equal(messages, 10);
  assert.equal(fromDue.count, 10);
});

test('an answer that comes after the time has a latency, and adds nothing to the rate', async () => {
  const { clock, server, load, isDone } = await begin({ duration: 100 });
  clock.advance(50);
  server.standStill();
  clock.advance(50);
  assert.equal(await isDone(), false);
  clock.advance(400);
  server.goOn();
  assert.equal(await isDone(), true);
  const { messages, answered, unanswered, fromDue } = load.measurement;
  assert.deepEqual(
    { messages, answered, unanswered },
    { messages: 50, answered: 51, unanswered: 0 },
  );
  assert.equal(Math.round(fromDue.summary()?.max ?? 0), 450);
});

test('coordinated omission: all messages due while a server stands still show its stall', async () => {
  const { clock, server, load, isDone } = await begin({ rate: 100, duration: 4000 });
  clock.advance(1000);
  server.standStill();
  clock.advance(1000);
  // One alone waits for its answer, and a hundred have not been sent.
  assert.equal(server.received, 101);
  server.goOn();
  clock.advance(2100);
  assert.equal(await isDone(), true);
  const { fromDue, fromSent, answered, unanswered } = load.measurement;
  assert.deepEqual(
    { answered, unanswered, due: load.due },
    { answered: 401, unanswered: 0, due: 401 },
  );
  // A quarter was late, by up to a second and on average by half of one.
  const [p50 = 0, p80 = 0, p99 = 0] = [50, 80, 99].map((at) => fromDue.percentile(at));
  assert.ok(p50 < 2, `${p50}`);
  assert.ok(p80 > 150 && p80 < 400, `${p80}`);
  assert.ok(p99 > 950, `${p99}`);
  // Counted from sending, one message in 401 was: the mistake that is not to be made.
  assert.ok((fromSent.percentile(99) ?? 0) < 2);
  assert.ok((fromSent.percentile(100) ?? 0) > 950);
});

test('an open loop sends by the clock, not by the answers', async () => {
  const { clock, server, load } = await begin({ rate: 100, connections: 4, window: 10 });
  server.standStill();
  clock.advance(90);
  assert.equal(server.received, 10);
  clock.advance(11);
  assert.equal(server.received, 11);
  server.goOn();
  assert.equal(load.measurement.messages, 11);
});

test('a server that never comes back: what was due counts with the time it waited', async () => {
  const { clock, server, load, isDone } = await begin({
    rate: 100,
    duration: 2000,
    answerTimeout: 10_000,
  });
  clock.advance(1000);
  server.standStill();
  clock.advance(1000);
  assert.equal(load.due, 201);
  assert.equal(await isDone(), false);
  load.interrupt();
  assert.equal(await isDone(), true);
  const { fromDue, answered, unanswered } = load.measurement;
  assert.deepEqual({ answered, unanswered }, { answered: 100, unanswered: 101 });
  const [p75 = 0, p100 = 0] = [75, 100].map((at) => fromDue.percentile(at));
  assert.ok(p75 > 480 && p75 < 520, `${p75}`);
  assert.equal(Math.round(p100 / 10), 100);
});

test('what was due while warming up and never left is not counted', async () => {
  const { clock, server, load, isDone } = await begin({
    rate: 100,
    warmup: 1000,
    duration: 1000,
    answerTimeout: 10_000,
  });
  clock.advance(500);
  server.standStill();
  clock.advance(1500);
  load.interrupt();
  assert.equal(await isDone(), true);
  const { fromDue, answered, unanswered } = load.measurement;
  assert.deepEqual([load.due, answered, unanswered, fromDue.count], [101, 0, 101, 101]);
  assert.ok((fromDue.percentile(100) ?? NaN) <= 1001);
});

test('what was due when the time was over is sent, though the timer was late', async () => {
  const { clock, load, isDone } = await begin({ rate: 100, duration: 85, window: 10 }, 30);
  clock.advance(115 + 1);
  assert.equal(await isDone(), true);
  const { answered, unanswered, elapsed } = load.measurement;
  assert.deepEqual([elapsed, load.due, answered, unanswered], [115, 12, 12, 0]);
});

test('a connection that had nothing to wait for was not silent', async () => {
  const { clock, server, load } = await begin({ rate: 1, duration: 3000, answerTimeout: 500 });
  server.delay = 300;
  clock.advance(3300);
  assert.equal(load.failures.count, 0);
  assert.equal(load.measurement.answered, 4);
});

test('a connection without an answer for too long is ended, and the others go on', async () => {
  const { clock, server, load, isDone } = await begin({ connections: 2, answerTimeout: 400 });
  const [silent, other] = server.peers;
  assert.ok(silent !== undefined && other !== undefined);
  silent.say = () => {};
  clock.advance(500);
  assert.deepEqual([silent.isTerminated, other.isTerminated], [true, false]);
  assert.equal(load.failures.first?.exitCode, ExitCode.timeout);
  clock.advance(501);
  assert.equal(await isDone(), true);
  const { unanswered, messages, fromDue } = load.measurement;
  assert.equal(unanswered, 1);
  assert.ok(messages >= 1000);
  // Its silence is told by the latency as well.
  assert.ok((fromDue.percentile(100) ?? 0) >= 400);
});

test('when no connection is left the run is over', async () => {
  const { clock, server, load, isDone } = await begin({ connections: 2 });
  clock.advance(100);
  server.peers[0]?.close({ code: 1001 });
  clock.advance(100);
  assert.equal(await isDone(), false);
  server.peers[1]?.close({ code: 1001 });
  assert.equal(await isDone(), true);
  assert.equal(load.measurement.elapsed, 200);
  assert.deepEqual([...load.failures.closes], [[1001, 2]]);
  assert.equal(clock.pending, 1, 'only the echo that was on its way');
});

test('no connection at all is over at once', async () => {
  const { load, isDone } = await begin({ connections: 0 });
  assert.equal(await isDone(), true);
  assert.equal(load.measurement.elapsed, 0);
});

test('an answer that is none ends its connection', async () => {
  const { clock, server, load } = await begin({});
  const [peer] = server.peers;
  peer?.say('too short');
  assert.equal(peer?.isTerminated, true);
  assert.match(load.failures.first?.text ?? '', /16 octets were answered with 9 octets/u);
  clock.advance(10);
  assert.equal(load.measurement.messages, 0);
});

test('a message nobody asked for ends its connection, also before the load begins', async () => {
  const clock = new ManualClock();
  const server = new FakeServer(clock);
  const load = new Load(SETTINGS, clock, () => {});
  const connection = load.createConnection();
  await server.dial(connection);
  server.peers[0]?.say('welcome');
  assert.match(load.failures.first?.text ?? '', /it sent a message that answers none/u);
  await load.run([connection]);
  assert.equal(load.measurement.elapsed, 0);
});

test('interrupted while it measures: the last answers are awaited, then it is over', async () => {
  const { clock, server, load, isDone } = await begin({});
  server.delay = 50;
  clock.advance(201);
  load.interrupt();
  assert.equal(await isDone(), false);
  clock.advance(50);
  assert.equal(await isDone(), true);
  assert.equal(load.measurement.elapsed, 201);
  assert.equal(load.measurement.unanswered, 0);
});

test('interrupted while it warms up: nothing was measured', async () => {
  const { clock, load, isDone } = await begin({ warmup: 500 });
  clock.advance(100);
  load.interrupt();
  assert.equal(await isDone(), true);
  assert.deepEqual([load.measurement.elapsed, load.measurement.fromDue.count], [0, 0]);
  assert.equal(load.generator, undefined);
});

test('where timers are late, answers end the time', async () => {
  const { clock, load, isDone } = await begin({ warmup: 50, duration: 100 }, 10_000);
  clock.advance(150);
  // The message that this answer made room for is on its way.
  assert.equal(await isDone(), false);
  clock.advance(1);
  assert.equal(await isDone(), true);
  assert.deepEqual([load.measurement.elapsed, load.measurement.unanswered], [100, 0]);
});

test('progress is told four times a second', async () => {
  const { clock, progress } = await begin({ warmup: 500, duration: 500 });
  clock.advance(999);
  assert.deepEqual(
    progress.map(({ phase, elapsed }) => [phase, elapsed]),
    [
      ['warmup', 0],
      ['warmup', 250],
      ['measuring', 0],
      ['measuring', 250],
    ],
  );
  assert.deepEqual([progress[0]?.p50, progress[3]?.p50], [undefined, 1]);
  assert.equal(progress[3]?.answers, 749);
  assert.equal(progress[3]?.inFlight, 1);
});
