/** The pages of the servers here: each is one document with its style and script in it, and nothing else. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';

export interface PageSettings {
  /** The path of the WebSocket. */
  readonly path: string;
  /** Subprotocols the server speaks. */
  readonly subprotocols: readonly string[];
}

export interface PageParts {
  readonly html: string;
  readonly style: string;
  readonly script: string;
}

export interface Page {
  readonly body: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** What requests of `node:http` and `node:http2` have in common, as far as it takes to be answered. */
export interface PageRequest {
  readonly url?: string | undefined;
  readonly method?: string | undefined;
}

/** The same of their responses. */
export interface PageResponse {
  writeHead(status: number, headers: Readonly<Record<string, string>>): unknown;
  end(): unknown;
  end(body: string): unknown;
}

export type PageListener = (request: PageRequest, response: PageResponse) => void;

/** Of the files `page.html`, `.css` and `.js`, or those of another page, and the common style. */
export function readPageParts(page: string = 'page'): PageParts {
  const read = (name: string): string =>
    readFileSync(new URL(`../page/${name}`, import.meta.url), 'utf8');
  const style = read('common.css') + read(`${page}.css`);
  return { html: read(`${page}.html`), style, script: read(`${page}.js`) };
}

/** Puts the parts together, under a policy that admits exactly them and this server's WebSocket. */
export function composePage({ html, style, script }: PageParts, settings: PageSettings): Page {
  const fills: Readonly<Record<string, string>> = {
    style: `<style>${style}</style>`,
    script: `<script type="module">${script}</script>`,
    path: escapeAttribute(settings.path),
    subprotocols: escapeAttribute(settings.subprotocols.join(', ')),
  };
  // The marks of elements are comments, so that the file is a page by itself.
  const body = html.replace(
    /<!-- \{\{(\w+)\}\} -->|\{\{(\w+)\}\}/gu,
    (whole, element: string | undefined, attribute: string) => fills[element ?? attribute] ?? whole,
  );
  const policy = [
    `default-src 'none'`,
    `style-src ${hashSource(style)}`,
    `script-src ${hashSource(script)}`,
    `connect-src 'self'`,
    // The icon of the tab.
    `img-src data:`,
    `base-uri 'none'`,
    `form-action 'none'`,
    `frame-ancestors 'none'`,
  ].join('; ');
  return {
    body,
    headers: {
      'Content-Type': 'text/html; charset=utf-8',
      'Content-Length': String(Buffer.byteLength(body)),
      'Content-Security-Policy': policy,
      'Cross-Origin-Opener-Policy': 'same-origin',
      'Referrer-Policy': 'no-referrer',
      'X-Content-Type-Options': 'nosniff',
      'Cache-Control': 'no-store',
    },
  };
}

/** Answers plain HTTP: the page at `/`, and 404 for all else. */
export function servePage(page: Page): PageListener {
  return (request, response) => {
    const [path] = (request.url ?? '').split('?', 1);
    if (path !== '/') return answer(response, 404, {}, 'there is nothing here\n');
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      return answer(response, 405, { Allow: 'GET, HEAD' }, 'only GET is answered here\n');
    }
    response.writeHead(200, page.headers);
    if (request.method === 'HEAD') response.end();
    else response.end(page.body);
  };
}

function answer(
  response: PageResponse,
  status: number,
  headers: Readonly<Record<string, string>>,
  body: string,
): void {
  response.writeHead(status, {
    'Content-Type': 'text/plain; charset=utf-8',
    'Content-Length': String(Buffer.byteLength(body)),
    ...headers,
  });
  response.end(body);
}

function hashSource(text: string): string {
  return `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
}

function escapeAttribute(text: string): string {
  return text.replace(/[&<>"']/gu, (character) => `&#${character.charCodeAt(0)};`);
}
