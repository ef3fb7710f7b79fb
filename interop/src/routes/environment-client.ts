/** `environment-client.js URL`: a client that goes by its environment, and prints its ports. */
import { connect } from 'framewire';
import { echo } from './our-server.ts';

const connection = await connect(process.argv[2] ?? '', { proxy: 'environment' });
const { localPort, remotePort } = connection;
await echo(connection);
const { code, wasClean } = await connection.close(1000, 'done');
process.stdout.write(`${JSON.stringify({ localPort, remotePort, code, wasClean })}\n`);
