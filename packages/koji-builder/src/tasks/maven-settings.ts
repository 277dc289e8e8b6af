import { BuildError, PathInfo, parseNVR } from '@koji/core';

/** Maven's settings for the repositories of a build. */
export interface MavenSettings {
  readonly taskId: number;
  readonly tagName: string;
  readonly repoId: number;
  /** Where the hub's file store is, for programs inside. */
  readonly top: string;
  /** The folder for what is built, as programs inside see it. */
  readonly output: string;
  /** Further repositories: tasks by id, builds by `NAME-VERSION-RELEASE`. */
  readonly deps: readonly (number | string)[];
}

/** Options of a build that become arguments of mvn. */
export interface MavenWords {
  readonly maven_options?: readonly string[] | null;
  readonly profiles?: readonly string[] | null;
  readonly properties?: Readonly<Record<string, string | null>> | null;
  readonly goals?: readonly string[] | null;
}

const text = (value: unknown): string =>
  String(value).replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');

/** Returns Maven's `settings.xml`: what is built goes to a folder, all that it needs comes from the repo of the tag. */
export function mavenSettings({ taskId, tagName, repoId, top, output, deps }: MavenSettings): string {
  const paths = new PathInfo(top);
  const own = `${tagName}-${repoId}`;
  const others = deps.map((dep) => dependency(paths, dep));
  const mirrored = ['*', ...others.flatMap(({ id }) => [`!${id}`, `!${id}`])].join(',');
  return `<settings xmlns="http://maven.apache.org/POM/4.0.0"
  xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"
  xsi:schemaLocation="http://maven.apache.org/POM/4.0.0
                      http://maven.apache.org/xsd/settings-1.0.0.xsd">
  <interactiveMode>false</interactiveMode>
  <mirrors>
    <mirror>
      <id>koji-maven-repo-${text(own)}</id>
      <name>Koji-managed Maven repository (${text(own)})</name>
      <url>${text(paths.repo(repoId, tagName))}/maven</url>
      <mirrorOf>${text(mirrored)}</mirrorOf>
    </mirror>
  </mirrors>
  <profiles>
    <profile>
      <id>koji-task-${taskId}</id>
      <properties>
        <altDeploymentRepository>koji-output::default::file://${text(output)}</altDeploymentRepository>
      </properties>${list('repositories', 'repository', others)}${list('pluginRepositories', 'pluginRepository', others)}
    </profile>
  </profiles>
  <activeProfiles>
    <activeProfile>koji-task-${taskId}</activeProfile>
  </activeProfiles>
</settings>
`;
}

interface Dependency {
  readonly id: string;
  readonly name: string;
  readonly url: string;
  /** Whether it may have versions that are not final: those of tasks do. */
  readonly snapshots: boolean;
}

function dependency(paths: PathInfo, dep: number | string): Dependency {
  const isTask = typeof dep === 'number';
  const kind = isTask ? 'task' : 'build';
  return {
    id: `koji-${kind}-${dep}-repo`,
    name: `Repository for Koji ${kind} ${dep}`,
    url: isTask ? paths.task(dep) : paths.mavenbuild(parseNVR(dep)),
    snapshots: isTask,
  };
}

function list(element: string, item: string, dependencies: readonly Dependency[]): string {
  if (dependencies.length === 0) return '';
  const policy = (name: string, enabled: boolean): string => `
          <${name}>
            <enabled>${enabled}</enabled>
            <updatePolicy>never</updatePolicy>
            <checksumPolicy>fail</checksumPolicy>
          </${name}>`;
  const items = dependencies.map(
    ({ id, name, url, snapshots }) => `
        <${item}>
          <id>${text(id)}</id>
          <name>${text(name)}</name>
          <url>${text(url)}</url>
          <layout>default</layout>${policy('releases', true)}${policy('snapshots', snapshots)}
        </${item}>`,
  );
  return `\n      <${element}>${items.join('')}\n      </${element}>`;
}

/** Returns the arguments of mvn. */
export function mavenWords({ maven_options: options, profiles, properties, goals }: MavenWords): string[] {
  const defined = Object.entries(properties ?? {});
  return [
    ...['-C', ...(options ?? [])],
    ...(profiles && profiles.length > 0 ? [`-P${profiles.join(',')}`] : []),
    ...defined.map(([name, value]) => (value === null ? `-D${name}` : `-D${name}=${value}`)),
    ...[...(goals ?? []), 'deploy'],
  ];
}

/**
 * Returns the POM that the options of mvn name, below the sources.
 *
 * @throws BuildError when an option lacks it
 */
export function pomOf({ maven_options: options }: MavenWords): string {
  for (const [i, option] of (options ?? []).entries()) {
    if (option === '-f' || option === '--file') {
      const named = options?.[i + 1];
      if (named === undefined) throw new BuildError(`${option} option requires a file path`);
      return named;
    }
    const [, named] = /^(?:-f=|--file=|-f)(.*)$/s.exec(option) ?? [];
    if (named !== undefined) return named;
  }
  return 'pom.xml';
}

/** Returns the environment of mvn, with 2 GB of memory unless the options set another limit. */
export function mavenEnvironment(
  jvmOptions: readonly string[] | null | undefined,
  envs: Readonly<Record<string, string>> | null | undefined,
): Record<string, string> {
  const given = jvmOptions ?? [];
  const all = given.some((option) => option.startsWith('-Xmx')) ? given : [...given, '-Xmx2048m'];
  return { MAVEN_OPTS: all.join(' '), ...envs };
}
