/**
 * `node interop/dist/routes.js [part ...]`: the library on routes that others make: proxies, front
 * ends, redirects, and other implementations of WebSockets over HTTP/2 (RFC 8441). `--only text`
 * plays the scenarios whose title contains the text.
 */
import { parseArgs } from 'node:util';
import { chooseParts, playParts } from './play-parts.ts';
import { Report } from './report.ts';
import { BROWSER } from './routes/browser.ts';
import { ENVIRONMENT } from './routes/environment.ts';
import { HAPROXY, NGHTTPX } from './routes/front-ends.ts';
import { PROXIES } from './routes/through-proxies.ts';
import { PYTHON } from './routes/python.ts';
import { REDIRECTS } from './routes/redirects.ts';
import type { Part } from './routes/workshop.ts';

const PARTS: readonly Part[] = [
  ...PROXIES,
  ENVIRONMENT,
  HAPROXY,
  NGHTTPX,
  REDIRECTS,
  PYTHON,
  BROWSER,
];

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { only: { type: 'string', default: '' } },
});
await playParts(chooseParts(PARTS, positionals), values.only, new Report());
