/**
 * The protocol frame by frame, without any socket: two `Protocol` machines of `framewire/protocol`,
 * a client and a server, each with an `OutputBuffer` of octets that are handed over by a function
 * call. What is printed are the examples of RFC 6455 §5.7.
 *
 * In Go: the chapters that build and parse frames in a `[]byte`; gorilla/websocket has no such
 * layer.
 *
 *     node examples/.build/protocol-frames.js
 */
import { MaskingKeys, OutputBuffer, Protocol, resolveLimits, type Role } from 'framewire/protocol';

type Print = (line: string) => void;

/** The masking key of the RFC's examples. In earnest: `new MaskingKeys(randomFillSync)`. */
const KEY = [0x37, 0xfa, 0x21, 0x3d];
const fillWithKey = (target: Uint8Array): void => {
  for (let index = 0; index < target.length; index++) target[index] = KEY[index % 4]!;
};

/** One side: a machine, and where it writes. It prints what it is told. */
function createSide(role: Role, print: Print): { protocol: Protocol; output: OutputBuffer } {
  const output = new OutputBuffer();
  const protocol = new Protocol({
    role,
    output,
    limits: resolveLimits(),
    // Only a client masks (§5.1).
    maskingKeys: role === 'client' ? new MaskingKeys(fillWithKey) : undefined,
    sink: {
      // The octets are lent for the time of the call: what is to stay has to be copied.
      onMessage(type, octets, start, end) {
        const text = new TextDecoder().decode(octets.subarray(start, end));
        print(
          `  the ${role} received ${type}: ${text.length > 20 ? `${end - start} octets` : text}`,
        );
      },
      onFragment: () => {}, // Only where `protocol.streaming` is on.
      onPing: () => print(`  the ${role} received a Ping and owes a Pong`),
      onPong: () => print(`  the ${role} received a Pong`),
      onClose: ({ code, reason }) => print(`  the ${role} received Close ${code} ${reason}`),
      onFailure: (error) => print(`  the ${role} failed: ${error.message}`),
    },
  });
  return { protocol, output };
}

export function main(print: Print = console.log): void {
  const client = createSide('client', print);
  const server = createSide('server', print);

  /** Hands over what was written, which is all that a network does. */
  const carry = (from: typeof client, to: typeof client, title: string): void => {
    print(title);
    for (const part of from.output.take()) {
      print(`  ${hex(part.subarray(0, 16))}${part.length > 16 ? ` … ${part.length} octets` : ''}`);
      to.protocol.receive(part.slice()); // It is unmasked in place, so the receiver gets its own.
    }
  };

  server.protocol.sendText('Hello');
  carry(server, client, 'A text message in one frame, not masked');
  client.protocol.sendText('Hello');
  carry(client, server, 'The same, masked');

  server.protocol.sendFragment('text', new TextEncoder().encode('Hel'), false);
  carry(server, client, 'The first of two fragments');
  server.protocol.sendFragment('text', new TextEncoder().encode('lo'), true);
  carry(server, client, 'The second');

  server.protocol.sendPing(new TextEncoder().encode('Hello'));
  carry(server, client, 'A Ping');
  carry(client, server, 'The Pong, which nobody had to ask for');

  server.protocol.sendOctets('binary', new Uint8Array(256));
  carry(server, client, '256 octets: the length takes 16 bits');
  server.protocol.sendOctets('binary', new Uint8Array(65536));
  carry(server, client, '64 KiB: the length takes 64 bits');

  client.protocol.sendClose(1000, 'bye');
  carry(client, server, 'The client closes');
  carry(server, client, 'The server answers, and has to end the connection');
  // §7.1.1: the server first, so that the client's port is free at once.
  const [waits, ends] = [client, server].map(({ protocol }) => protocol.shouldEndTransport);
  print(`  shouldEndTransport: client ${waits}, server ${ends}`);

  const strict = createSide('server', print);
  print('A frame from a client that is not masked');
  strict.protocol.receive(Uint8Array.of(0x81, 0x05, 0x48, 0x65, 0x6c, 0x6c, 0x6f));
  carry(strict, createSide('client', print), 'The server answers');
}

function hex(octets: Uint8Array): string {
  return Array.from(octets, (octet) => octet.toString(16).padStart(2, '0')).join(' ');
}

if (process.argv[1] === import.meta.filename) main();
