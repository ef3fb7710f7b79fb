/** The proxies, with as little configuration as they take. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { freePort, Program } from './program.ts';
import type { Tool, Workshop } from './workshop.ts';

const execute = promisify(execFile);

export interface RunningProxy {
  readonly program: Program;
  readonly port: number;
}

export interface User {
  readonly name: string;
  readonly password: string;
}

export const TINYPROXY: Tool = { debian: 'tinyproxy-bin', path: '/usr/bin/tinyproxy' };
export const SQUID: Tool = { debian: 'squid', path: '/usr/sbin/squid' };
export const STUNNEL: Tool = { debian: 'stunnel4', path: '/usr/bin/stunnel4' };
export const MICROSOCKS: Tool = { debian: 'microsocks', path: '/usr/bin/microsocks' };
export const DANTE: Tool = { debian: 'dante-server', path: '/usr/sbin/danted' };

/** Opens tunnels to these ports only. */
export async function startTinyproxy(
  workshop: Workshop,
  ports: readonly number[],
  user?: User,
): Promise<RunningProxy> {
  const port = await freePort();
  const configuration = await workshop.write(
    `tinyproxy-${port}.conf`,
    [
      `Port ${port}`,
      'Listen 127.0.0.1',
      'Timeout 30',
      'LogLevel Info',
      'MaxClients 50',
      'Allow 127.0.0.1',
      ...(user === undefined ? [] : [`BasicAuth ${user.name} ${user.password}`]),
      ...ports.map((allowed) => `ConnectPort ${allowed}`),
      '',
    ].join('\n'),
  );
  const args = ['-d', '-c', configuration];
  return { port, program: workshop.keep(await Program.start(TINYPROXY.path, args, { port })) };
}

/** Asks for this user, and opens tunnels to all ports but one. */
export async function startSquid(
  workshop: Workshop,
  { name, password }: User,
  denied: number,
): Promise<RunningProxy> {
  const port = await freePort();
  const hash = await execute('openssl', ['passwd', '-apr1', password], { timeout: 10_000 });
  const users = await workshop.write('squid-users', `${name}:${hash.stdout.trim()}\n`);
  const logFile = workshop.path('squid-access.log');
  const configuration = await workshop.write(
    'squid.conf',
    [
      `http_port 127.0.0.1:${port}`,
      `auth_param basic program /usr/lib/squid/basic_ncsa_auth ${users}`,
      'auth_param basic children 1 startup=1',
      'auth_param basic realm interop',
      'acl known proxy_auth REQUIRED',
      `acl denied port ${denied}`,
      'http_access deny denied',
      'http_access deny !known',
      'http_access allow known',
      'http_access deny all',
      'cache deny all',
      'cache_mem 8 MB',
      'max_filedescriptors 1024',
      'pid_filename none',
      'pinger_enable off',
      'netdb_filename none',
      'shutdown_lifetime 0 seconds',
      `access_log stdio:${logFile}`,
      `cache_log ${workshop.path('squid-cache.log')}`,
      `coredump_dir ${workshop.folder}`,
      '',
    ].join('\n'),
  );
  const args = ['-N', '-f', configuration];
  return { port, program: workshop.keep(await Program.start(SQUID.path, args, { port, logFile })) };
}

/** TLS in front of another proxy. */
export async function startStunnel(workshop: Workshop, behind: number): Promise<RunningProxy> {
  const port = await freePort();
  const configuration = await workshop.write(
    'stunnel.conf',
    [
      'foreground = yes',
      'pid =',
      'syslog = no',
      'debug = info',
      '[proxy]',
      `accept = 127.0.0.1:${port}`,
      `connect = 127.0.0.1:${behind}`,
      `cert = ${workshop.certificate.certificate}`,
      `key = ${workshop.certificate.key}`,
      '',
    ].join('\n'),
  );
  return {
    port,
    program: workshop.keep(await Program.start(STUNNEL.path, [configuration], { port })),
  };
}

export async function startMicrosocks(workshop: Workshop, user?: User): Promise<RunningProxy> {
  const port = await freePort();
  const credentials = user === undefined ? [] : ['-u', user.name, '-P', user.password];
  const args = ['-i', '127.0.0.1', '-p', String(port), ...credentials];
  return { port, program: workshop.keep(await Program.start(MICROSOCKS.path, args, { port })) };
}

/** Connects to all ports but one. */
export async function startDante(workshop: Workshop, denied: number): Promise<RunningProxy> {
  const port = await freePort();
  const configuration = await workshop.write(
    'danted.conf',
    [
      'logoutput: stdout',
      `internal: 127.0.0.1 port = ${port}`,
      'external: 127.0.0.1',
      ...(process.getuid?.() === 0 ? ['user.unprivileged: nobody'] : []),
      'clientmethod: none',
      'socksmethod: none',
      'client pass { from: 127.0.0.0/8 to: 0.0.0.0/0 }',
      `socks block { from: 0.0.0.0/0 to: 0.0.0.0/0 port = ${denied} }`,
      'socks pass {',
      '  from: 0.0.0.0/0 to: 0.0.0.0/0',
      '  command: connect',
      '  log: connect',
      '}',
      '',
    ].join('\n'),
  );
  // One process of each kind is enough.
  const args = ['-f', configuration, '-N', '1'];
  return { port, program: workshop.keep(await Program.start(DANTE.path, args, { port })) };
}
