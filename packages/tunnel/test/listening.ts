import http from 'node:http';
import type net from 'node:net';
import type { TestContext } from 'node:test';

/** The port on the loopback interface that a server got; the server ends with the test. */
export async function listen(t: TestContext, server: net.Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.close();
    if (server instanceof http.Server) server.closeAllConnections();
  });
  return (server.address() as net.AddressInfo).port;
}
