import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { ClientSession } from '@koji/client';
import { makeLogger } from '@koji/core';
import type { KojidOptions } from '@koji/core/config';
import type { CallbackRegistry } from '@koji/plugin-sdk/host';
import { TaskRun } from '../src/daemon/task-run.js';

test('files below topurl are fetched from a server whose certificate is of the configured CA', async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'koji-topurl-'));
  const [key, cert] = [path.join(folder, 'key.pem'), path.join(folder, 'cert.pem')];
  const request = 'req -x509 -newkey rsa:2048 -nodes -days 1 -subj /CN=localhost';
  const files = ['-addext', 'subjectAltName=DNS:localhost', '-keyout', key, '-out', cert];
  execFileSync('openssl', [...request.split(' '), ...files], { stdio: 'pipe' });
  const server = createServer(
    { key: readFileSync(key), cert: readFileSync(cert) },
    (_, response) => void response.end('over TLS'),
  );
  await new Promise<void>((resolve) => server.listen(0, resolve));
  const topurl = `https://localhost:${(server.address() as AddressInfo).port}/kojifiles`;
  const fetched = async (tls: { serverca: string | null; no_ssl_verify: boolean }): Promise<string> => {
    const run = new TaskRun({
      task: { id: 7, method: 'any' },
      session: {} as ClientSession,
      options: { topdir: path.join(folder, 'none'), topurl, workdir: folder, ...tls } as KojidOptions,
      logger: makeLogger(() => undefined),
      callbacks: {} as CallbackRegistry,
      waiters: new Set(),
      waits: () => undefined,
      daemon: {} as never,
    });
    return readFileSync(await run.download('repos/x.json'), 'utf8');
  };
  try {
    await expect(fetched({ serverca: null, no_ssl_verify: false })).rejects.toThrow('no answer from https:');
    expect(await fetched({ serverca: cert, no_ssl_verify: false })).toBe('over TLS');
    expect(await fetched({ serverca: null, no_ssl_verify: true })).toBe('over TLS');
  } finally {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    rmSync(folder, { recursive: true, force: true });
  }
});
