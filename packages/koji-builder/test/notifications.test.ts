import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { hostname } from 'node:os';
import PostalMime, { type Email } from 'postal-mime';
import { SMTPServer, type SMTPServerOptions } from 'smtp-server';
import { BUILD_STATES } from '@koji/core';
import type { BuildInfo } from '@koji/core/api';
import { Site, until } from './support/site.js';

interface Received {
  readonly recipients: readonly string[];
  readonly secure: boolean;
  readonly user: string | null;
  readonly mail: Email;
}

/** A mail server on loopback and all that it received. */
class Mailbox {
  readonly received: Received[] = [];
  /** The mails about errors in the log. */
  readonly errors: Received[] = [];
  private readonly server: SMTPServer;

  constructor(options: SMTPServerOptions = {}) {
    this.server = new SMTPServer({
      authOptional: true,
      // Silences the warning that its own certificate is everybody's.
      logger: false,
      onRcptTo: ({ address }, _session, done) =>
        done(address.startsWith('nobody') ? new Error('no such mailbox') : null),
      onData: (stream, session, done) => {
        const chunks: Buffer[] = [];
        stream.on('data', (chunk: Buffer) => chunks.push(chunk));
        stream.on('end', () => {
          const recipients = session.envelope.rcptTo.map(({ address }) => address);
          const user = typeof session.user === 'string' ? session.user : null;
          void PostalMime.parse(Buffer.concat(chunks)).then((mail) => {
            const to = mail.subject?.endsWith('error notice') ? this.errors : this.received;
            to.push({ recipients, secure: session.secure, user, mail });
            done();
          });
        });
      },
      ...options,
    });
    // A client that breaks off is not reported.
    this.server.on('error', () => undefined);
  }

