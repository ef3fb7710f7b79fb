/** The files of the page, read once: these and no other are served. */
import { readFileSync } from 'node:fs';

export interface PageFile {
  readonly type: string;
  readonly content: string;
}

const STYLE = 'text/css; charset=utf-8';
const SCRIPT = 'text/javascript; charset=utf-8';

const FILES: readonly (readonly [path: string, name: string, type: string])[] = [
  ['/', 'page.html', 'text/html; charset=utf-8'],
  ['/page.css', 'page.css', STYLE],
  ['/detail.css', 'detail.css', STYLE],
  ['/page.js', 'page.js', SCRIPT],
  ['/api.js', 'api.js', SCRIPT],
  ['/list.js', 'list.js', SCRIPT],
  ['/detail.js', 'detail.js', SCRIPT],
  ['/words.js', 'words.js', SCRIPT],
];

export function readPageFiles(): ReadonlyMap<string, PageFile> {
  return new Map(
    FILES.map(([path, name, type]) => {
      const content = readFileSync(new URL(`../../page/${name}`, import.meta.url), 'utf8');
      return [path, { type, content }];
    }),
  );
}
