import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';

/** A broker of a test's own. */
export interface Broker {
  readonly host: string;
  /** Starts it; it keeps its port. */
  start(): Promise<void>;
  /** Ends it and throws its data away. */
  stop(): Promise<void>;
}

async function freePort(): Promise<number> {
  const server = net.createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as net.AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = net.connect(port, '127.0.0.1');
    const end = (is: boolean) => (): void => {
      socket.destroy();
      resolve(is);
    };
    socket.once('connect', end(true)).once('error', end(false));
  });
}

interface Program {
  readonly name: string;
  readonly args: (port: number, folder: string) => readonly string[];
  readonly env?: (port: number, folder: string) => NodeJS.ProcessEnv;
  readonly files?: (port: number, folder: string) => Readonly<Record<string, string>>;
}

async function brokerOf({ name, args, env, files }: Program): Promise<Broker> {
  const port = await freePort();
  const folder = await mkdtemp(path.join(tmpdir(), 'koji-broker-'));
  let child: ChildProcess | null = null;
  let said = '';
  for (const [file, text] of Object.entries(files?.(port, folder) ?? {}))
    await writeFile(path.join(folder, file), text);
  return {
    host: `127.0.0.1:${port}`,
    async start() {
      const started = spawn(name, args(port, folder), {
        cwd: folder,
        env: { ...process.env, PATH: `${process.env['PATH'] ?? ''}:/usr/sbin`, ...env?.(port, folder) },
        stdio: ['ignore', 'pipe', 'pipe'],
        detached: true,
      });
      child = started;
      const failures: string[] = [];
      for (const stream of [started.stdout, started.stderr])
        stream.setEncoding('utf8').on('data', (text: string) => (said += text));
      started.once('error', (error) => failures.push(error.message));
      started.once('exit', (code) => failures.push(`ended with ${String(code)}`));
      while (!(await answers(port))) {
        if (failures.length > 0)
          throw new Error(
            `${name} (apt-get install mosquitto nats-server rabbitmq-server): ${failures.join(', ')}\n${said}`,
          );
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    },
    async stop() {
      if (child?.pid !== undefined && child.exitCode === null) {
        const ended = once(child, 'exit');
        // With all that it started: RabbitMQ is a script around its virtual machine.
        process.kill(-child.pid, 'SIGKILL');
        await ended;
      }
      await rm(folder, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

/** Mosquitto, for MQTT. */
export function mosquitto(): Promise<Broker> {
  return brokerOf({
    name: 'mosquitto',
    args: (_port, folder) => ['-c', path.join(folder, 'mosquitto.conf')],
    files: (port) => ({
      'mosquitto.conf': `listener ${port} 127.0.0.1\nallow_anonymous true\nuser ${process.getuid?.() === 0 ? 'root' : ''}\n`,
    }),
  });
}

/** A NATS server with JetStream. */
export function nats(): Promise<Broker> {
  return brokerOf({
    name: 'nats-server',
    args: (port, folder) => ['-a', '127.0.0.1', '-p', String(port), '-js', '-sd', path.join(folder, 'data')],
  });
}

/** RabbitMQ, which speaks both kinds of AMQP. */
export function rabbitmq(): Promise<Broker> {
  return brokerOf({
    name: '/usr/lib/rabbitmq/bin/rabbitmq-server',
    args: () => [],
    env: (port, folder) => ({
      HOME: folder,
      RABBITMQ_NODENAME: `koji${port}@localhost`,
      RABBITMQ_NODE_IP_ADDRESS: '127.0.0.1',
      RABBITMQ_NODE_PORT: String(port),
      RABBITMQ_DIST_PORT: String(port + 1),
      RABBITMQ_MNESIA_BASE: path.join(folder, 'data'),
      RABBITMQ_LOG_BASE: path.join(folder, 'log'),
      RABBITMQ_LOGS: '-',
      RABBITMQ_CONFIG_FILE: path.join(folder, 'rabbitmq'),
      RABBITMQ_CONF_ENV_FILE: path.join(folder, 'none'),
      RABBITMQ_ENABLED_PLUGINS_FILE: path.join(folder, 'enabled_plugins'),
    }),
    files: () => ({
      enabled_plugins: '[rabbitmq_amqp1_0].\n',
      'rabbitmq.conf': 'loopback_users = none\n',
    }),
  });
}