  /** Begins to listen; the address for kojid.conf. */
  async open(): Promise<string> {
    const { server } = this.server;
    this.server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return `127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  close(): Promise<void> {
    return new Promise((resolve) => this.server.close(resolve));
  }

  /** The next message. */
  async next(): Promise<Received> {
    await until('a message has come', () => this.received.length > 0);
    return this.received.shift()!;
  }
}

const header = ({ mail }: Received, name: string): string[] =>
  mail.headers.filter(({ key }) => key === name.toLowerCase()).map(({ value }) => value);

let site: Site;
let mailbox: Mailbox;
let build: BuildInfo;

beforeAll(async () => {
  mailbox = new Mailbox();
  site = await Site.create({ EmailDomain: 'example.org', KojiWebURL: 'https://koji.example.org/koji' });
  await site.startBuilder({
    plugins: 'works',
    smtphost: await mailbox.open(),
    from_addr: 'Bäcker <build@example.org>',
    topurl: 'https://files.example.org',
    admin_emails: 'root@example.org, night@example.org',
    RLIMIT_CORE: 'plenty',
  });
  const { session } = site;
  for (const tag of ['f44', 'f44-testing']) {
    await session.createTag(tag);
    await session.packageListAdd(tag, 'bash', 'kojiadmin');
  }
  const id = await session.createEmptyBuild('bash', '5.2', '1', null);
  build = (await session.getBuild(id, true))!;
});
afterAll(async () => {
  await site.stop();
  await mailbox.close();
});

describe('who is concerned by a tagging', () => {
  test('gets a mail that reports it', async () => {
    await site.session.createNotification(1, null, null, false);
    await site.session.tagBuild('f44', 'bash-5.2-1');
    const got = await mailbox.next();
    expect(got.recipients).toEqual(['kojiadmin@example.org']);
    expect(got.mail.from).toMatchObject({ address: 'build@example.org', name: 'Bäcker' });
    expect(got.mail.subject).toBe('bash-5.2-1 successfully tagged into f44 by kojiadmin');
    expect(header(got, 'X-Koji-Tag')).toEqual(['f44']);
    expect(header(got, 'X-Koji-NVR')).toEqual(['bash-5.2-1']);
    expect(header(got, 'X-Koji-Status')).toEqual(['complete']);
    expect(header(got, 'X-Koji-Draft')).toEqual(['False']);
    expect(header(got, 'Auto-Submitted')).toEqual(['auto-generated']);
    expect(got.mail.text).toBe(
      [
        'Package: bash',
        'NVR: bash-5.2-1',
        'User: kojiadmin',
        'Status: complete',
        'Tag Operation: tagged',
        'Into Tag: f44',
        '',
        'bash-5.2-1 successfully tagged into f44 by kojiadmin',
        '',
      ].join('\n'),
    );
  });

  test('is notified of a move with both tags', async () => {
    await site.session.moveBuild('f44', 'f44-testing', 'bash-5.2-1');
    const got = await mailbox.next();
    expect(got.mail.subject).toBe('bash-5.2-1 successfully moved from f44 into f44-testing by kojiadmin');
    expect(header(got, 'X-Koji-Tag')).toEqual(['f44', 'f44-testing']);
  });

  test('hears why one failed', async () => {
    const args = [['a@example.org'], false, null, 'f44', 'bash-5.2-1', 'kojiadmin', false, 'tag is löcked'];
    const id = await site.session.makeTask('tagNotification', args);
    await site.reach(id, 'CLOSED');
    expect(await site.session.getTaskResult(id)).toBe(
      `sent notification of tag operation ${id} to: a@example.org`,
    );
    const got = await mailbox.next();
    expect(got.mail.subject).toBe('bash-5.2-1 unsuccessfully untagged from f44 by kojiadmin');
    expect(got.mail.text).toContain('Operation failed with the error:\n    tag is löcked\n');
  });

  test('gets none where nobody is to hear', async () => {
    expect(await site.result('tagNotification', [[], true, 'f44', null, build.id, 1])).toBeNull();
    expect(await site.result('tagNotification', [['a@b'], true, 'f44', null, build.id, 1, true])).toBeNull();
    expect(await site.result('buildNotification', [[], build, null, ''])).toBeNull();
    expect(mailbox.received).toEqual([]);
  });
});

describe('the mail about a build', () => {
  const notify = async (about: object, to = ['a@example.org', 'b@example.org']): Promise<Received> => {
    const target = { dest_tag_name: 'f44' };
    const args = [to, { ...build, ...about }, target, 'https://koji.example.org/koji'];
    expect(await site.result('buildNotification', args)).toBe(
      `sent notification of build ${build.id} to: ${to.join(', ')}`,
    );
    return mailbox.next();
  };

  test('that no task made has what is known of it', async () => {
    const got = await notify({});
    expect(got.recipients).toEqual(['a@example.org', 'b@example.org']);
    expect(got.mail.to?.map(({ address }) => address)).toEqual(['a@example.org', 'b@example.org']);
    expect(got.mail.subject).toBe('Package: bash-5.2-1 Tag: f44 Status: complete Built by: kojiadmin');
    expect(header(got, 'X-Koji-Builder')).toEqual(['kojiadmin']);
    expect(header(got, 'X-Koji-Package')).toEqual(['bash']);
    expect(got.mail.text).toMatch(
      /^Package: bash-5\.2-1\nTag: f44\nStatus: complete\nBuilt by: kojiadmin\nID: \d+\nStarted: \w{3}, .*\nFinished: .*\n\nBuild Info: https:\/\/koji\.example\.org\/koji\/buildinfo\?buildID=\d+\n$/,
    );
  });

  test('names its tasks with their builders and files', async () => {
    const task = await site.session.makeTask('files', []);
    await site.reach(task, 'CLOSED');
    const { text = '' } = (await notify({ task_id: task })).mail;
    expect(text).toContain('Closed tasks:\n-------------\n');
    expect(text).toContain(`Task ${task} on builder\nTask Type: files (noarch)\n`);
    const link = `https://koji.example.org/koji/getfile?taskID=${task}&name=below%2Fagain.txt&volume=DEFAULT`;
    expect(text).toContain(`misc:\n ${link}\n`);
    expect(text).toContain(`Task Info: https://koji.example.org/koji/taskinfo?taskID=${task}\n`);
  });

  test('that failed says where and why', async () => {
    const task = await site.session.makeTask('throws', []);
    await site.reach(task, 'FAILED');
    const { mail } = await notify({ task_id: task, state: BUILD_STATES.FAILED });
    expect(mail.subject).toContain('Status: failed');
    expect(mail.text).toContain(
      `bash-5.2-1 (${build.id}) failed on builder (noarch):\n  the build is broken\n`,
    );
    expect(mail.text).toContain('Failed tasks:\n-------------\n');
  });

  test('that was canceled says by which user', async () => {
    const { text } = (await notify({ state: BUILD_STATES.CANCELED })).mail;
    expect(text).toContain('Status: canceled\nCanceled by: kojiadmin\nBuilt by:');
  });

  test('reaches the recipients that the server accepts', async () => {
    const got = await notify({}, ['nobody@example.org', 'a@example.org']);
    expect(got.recipients).toEqual(['a@example.org']);
    // The mail is here before the line of the task's process is in the log.
    const line = 'the mail server did not take: nobody@example.org';
    await until('the log says whom the server refused', () => site.log().includes(line));
    const about = [['nobody@example.org'], build, null, ''];
    expect((await site.fault('buildNotification', about))[1]).toMatch(
      /smtphost in kojid\.conf.*no such mailbox/,
    );
  });

  test('may not carry further headers in a name', async () => {
    const got = await notify({ owner_name: 'x\nX-Evil: 1\r\nBcc: c@example.org' });
    expect(got.recipients).toEqual(['a@example.org', 'b@example.org']);
    expect(header(got, 'X-Evil')).toEqual([]);
    expect(header(got, 'Bcc')).toEqual([]);
    const odd = { ...build, package_name: 'bash\r\nBcc: c@example.org' };
    expect(await site.fault('buildNotification', [['a@example.org'], odd, null, ''])).toEqual([
      1000,
      'Invalid path segment: "bash\\r\\nBcc: c@example.org/5.2/1"',
    ]);
  });
});

