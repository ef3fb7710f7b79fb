/** haproxy, with a section for each port. */
import { Program } from './program.ts';
import type { Tool, Workshop } from './workshop.ts';

export const HAPROXY_TOOL: Tool = { debian: 'haproxy', path: '/usr/sbin/haproxy' };

/** What haproxy does on a port. */
export interface Section {
  readonly port: number;
  /** What it speaks there: `tls` with a choice of ALPN, or HTTP/2 from the first octet on. */
  readonly speaks: 'http/1.1' | 'h2' | 'tls http/1.1' | 'tls h2,http/1.1';
  /** What it does with requests that it does not pass on. */
  readonly rules?: readonly string[];
  /** The port of the server, and what is spoken to it. */
  readonly behind: number;
  readonly speaksBehind?: 'http/1.1' | 'h2';
}

const GENERAL = [
  'global',
  '  nbthread 1',
  '  maxconn 200',
  '  log stdout format raw local0',
  'defaults',
  '  mode http',
  '  log global',
  '  option httplog',
  '  timeout connect 5s',
  '  timeout client 20s',
  '  timeout server 20s',
  '  timeout tunnel 20s',
];

/** Ready when it listens on the first of the ports; some of its options are for all of it. */
export async function startHaproxy(
  workshop: Workshop,
  sections: readonly [Section, ...Section[]],
  global: readonly string[] = [],
): Promise<void> {
  const { port } = sections[0];
  const pem = await workshop.pem();
  const lines = [...GENERAL, 'global', ...global, ...sections.flatMap((one) => linesOf(one, pem))];
  const configuration = await workshop.write(`haproxy-${port}.cfg`, `${lines.join('\n')}\n`);
  const args = ['-db', '-f', configuration];
  workshop.keep(await Program.start(HAPROXY_TOOL.path, args, { port }));
}

function linesOf(
  { port, speaks, rules = [], behind, speaksBehind }: Section,
  pem: string,
): string[] {
  const [, alpn] = /^tls (.*)$/u.exec(speaks) ?? [];
  const how =
    alpn === undefined ? (speaks === 'h2' ? 'proto h2' : '') : `ssl crt ${pem} alpn ${alpn}`;
  return [
    `listen on-${port}`,
    `  bind 127.0.0.1:${port} ${how}`,
    ...rules.map((rule) => `  http-request ${rule}`),
    `  server ours 127.0.0.1:${behind} ${speaksBehind === 'h2' ? 'proto h2' : ''}`,
  ];
}
