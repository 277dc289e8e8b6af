// Clients that change everything they can, and a ledger of what the hub has said is done.
import { createHash } from 'node:crypto';
import { spawn } from 'node:child_process';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { once } from 'node:events';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const volumes = ['DEFAULT', 'second'];
const sum = (bytes) => createHash('sha256').update(bytes).digest('hex');

/** The acknowledged changes, kept outside of all processes that are killed. */
export class Ledger {
  tags = new Set();
  deletedTags = new Set();
  rpms = new Set();
  tasks = new Set();
  users = new Set();
  /** By NVR: `state`, `volume`, `tags`; a field that is `undefined` is uncertain, since its call brought no answer. */
  builds = new Map();
  /** Calls that were acknowledged, and that brought no answer or a fault. */
  acknowledged = 0;
  unanswered = 0;
  faults = new Map();

  build(nvr, fields) {
    this.builds.set(nvr, { tags: new Set(), ...this.builds.get(nvr), ...fields });
  }
}

/** The load of one kill loop: several clients, which rest while everything is compared. */
export class Load {
  #over = false;
  #resting = null;
  #busy = 0;
  #running = [];
  #count = 0;

  constructor(system, ledger, { random, pause, connect }) {
    Object.assign(this, { system, ledger, random, pause, connect });
  }

  start() {
    const kinds = [
      this.tags,
      this.tags,
      this.contentGenerator,
      this.contentGenerator,
      this.images,
      this.rpms,
    ];
    this.#running = [...kinds, this.tasks, this.repos, this.logins].map((kind) => this.#go(kind.bind(this)));
  }

