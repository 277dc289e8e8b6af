import { ClientSession, named } from '@koji/client';
import { openForTests } from '@koji/hub/testing';
import { demoTag } from './trials.js';

/** Passwords of those that a site has. */
export interface Passwords {
  readonly admin: string;
  readonly builder: string;
}

/** Objects to create besides tags and builds. */
export interface DemoLogins {
  readonly passwords: Passwords;
  /** The builder's name. */
  readonly builder: string;
  readonly arch: string;
}

/** Makes a database in a folder, with an admin, a builder, tags, a target and builds. */
export async function makeDemo(folder: string, { passwords, builder, arch }: DemoLogins): Promise<void> {
  const hub = await openForTests({ folder, options: {}, policies: {}, plugins: {}, onLog: () => undefined });
  try {
    await hub.addUser('admin', passwords.admin, ['admin']);
    const session = new ClientSession(`${hub.url}/kojihub`);
    try {
      await session.login('admin', passwords.admin);
      await session.addHost(builder, [arch, 'noarch']);
      await hub.addUser(builder, passwords.builder, []);
      await addContent(session, arch);
      await session.logout();
    } finally {
      await session.close();
    }
  } finally {
    await hub.stop();
  }
}

async function addContent(session: ClientSession, arch: string): Promise<void> {
  await session.createTag(demoTag, named({ arches: arch }));
  await session.createTag(`${demoTag}-build`, named({ parent: demoTag, arches: arch }));
  await session.createBuildTarget(demoTag, `${demoTag}-build`, demoTag);
  for (const [name, version] of [
    ['bash', '5.2'],
    ['zsh', '5.9'],
  ] as const) {
    await session.packageListAdd(demoTag, name, 'admin');
    await session.createEmptyBuild(name, version, '1', null);
  }
  await session.tagBuildBypass(demoTag, 'bash-5.2-1');
}
