/** Brokers of the system's packages, each on a free port of its own with its data in a folder that goes with it. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createServer as createTlsServer } from 'node:tls';
import amqplib from 'amqplib';
import { freePort } from '../../../../scripts/ports.mjs';
import { until } from '../../../../test/support/system.js';
import type { Certificates } from './certificates.js';

/** Who may log in at each of them. */
export const login = { user: 'guest', password: 'guest' };

/** A broker that runs. */
export interface RunningBroker {
  readonly port: number;
  stop(): Promise<void>;
}

interface Program {
  readonly command: string;
  readonly args?: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
  readonly port: number;
  /** Its output when it is ready. */
  readonly ready: string;
}

async function start(
  folder: string,
  { command, args = [], env, port, ready }: Program,
): Promise<RunningBroker> {
  const file = path.join(folder, 'output');
  const output = openSync(file, 'w');
  const child = spawn(command, args, {
    stdio: ['ignore', output, output],
    cwd: folder,
    env: { PATH: process.env['PATH'], ...env },
  });
  const exited = once(child, 'exit');
  const said = (): string => readFileSync(file, 'utf8');
  await until(`${command} is ready`, () => {
    if (child.exitCode !== null) throw new Error(`${command} ended: ${said()}`);
    return said().includes(ready);
  });
  return {
    port,
    async stop() {
      child.kill('SIGTERM');
      await exited;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function newFolder(name: string): string {
  const folder = mkdtempSync(path.join(tmpdir(), `koji-${name}-`));
  // Mosquitto that root starts works as a user of its own.
  chmodSync(folder, 0o755);
  return folder;
}

export async function startMosquitto(): Promise<RunningBroker> {
  const folder = newFolder('mosquitto');
  const port = await freePort();
  const passwords = path.join(folder, 'passwords');
  writeFileSync(passwords, `${login.user}:${login.password}\n`);
  spawnSync('mosquitto_passwd', ['-U', passwords]);
  chmodSync(passwords, 0o644);
  const lines = [`listener ${port} 127.0.0.1`, 'allow_anonymous false', `password_file ${passwords}`];
  writeFileSync(path.join(folder, 'mosquitto.conf'), `${lines.join('\n')}\n`);
  const args = ['-v', '-c', path.join(folder, 'mosquitto.conf')];
  return start(folder, { command: '/usr/sbin/mosquitto', args, port, ready: 'running' });
}

/** @param certificates for a server that speaks TLS with clients whose certificate it likes */
export async function startNats(certificates?: Certificates): Promise<RunningBroker> {
  const folder = newFolder('nats');
  const port = await freePort();
  const args = ['-a', '127.0.0.1', '-p', String(port), '-js', '-sd', folder];
  const who = ['--user', login.user, '--pass', login.password];
  const tls = certificates
    ? [
        '--tlsverify',
        '--tlscert',
        certificates.cert,
        '--tlskey',
        certificates.key,
        '--tlscacert',
        certificates.ca,
      ]
    : [];
  return start(folder, {
    command: '/usr/sbin/nats-server',
    args: [...args, ...who, ...tls],
    port,
    ready: 'Server is ready',
  });
}

/** RabbitMQ with AMQP 0-9-1 and 1.0 on one port. */
export async function startRabbit(): Promise<RunningBroker> {
  const folder = newFolder('rabbitmq');
  const [port, distribution, epmd] = [await freePort(), await freePort(), await freePort()];
  mkdirSync(path.join(folder, 'home'));
  writeFileSync(path.join(folder, 'rabbitmq.conf'), `listeners.tcp.1 = 127.0.0.1:${port}\n`);
  writeFileSync(path.join(folder, 'plugins'), '[rabbitmq_amqp1_0].\n');
  const env = {
    HOME: path.join(folder, 'home'),
    LANG: 'C.UTF-8',
    ERL_EPMD_PORT: String(epmd),
    ERL_EPMD_ADDRESS: '127.0.0.1',
    RABBITMQ_NODENAME: `koji${port}@localhost`,
    RABBITMQ_DIST_PORT: String(distribution),
    RABBITMQ_CONFIG_FILE: path.join(folder, 'rabbitmq.conf'),
    RABBITMQ_CONF_ENV_FILE: '/dev/null',
    RABBITMQ_ENABLED_PLUGINS_FILE: path.join(folder, 'plugins'),
    RABBITMQ_MNESIA_BASE: path.join(folder, 'mnesia'),
    RABBITMQ_LOG_BASE: path.join(folder, 'log'),
    RABBITMQ_PID_FILE: path.join(folder, 'pid'),
  };
  // Not the one in the search path, which is a script that changes to the system's own user and files.
  const command = '/usr/lib/rabbitmq/bin/rabbitmq-server';
  const running = await start(folder, { command, env, port, ready: 'Starting broker... completed' });
  return {
    port,
    async stop() {
      // The shell that was started hands signals on.
      await running.stop();
      // Erlang's port mapper outlives the node that started it.
      spawnSync('epmd', ['-kill'], { env: { PATH: process.env['PATH'], ERL_EPMD_PORT: String(epmd) } });
    },
  };
}

/** A way to a broker that can be shut, as if the broker were down, and opened again. */
export class Gate {
  private readonly sockets = new Set<Socket>();
  private server: ReturnType<typeof createServer> | null = null;
  private isMute = false;

  private constructor(
    readonly port: number,
    private readonly target: number,
    private readonly certificates: Certificates | undefined,
  ) {}

  /**
   * A gate that is shut.
   *
   * @param certificates for one that speaks TLS with those who come in
   */
  static async to(target: number, certificates?: Certificates): Promise<Gate> {
    return new Gate(await freePort(), target, certificates);
  }

  async open(): Promise<void> {
    const enter = (from: Socket): void => {
      if (this.isMute) {
        this.sockets.add(from);
        return;
      }
      const to = connect(this.target, '127.0.0.1');
      from.pipe(to).pipe(from);
      for (const socket of [from, to]) {
        this.sockets.add(socket);
        socket.on('error', () => undefined);
        socket.on('close', () => {
          this.sockets.delete(socket);
          from.destroy();
          to.destroy();
        });
      }
    };
    const { ca, cert, key } = this.certificates ?? {};
    const pem = (file = ''): Buffer => readFileSync(file);
    const secure = { ca: ca && pem(ca), cert: cert && pem(cert), key: key && pem(key), requestCert: true };
    this.server = this.certificates ? createTlsServer(secure, enter) : createServer(enter);
    this.server.on('tlsClientError', () => undefined);
    await once(this.server.listen(this.port, '127.0.0.1'), 'listening');
  }

  /** From now on it forwards nothing. */
  mute(): void {
    this.isMute = true;
  }

  async shut(): Promise<void> {
    const { server } = this;
    this.server = null;
    if (!server) return;
    const closed = once(server, 'close');
    server.close();
    for (const socket of this.sockets) socket.destroy();
    await closed;
  }
}

/** The RabbitMQ that this machine has running where it usually is, else one that goes with the test. */
export async function anyRabbit(): Promise<RunningBroker> {
  const port = 5672;
  const url = { hostname: '127.0.0.1', port, username: login.user, password: login.password };
  const isThere = await amqplib.connect(url, { timeout: 2000 }).then(
    (connection) => connection.close().then(() => true),
    () => false,
  );
  return isThere ? { port, stop: async () => undefined } : startRabbit();
}