  async stop() {
    this.#over = true;
    await Promise.all(this.#running);
  }

  /** Waits until no call is running, runs `work`, and continues. */
  async rest(work) {
    let goOn;
    this.#resting = new Promise((resolve) => (goOn = resolve));
    while (this.#busy > 0) await sleep(20);
    try {
      return await work();
    } finally {
      this.#resting = null;
      goOn();
    }
  }

  async #go(kind) {
    const session = await this.connect();
    while (!this.#over) {
      await this.#resting;
      if (this.#over) break;
      this.#busy += 1;
      try {
        await kind(session, (this.#count += 1));
      } catch (error) {
        this.#note(error);
      } finally {
        this.#busy -= 1;
      }
      await sleep(this.random(this.pause));
    }
    await session.close();
  }

  #note(error) {
    if (error?.isFault)
      this.ledger.faults.set(error.message, (this.ledger.faults.get(error.message) ?? 0) + 1);
    else this.ledger.unanswered += 1;
  }

  /** Waits for the answer of a call; one with a fault has changed nothing, one without an answer perhaps. */
  async #ask(call, { sure, unsure = () => undefined }) {
    let value;
    try {
      value = await call();
    } catch (cause) {
      const isFault =
        typeof cause?.faultCode === 'number' || typeof cause?.constructor?.faultCode === 'number';
      if (!isFault) unsure();
      throw Object.assign(
        new Error(`${cause?.message ?? cause}`.replace(/\d+/g, 'N').slice(0, 160), { cause }),
        { isFault },
      );
    }
    this.ledger.acknowledged += 1;
    sure(value);
    return value;
  }

  async tags(session, n) {
    const { ledger } = this;
    const name = `t${n}`;
    await this.#ask(() => session.createTag(name, null, 'noarch'), { sure: () => ledger.tags.add(name) });
    if (this.random(3) > 0) return;
    ledger.tags.delete(name);
    await this.#ask(() => session.deleteTag(name), { sure: () => ledger.deletedTags.add(name) });
  }

  async logins(_session, n) {
    const session = await this.connect();
    try {
      await this.#ask(() => session.createUser(`u${n}`), { sure: () => this.ledger.users.add(`u${n}`) });
      await session.logout();
    } finally {
      await session.close();
    }
    await sleep(300);
  }

  async tasks(session) {
    if (await this.#isFull(session)) return;
    const sure = (id) => this.ledger.tasks.add(id);
    const [method, args] = [
      ['sleep', [this.random(5) / 10]],
      ['waittest', [1, 0.1]],
      ['mytask', ['one', `${this.random(9)}`]],
    ][this.random(3)];
    await this.#ask(() => session.makeTask(method, args), { sure });
    await sleep(200 + this.random(300));
  }

  /** Whether the builder has enough to do: what it is given beyond that only has to be waited for. */
  async #isFull(session) {
    await sleep(300);
    return (await session.listTasks({ state: [0, 1, 4], parent: null })).length > 6;
  }

  async repos(session) {
    if (await this.#isFull(session)) return;
    const sure = (id) => this.ledger.tasks.add(id);
    await this.#ask(() => session.newRepo('base'), { sure });
    await sleep(2500);
  }

  /** A build with outputs in folders, sometimes reserved first, sometimes changed further. */
  async contentGenerator(session, n) {
    const { ledger } = this;
    const [name, version, release] = ['cg' + this.random(5), '1', `${n}`];
    const nvr = `${name}-${version}-${release}`;
    const directory = `cg/${n}`;
    const count = 1 + this.random(4);
    const outputs = [];
    for (let i = 0; i < count; i += 1) {
      const bytes = Buffer.from(`output ${n} ${i} `.repeat(1 + this.random(500)));
      const type = i === 0 || this.random(2) ? 'qcow2' : 'log';
      const filename = `out${i}.${type}`;
      await session.uploadBytes(bytes, directory, { name: filename, overwrite: true });
      const shared = {
        buildroot_id: 1,
        filename,
        filesize: bytes.length,
        checksum_type: 'sha256',
        checksum: sum(bytes),
        type,
      };
      outputs.push(
        type === 'log'
          ? { ...shared, subdir: `sub${i}/deep` }
          : { ...shared, extra: { image: { arch: 'noarch' } } },
      );
    }
    const metadata = {
      metadata_version: 0,
      build: {
        name,
        version,
        release,
        source: null,
        start_time: 1,
        end_time: 2,
        extra: { typeinfo: { image: {} } },
      },
      buildroots: [
        {
          id: 1,
          host: { os: 'any', arch: 'noarch' },
          content_generator: { name: 'generator', version: '1' },
          container: { type: 'none', arch: 'noarch' },
          tools: [],
          components: [],
        },
      ],
      output: outputs,
    };
    let token = null;
    if (this.random(3) === 0) {
      const reserve = () => session.CGInitBuild('generator', { name, version, release });
      const sure = () => ledger.build(nvr, { state: 0, volume: 'DEFAULT' });
      const made = await this.#ask(reserve, { sure });
      token = made.token;
      metadata.build.build_id = made.build_id;
      if (this.random(4) === 0) {
        ledger.build(nvr, { state: undefined });
        const refund = () => session.CGRefundBuild('generator', made.build_id, token);
        return void (await this.#ask(refund, { sure: () => ledger.build(nvr, { state: 3 }) }));
      }
    }
    // One that fails half-way: its last file is not what it says.
    if (this.random(4) === 0) {
      outputs.at(-1).checksum = sum('another file');
      return void (await session.CGImport(metadata, directory, token).catch(() => undefined));
    }
    const before = ledger.builds.get(nvr);
    if (before) ledger.build(nvr, { state: undefined });
    const build = await this.#ask(() => session.CGImport(metadata, directory, token), {
      sure: () => ledger.build(nvr, { state: 1, volume: 'DEFAULT' }),
    });
    await this.#changeBuild(session, { nvr, id: build.id, name });
  }

  async images(session, n) {
    const { ledger } = this;
    const nvr = `img${this.random(4)}-1-${n}`;
    const [name, version, release] = nvr.split('-');
    const info = { name, version, release, epoch: null };
    await this.#ask(() => session.createImageBuild(info), {
      sure: () => ledger.build(nvr, { state: 1, volume: 'DEFAULT' }),
    });
    for (let i = 0; i < 2; i += 1) {
      const file = `disk${i}.qcow2`;
      await session.uploadBytes(Buffer.from(`disk ${n} ${i}`), `img/${n}`, { name: file, overwrite: true });
      await this.#ask(() => session.importArchive(`img/${n}/${file}`, info, 'image', { arch: 'noarch' }), {
        sure: () => ledger.build(nvr, { archives: (ledger.builds.get(nvr).archives ?? 0) + 1 }),
      });
    }
    await this.#changeBuild(session, { nvr, id: (await session.getBuild(nvr)).id, name });
  }

  /** Tags a build, moves it between volumes, deletes it. */
  async #changeBuild(session, { nvr, id, name }) {
    const { ledger } = this;
    for (let steps = this.random(4); steps > 0; steps -= 1) {
      const step = this.random(4);
      const { volume, tags } = ledger.builds.get(nvr);
      if (step === 0) {
        await this.#ask(() => session.packageListAdd('base', name, 'kojiadmin'), { sure: () => undefined });
        await this.#ask(() => session.tagBuildBypass('base', nvr), { sure: () => tags.add('base') });
      } else if (step === 1) {
        const next = volumes[1 - volumes.indexOf(volume)];
        ledger.build(nvr, { volume: undefined });
        const move = () => session.changeBuildVolume(nvr, next);
        await this.#ask(move, { sure: () => ledger.build(nvr, { volume: next }) });
      } else if (step === 2 && tags.size === 0) {
        ledger.build(nvr, { state: undefined });
        return void (await this.#ask(() => session.deleteBuild(id), {
          sure: () => ledger.build(nvr, { state: 2 }),
        }));
      } else if (step === 3 && this.random(3) === 0) {
        ledger.build(nvr, { state: undefined });
        return void (await this.#ask(() => session.resetBuild(id), {
          sure: () =>
            ledger.build(nvr, { state: 4, volume: 'DEFAULT', tags: new Set(), archives: undefined }),
        }));
      }
    }
  }

  async rpms(session, n) {
    const { ledger } = this;
    const files = await buildRpms(path.join(this.system.folder, 'rpms', `${n}`), `rpm${n}`);
    for (const file of files) {
      await session.upload(file, `rpms/${n}`, { overwrite: true });
      await this.#ask(() => session.importRPM(`rpms/${n}`, path.basename(file)), {
        sure: ({ id }) => {
          ledger.rpms.add(id);
          ledger.build(`rpm${n}-1-1`, { state: 1, volume: 'DEFAULT', isRpm: true });
        },
      });
    }
    const build = await session.getBuild(`rpm${n}-1-1`);
    if (this.random(2))
      await this.#ask(() => session.packageListAdd('base', `rpm${n}`, 'kojiadmin'), {
        sure: () => undefined,
      });
    if (this.random(2)) {
      const sure = (id) => ledger.tasks.add(id);
      await this.#ask(() => session.tagBuild('base', build.nvr), { sure }).catch(() => undefined);
    }
  }
}

async function buildRpms(folder, name) {
  mkdirSync(folder, { recursive: true });
  const spec = path.join(folder, `${name}.spec`);
  writeFileSync(
    spec,
    `Name: ${name}\nVersion: 1\nRelease: 1\nSummary: x\nLicense: Apache-2.0\nBuildArch: noarch\n%description\nx\n%files\n`,
  );
  const out = path.join(folder, 'out');
  const defines = [
    `_topdir ${out}`,
    '_build_name_fmt %%{NAME}-%%{VERSION}-%%{RELEASE}.%%{ARCH}.rpm',
    `_rpmdir ${out}`,
    `_srcrpmdir ${out}`,
  ];
  const args = ['-ba', ...defines.flatMap((define) => ['--define', define]), spec];
  const [code] = await once(spawn('rpmbuild', args, { stdio: 'ignore' }), 'exit');
  if (code !== 0) throw new Error('rpmbuild failed: apt-get install rpm');
  const files = readdirSync(out).filter((file) => file.endsWith('.rpm'));
  return files.sort((a) => (a.endsWith('.src.rpm') ? -1 : 1)).map((file) => path.join(out, file));
}
