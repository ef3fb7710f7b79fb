/** The process that makes the load: connections of its own making, cheaper than any client library. */
import { BroadcastLoad } from './load/broadcast-load.ts';
import { EchoLoad } from './load/echo-load.ts';
import { HandshakeLoad } from './load/handshake-load.ts';
import { buildMessages } from './load/messages.ts';
import type { LoadOperations, Workload } from './operations.ts';
import { answer } from './rpc.ts';

type Load = EchoLoad | BroadcastLoad | HandshakeLoad;

async function build(workload: Workload): Promise<Load> {
  if (workload.pattern === 'handshakes') return new HandshakeLoad(workload);
  const messages = await buildMessages(workload);
  if (workload.pattern === 'broadcast') return new BroadcastLoad(workload, messages);
  return new EchoLoad(workload, messages);
}

let load: Load | undefined;

function prepared(): Load {
  if (load === undefined) throw new Error('prepare comes first');
  return load;
}

answer<LoadOperations>({
  async prepare(workload) {
    load?.close();
    load = await build(workload);
  },
  // Not all of them have to wait for something.
  open: async (target) => prepared().open(target),
  run: (extent) => prepared().run(extent),
  exchange() {
    const echoes = prepared();
    if (echoes instanceof EchoLoad) return echoes.exchange();
    throw new Error('only echoes are exchanged');
  },
  close: () => prepared().close(),
});
