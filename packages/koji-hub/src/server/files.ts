/** Files of the store over plain HTTP, as a web server beside Koji serves them: for clients, builders and browsers. */
import { createReadStream } from 'node:fs';
import type { Stats } from 'node:fs';
import fs from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { PathInfo } from '@koji/core';
import { findInStore } from '../domain/files/places.js';
import { compareTexts } from '@koji/core';

const types: Readonly<Record<string, string>> = {
  '.log': 'text/plain; charset=utf-8',
  '.txt': 'text/plain; charset=utf-8',
  '.json': 'application/json',
  '.xml': 'text/xml',
  '.rpm': 'application/x-rpm',
  '.gz': 'application/gzip',
};

/** Answers GET and HEAD for a path below the store. */
export async function serveFile(
  paths: PathInfo,
  urlPath: string,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  // Uploaded files must never run on the hub's origin, whatever their type.
  response.setHeader('Content-Security-Policy', "sandbox; default-src 'none'");
  response.setHeader('X-Content-Type-Options', 'nosniff');
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    response.setHeader('Allow', 'GET, HEAD');
    plain(response, 405, 'Method Not Allowed\n');
    return;
  }
  const relative = readPath(urlPath);
  const file = relative === null ? null : await findInStore(paths.topdir, relative);
  const found = file === null ? null : await fs.stat(file).catch(() => null);
  if (file === null || found === null) {
    plain(response, 404, 'Not Found\n');
    return;
  }
  if (found.isDirectory()) return list(file, urlPath, request, response);
  if (!found.isFile()) {
    plain(response, 404, 'Not Found\n');
    return;
  }
  response.setHeader('Content-Type', typeOf(file, relative ?? ''));
  return send(file, found, request, response);
}

/** Returns the type of a file; uploads have none but plain text and bytes. */
function typeOf(file: string, relative: string): string {
  const type = types[path.extname(file)] ?? 'application/octet-stream';
  const isUpload = /^(?:vol\/[^/]+\/)?work(?:\/|$)/.test(relative);
  return isUpload && !type.startsWith('text/plain') ? 'application/octet-stream' : type;
}

/** The path that a URL means; null for one that means none. Names that begin with a dot are the hub's own. */
function readPath(urlPath: string): string | null {
  let text: string;
  try {
    text = decodeURIComponent(urlPath);
  } catch {
    return null;
  }
  const parts = text.split('/').filter((part) => part !== '');
  return text.includes('\0') || parts.some((part) => part.startsWith('.')) ? null : parts.join('/');
}

async function send(
  file: string,
  found: Stats,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const etag = `"${found.ino.toString(16)}-${found.size.toString(16)}-${Math.floor(found.mtimeMs * 1000).toString(16)}"`;
  const modified = new Date(Math.floor(found.mtimeMs / 1000) * 1000);
  response.setHeader('Accept-Ranges', 'bytes');
  response.setHeader('ETag', etag);
  response.setHeader('Last-Modified', modified.toUTCString());
  const { headers, method } = request;
  if (isUnchanged(headers, etag, modified)) {
    response.removeHeader('Content-Type');
    response.writeHead(304).end();
    return;
  }
  const range = holds(headers['if-range'], etag, modified) ? readRange(headers.range, found.size) : null;
  if (range === 'unsatisfiable') {
    response.setHeader('Content-Range', `bytes */${found.size}`);
    plain(response, 416, 'Range Not Satisfiable\n');
    return;
  }
  const { start, end } = range ?? { start: 0, end: found.size - 1 };
  if (range) response.setHeader('Content-Range', `bytes ${start}-${end}/${found.size}`);
  response.setHeader('Content-Length', end - start + 1);
  response.writeHead(range ? 206 : 200);
  if (method === 'HEAD' || found.size === 0) {
    response.end();
    return;
  }
  await pipeline(createReadStream(file, { start, end }), response).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_STREAM_PREMATURE_CLOSE') throw error;
  });
}

function isUnchanged(headers: IncomingMessage['headers'], etag: string, modified: Date): boolean {
  const known = headers['if-none-match'];
  if (known !== undefined)
    return known.split(',').some((tag) => ['*', etag].includes(tag.trim().replace(/^W\//, '')));
  const since = Date.parse(headers['if-modified-since'] ?? '');
  return !Number.isNaN(since) && modified.getTime() <= since;
}

function holds(condition: string | string[] | undefined, etag: string, modified: Date): boolean {
  if (typeof condition !== 'string') return true;
  return condition === etag || Date.parse(condition) === modified.getTime();
}

/** The one range that a header asks for; several, or none that is one, get the whole file. */
function readRange(
  header: string | undefined,
  size: number,
): { start: number; end: number } | 'unsatisfiable' | null {
  const [, first = '', last = ''] = /^bytes=(\d*)-(\d*)$/.exec(header?.trim() ?? '') ?? [];
  if (first === '' && last === '') return null;
  const start = first === '' ? Math.max(size - Number(last), 0) : Number(first);
  const end = first === '' || last === '' ? size - 1 : Math.min(Number(last), size - 1);
  if (first !== '' && last !== '' && Number(last) < start) return null;
  return start >= size || (first === '' && Number(last) === 0) ? 'unsatisfiable' : { start, end };
}

async function list(
  folder: string,
  urlPath: string,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  if (!urlPath.endsWith('/')) {
    // As it came, still encoded; relative, so that a proxy's prefix stays.
    response.setHeader('Location', `./${urlPath.split('/').filter(Boolean).at(-1) ?? 'kojifiles'}/`);
    plain(response, 301, 'Moved Permanently\n');
    return;
  }
  const entries = (await fs.readdir(folder, { withFileTypes: true })).filter(
    ({ name }) => !name.startsWith('.'),
  );
  const rows = entries
    .map((entry) => (entry.isDirectory() ? `${entry.name}/` : entry.name))
    .sort(compareTexts)
    .map(
      (name) =>
        `<li><a href="./${encodeURI(name).replace(/[?#]/g, encodeURIComponent)}">${escapeHtml(name)}</a></li>`,
    );
  const title = escapeHtml(
    `Index of /kojifiles${readPath(urlPath) === '' ? '' : `/${readPath(urlPath) ?? ''}`}`,
  );
  const parent = urlPath === '' || urlPath === '/' ? '' : '<li><a href="../">Parent folder</a></li>\n';
  const text = `<!DOCTYPE html>\n<html><head><meta charset="utf-8"><title>${title}</title></head>\n<body><h1>${title}</h1>\n<ul>\n${parent}${rows.join('\n')}\n</ul></body></html>\n`;
  response.writeHead(200, {
    'Content-Type': 'text/html; charset=utf-8',
    'Content-Length': Buffer.byteLength(text),
  });
  response.end(request.method === 'HEAD' ? undefined : text);
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);
}

function plain(response: ServerResponse, status: number, text: string): void {
  response.removeHeader('ETag');
  response.writeHead(status, { 'Content-Type': 'text/plain', 'Content-Length': Buffer.byteLength(text) });
  response.end(text);
}