describe('the mail server', () => {
  const about = (): unknown[] => [['a@example.org'], build, null, ''];
  const restart = async (values: Readonly<Record<string, string>>): Promise<void> => {
    await site.stopBuilders();
    await site.startBuilder(values);
  };

  test('that does not exist fails the task by its name', async () => {
    const gone = new Mailbox();
    const smtphost = await gone.open();
    await gone.close();
    await restart({ smtphost });
    const [code, text] = await site.fault('buildNotification', about());
    expect(code).toBe(1000);
    expect(text).toContain(`the mail server ${smtphost} (smtphost in kojid.conf) did not take the message`);
  });

  test('is spoken to in secret where it can be, whatever its certificate', async () => {
    const box = new Mailbox();
    await restart({ smtphost: await box.open() });
    await site.result('buildNotification', about());
    expect((await box.next()).secure).toBe(true);
    await box.close();
  });

  test('gets the name and password, unless it is not the one it says', async () => {
    const login = { smtp_user: 'koji', smtp_pass: 's3cret' };
    const tried: string[] = [];
    const options: SMTPServerOptions = {
      authOptional: false,
      onAuth: ({ username, password }, _session, done) => {
        tried.push(`${username}:${password}`);
        done(null, { user: username });
      },
    };
    const impostor = new Mailbox(options);
    await restart({ smtphost: await impostor.open(), ...login });
    expect((await site.fault('buildNotification', about()))[1]).toMatch(/certificate/);
    expect(tried).toEqual([]);
    await impostor.close();

    const plain = new Mailbox({ ...options, hideSTARTTLS: true, allowInsecureAuth: true });
    await restart({ smtphost: await plain.open(), ...login });
    await site.result('buildNotification', about());
    expect(await plain.next()).toMatchObject({ user: 'koji', secure: false });
    expect(tried).toEqual(['koji:s3cret']);
    await plain.close();
  });
});

test('errors in the log of kojid are mailed to admin_emails', async () => {
  await until('an error has come', () => mailbox.errors.length > 0);
  const errors = mailbox.errors[0]!;
  expect(errors.recipients).toEqual(['root@example.org', 'night@example.org']);
  expect(errors.mail.subject).toBe(`${hostname()}: error notice`);
  expect(errors.mail.text).toContain('[ERROR] koji.kojid: Invalid resource limit: RLIMIT_CORE=plenty\n');
});
