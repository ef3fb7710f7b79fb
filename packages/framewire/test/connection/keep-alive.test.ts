import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hex, ManualClock } from 'framewire/testing';
import { octetsOf } from '../protocol/frames.ts';
import { open, ROLES, type Opened } from './opening.ts';
import { turns, within, type RawPeer } from './raw-peer.ts';

/** Lets time pass in small steps, with room for what each of them causes. */
async function pass(clock: ManualClock, milliseconds: number, step: number = 50): Promise<void> {
  for (let passed = 0; passed < milliseconds; passed += step) {
    clock.advance(step);
    await turns(2);
  }
}

/** Answers Pings, as long as it is told to. */
class Answering {
  isAnswering = true;
  pings = 0;

  constructor(peer: RawPeer) {
    void peer.forEachFrame(({ opcode, payload }) => {
      if (opcode !== 9) return;
      this.pings++;
      if (this.isAnswering) peer.sendFrame(0x8a, payload);
    });
  }
}

async function openWith(
  role: 'client' | 'server',
  clock: ManualClock,
  interval: number,
  timeout: number,
): Promise<Opened> {
  const opened = await open(role, { clock, heartbeat: { interval, timeout } });
  await turns(2);
  return opened;
}

for (const role of ROLES) {
  test(`76 §5.5.2 a ${role} ends a connection whose peer is silent, within interval and timeout`, async () => {
    const clock = new ManualClock();
    const { connection, peer } = await openWith(role, clock, 1000, 600);
    await pass(clock, 1000);
    const ping = await peer.readFrame();
    assert.equal(ping.opcode, 9);
    await pass(clock, 600);
    const info = await within(connection.closed, 'the end');
    assert.equal(info.code, 1006);
    assert.equal(info.wasClean, false);
    assert.equal(info.initiator, role);
    const error = info.error as Error & { code?: string; milliseconds?: number };
    assert.equal(error.code, 'ERR_WS_PONG_TIMEOUT');
    assert.equal(error.name, 'TimeoutError');
    assert.equal(error.milliseconds, 600);
    await peer.expectClose(1011);
    await peer.closed();
    assert.equal(clock.pending, 0);
  });

  for (const timeout of [100, 1000, 3000]) {
    test(`76 a ${role} finds a peer that falls silent within 1000 + ${timeout} ms, whenever it does`, async () => {
      for (const silentAfter of [50, 2000, 2350, 2500, 2950]) {
        const clock = new ManualClock();
        const { connection, peer } = await openWith(role, clock, 1000, timeout);
        const answering = new Answering(peer);
        await pass(clock, silentAfter);
        assert.equal(connection.readyState, 'open');
        // The last sign of life.
        peer.sendFrame(0x8a);
        await turns(3);
        answering.isAnswering = false;
        await pass(clock, 1000 + timeout);
        assert.equal(connection.readyState, 'closed', `silent after ${silentAfter} ms`);
      }
    });
  }

  test(`a ${role} keeps a peer that answers, however long, and asks at most twice an interval`, async () => {
    const clock = new ManualClock();
    const { connection, peer } = await openWith(role, clock, 1000, 300);
    const answering = new Answering(peer);
    await pass(clock, 20_000);
    assert.equal(connection.readyState, 'open');
    assert.ok(answering.pings >= 10 && answering.pings <= 40, `${answering.pings} pings`);
    connection.terminate();
  });

  test(`a ${role} does not ask a peer that talks anyway`, async () => {
    const clock = new ManualClock();
    const { connection, peer } = await openWith(role, clock, 1000, 300);
    const answering = new Answering(peer);
    void (async () => {
      while ((await connection.receive().catch(() => undefined)) !== undefined);
    })();
    for (let round = 0; round < 50; round++) {
      peer.sendText('talk');
      await pass(clock, 100);
    }
    assert.equal(answering.pings, 0);
    connection.terminate();
  });

  test(`76 one octet of a frame per second is no sign of life for a ${role}`, async () => {
    const clock = new ManualClock();
    const { connection, peer } = await openWith(role, clock, 30_000, 30_000);
    const frame = peer.frame(0x82, octetsOf(1000));
    for (let second = 0; connection.readyState === 'open'; second++) {
      assert.ok(second <= 60, 'longer than interval and timeout');
      peer.send(frame.subarray(second, second + 1));
      await pass(clock, 1000, 1000);
    }
    const info = await connection.closed;
    assert.equal((info.error as { code?: string }).code, 'ERR_WS_PONG_TIMEOUT');
  });

  test(`1 KiB of one frame within the timeout is a sign of life for a ${role}`, async () => {
    const clock = new ManualClock();
    const { connection, peer } = await openWith(role, clock, 1000, 2000);
    const frame = peer.frame(0x82, octetsOf(60_000));
    // 600 octets each second: less than 1 KiB from beat to beat, more from Ping to timeout.
    for (let at = 0; at < 12_000; at += 300) {
      peer.send(frame.subarray(at, at + 300));
      await pass(clock, 500);
    }
    assert.equal(connection.readyState, 'open');
    connection.terminate();
  });

  test(`a ${role} that holds its peer back does not take it for dead, nor right after`, async () => {
    const clock = new ManualClock();
    const { connection, peer } = await openWith(role, clock, 1000, 300);
    const received = connection.receive();
    const answering = new Answering(peer);
    await pass(clock, 500);
    connection.pause();
    await pass(clock, 10_000);
    assert.equal(connection.readyState, 'open');
    peer.sendText('was there all the time');
    await turns(3);
    connection.resume();
    clock.advance(1);
    assert.equal(await within(received, 'the message'), 'was there all the time');
    await pass(clock, 2000);
    assert.equal(connection.readyState, 'open');
    answering.isAnswering = false;
    await pass(clock, 1300);
    assert.equal(connection.readyState, 'closed');
  });

  test(`a ${role} that has just resumed gives its peer's Pong the time to be read`, async () => {
    const clock = new ManualClock();
    const { connection, peer } = await openWith(role, clock, 1000, 300);
    await pass(clock, 500);
    assert.equal((await peer.readFrame()).opcode, 9);
    connection.pause();
    peer.sendFrame(0x8a);
    await pass(clock, 250);
    clock.advance(49);
    connection.resume();
    clock.advance(1);
    await turns(3);
    assert.equal(connection.readyState, 'open');
    connection.terminate();
  });

  test(`a ${role} without a heartbeat has no timer`, async () => {
    const clock = new ManualClock();
    const { connection } = await open(role, { clock, heartbeat: false });
    await turns(2);
    assert.equal(clock.pending, 0);
    clock.advance(1_000_000);
    assert.equal(connection.readyState, 'open');
    connection.terminate();
  });

  test(`a ${role} that closes stops asking`, async () => {
    const clock = new ManualClock();
    const { connection, peer } = await openWith(role, clock, 1000, 300);
    void connection.close(1000);
    await peer.expectClose(1000);
    await pass(clock, 4900);
    assert.equal(connection.readyState, 'closing');
    assert.ok(peer.isDry);
    peer.send(role === 'server' ? hex`88 80 00 00 00 00` : hex`88 00`).end();
    await within(connection.closed, 'the end');
    assert.equal(clock.pending, 0);
  });
}
