/** The process that asks: HTTP of its own making, cheaper than any client library. */
import { createHistogram } from 'node:perf_hooks';
import { percentilesOf } from '../load/echo-load.ts';
import { Failure } from '../load/failure.ts';
import { Meter } from '../load/meter.ts';
import { Window } from '../load/window.ts';
import { answer } from '../rpc.ts';
import { CallerConnection, type CallerEvents } from './caller-connection.ts';
import type { CallerOperations } from './operations.ts';

const failure = new Failure();
const window = new Window(failure);
const meter = new Meter();
/** Nanoseconds, to three digits. */
const times = createHistogram({ figures: 3 });
let connections: CallerConnection[] = [];
/** All answers are looked at. */
let answers = 0;

const events: CallerEvents = {
  onAnswer(connection) {
    answers++;
    meter.messages++;
    times.record(Math.round((performance.now() - connection.sentAt) * 1e6));
    if (window.arrived(1)) connection.ask();
  },
  onOctets: (octets) => void (meter.octets += octets),
  onFailure: (error) => failure.report(error),
};

answer<CallerOperations>({
  async open(settings) {
    connections = Array.from({ length: settings.connections }, () => {
      return new CallerConnection(settings, events);
    });
    await failure.during(Promise.all(connections.map(({ opened }) => opened)));
  },
  async run(extent) {
    times.reset();
    const fill = (): void => {
      window.add(connections.length);
      for (const connection of connections) connection.ask();
    };
    const sample = await meter.measure(
      () => answers,
      () => window.keepFull(extent, () => meter.messages, fill),
    );
    return { ...sample, roundTrips: percentilesOf(times) };
  },
  close() {
    for (const connection of connections) connection.close();
    connections = [];
    window.reset();
    failure.reset();
  },
});
